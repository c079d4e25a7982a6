"""Routes about the service itself: health, the OpenAPI document, a page that shows it."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse
from sqlalchemy import func, select, text

from include.api.context import ApiContext
from include.api.docs.page import PAGE_POLICY, docs_page
from include.api.gate.openapi import document
from include.api.gate.policies import PUBLIC, READ, Rules
from include.api.gate.routing import Routes
from include.days import utc_now
from include.errors import CounterflowError
from include.events.kafka.status import known_status
from include.events.loading.status import read_status
from include.provenance.event_balances import balance_intake
from include.settings.intake import KAFKA
from include.state.engine import reachable
from include.state.tables import conversion_uploads, day_stages

UP, DOWN = "ok", "down"
BALANCED_DAYS = 2  # days of reception whose events are balanced
HTML_TYPE = "text/html"


def add_routes(routes: Routes, context: ApiContext, app: FastAPI) -> None:
    """Register the routes of this module.

    Args:
        routes: where to.
        context: of the app.
        app: the app, for its document.
    """
    system = System(context)
    options: dict[str, Any] = {"tags": ["system"]}
    routes.add(
        "GET",
        "/health",
        system.health,
        Rules(PUBLIC),
        responses=_shown({"status": UP}),
        summary="Is the service up",
        **options,
    )
    routes.add(
        "GET",
        "/health/details",
        system.details,
        Rules(READ),
        responses=_shown({"postgresql": {"state": UP, "milliseconds": 1}, "scheduler": {"state": UP}}),
        summary="State of each part",
        **options,
    )

    def openapi() -> dict[str, Any]:
        """Give this document."""
        return document(app, routes.rules_by_address())

    def docs() -> HTMLResponse:
        """Show the routes on a page that needs nothing from elsewhere."""
        return HTMLResponse(
            docs_page(document(app, routes.rules_by_address())), headers={"Content-Security-Policy": PAGE_POLICY}
        )

    routes.add("GET", "/openapi.json", openapi, Rules(READ), summary="The OpenAPI document", **options)
    routes.add(
        "GET",
        "/docs",
        docs,
        Rules(READ, media_type=HTML_TYPE),
        summary="The routes as a page",
        response_class=HTMLResponse,
        **options,
    )


def _shown(example: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"application/json": {"example": example}}}}


class System:
    """Endpoints about health.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def health(self) -> JSONResponse:
        """Say whether requests can be served; nothing else."""
        is_up = all(_checked(part)["state"] == UP for part in (self._postgres, self._clickhouse))
        if is_up:
            return JSONResponse({"status": UP})
        return JSONResponse({"status": DOWN}, 503, {"Retry-After": "5"})

    def details(self) -> dict[str, Any]:
        """Give state and number of each part; times in milliseconds, ages in seconds."""
        parts: dict[str, Callable[[], dict[str, Any]]] = {
            "postgresql": self._postgres,
            "clickhouse": self._clickhouse,
            "scheduler": self._scheduler,
            "last_load": self._last_load,
            "quarantined_rows": self._quarantined,
            "open_uploads": self._open_uploads,
            "inbox": self._inbox,
            "event_balances": self._event_balances,
            **({"topic": self._topic} if self._context.settings.intake.transport == KAFKA else {}),
        }
        return {name: _checked(part) for name, part in parts.items()}

    def _postgres(self) -> dict[str, Any]:
        return {"state": UP, "milliseconds": _timed(lambda: self._ask_state(text("SELECT 1")))}

    def _clickhouse(self) -> dict[str, Any]:
        warehouse = self._context.stores.warehouse
        return {"state": UP, "milliseconds": _timed(lambda: warehouse.scalar("SELECT 1"))}

    def _scheduler(self) -> dict[str, Any]:
        return {"state": UP if self._context.orchestrator.is_scheduling() else DOWN}

    def _last_load(self) -> dict[str, Any]:
        last = self._ask_state(select(func.max(day_stages.c.finished_at)).where(day_stages.c.stage == "visits"))
        return {"state": UP, "age_seconds": round((utc_now() - last).total_seconds()) if last else None}

    def _quarantined(self) -> dict[str, Any]:
        count = func.sum(day_stages.c.counts["quarantined"].as_integer())
        query = select(count).where(day_stages.c.stage.in_(("visits", "hits")))
        return {"state": UP, "count": int(self._ask_state(query) or 0)}

    def _open_uploads(self) -> dict[str, Any]:
        query = select(func.count()).select_from(conversion_uploads).where(conversion_uploads.c.finished_at.is_(None))
        return {"state": UP, "count": int(self._ask_state(query))}

    def _inbox(self) -> dict[str, Any]:
        found = read_status(self._context.stores.state)
        last = found.last_landed_at
        return {
            "state": DOWN if found.failure else UP,
            "waiting_batches": found.waiting_batches,
            "waiting_events": found.waiting_events,
            "waiting_bytes": found.waiting_bytes,
            "lag_seconds": round(found.lag_seconds),
            "last_load_age_seconds": round((utc_now() - last).total_seconds()) if last else None,
            "quarantine_open": found.quarantine_open,
        }

    def _topic(self) -> dict[str, Any]:
        found = known_status(self._context.stores.state, self._context.settings.intake.kafka.topic)
        looked_at = [one.read_at for one in found.partitions if one.read_at]
        age = round((utc_now() - min(looked_at)).total_seconds()) if looked_at else None
        return {"state": UP, "lag": found.lag, "lost": found.lost_count, "age_seconds": age}

    def _event_balances(self) -> dict[str, Any]:
        since = utc_now() - dt.timedelta(days=BALANCED_DAYS)
        found = balance_intake(self._context.stores.state, since=since)
        residuals = {one.name: one.residual for one in found if one.residual}
        return {"state": DOWN if residuals else UP, "balances": len(found), "residuals": residuals}

    def _ask_state(self, query: Any) -> Any:
        state = self._context.stores.state
        with reachable(state), state.connect() as connection:
            return connection.execute(query).scalar()


def _checked(part: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return part()
    except CounterflowError:
        return {"state": DOWN}


def _timed(work: Callable[[], Any]) -> int:
    started = time.monotonic()
    work()
    return round(1000 * (time.monotonic() - started))
