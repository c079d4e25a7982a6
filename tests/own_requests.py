"""Own log requests of the tests, against the real sandbox and PostgreSQL."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Engine, select, update

from include.days import utc_now
from include.metrika.client.logs_api import LogOrder, LogsApi
from include.metrika.fields.resolving import VISIT_FIELDS
from include.metrika.requests.order_rows import OwnRequest
from include.metrika.requests.own_requests import ensure_request, wait_processed
from include.metrika_sandbox.serving.server import SandboxHandle
from include.settings import MetrikaSettings
from include.state.tables import log_requests

DAY = dt.date(2026, 11, 10)
FIELDS = tuple(field.api_name for field in VISIT_FIELDS)
ORDER = LogOrder(101, "visits", DAY, DAY, FIELDS)
PATIENT = MetrikaSettings(poll_seconds=0.02, poll_max_seconds=0.1, deadline_seconds=20)


def created(sandbox: SandboxHandle) -> int:
    """How many exports the sandbox was asked for."""
    return int(sandbox.stats()["requests"].get("POST logrequests", 0))


def no_sleep(seconds: float) -> None:
    """Wait not at all."""


def ordered(api: LogsApi, state: Engine, order: LogOrder = ORDER, run_id: str = "run1") -> OwnRequest:
    """Order, or find again."""
    return ensure_request(api, state, order, run_id, sleep=no_sleep)


def ready(api: LogsApi, state: Engine, order: LogOrder = ORDER, run_id: str = "run1") -> OwnRequest:
    """Order and wait for the parts."""
    return wait_processed(api, state, ordered(api, state, order, run_id), PATIENT)


def open_rows(state: Engine) -> int:
    """How many own requests may still occupy something at Metrika."""
    with state.connect() as connection:
        return len(connection.execute(select(log_requests).where(log_requests.c.released_at.is_(None))).all())


def grow_old(state: Engine, hours: float) -> None:
    """Let every own request have been ordered so long ago."""
    with state.begin() as connection:
        connection.execute(update(log_requests).values(ordered_at=utc_now() - dt.timedelta(hours=hours)))
