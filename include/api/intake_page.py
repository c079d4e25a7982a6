"""The page of intake inside Airflow; plain HTML without any script."""

from __future__ import annotations

import datetime as dt

from fastapi.responses import HTMLResponse

from include.api.context import ApiContext
from include.api.gate.policies import READ, Rules
from include.api.gate.routing import Routes
from include.days import utc_now
from include.events.loading.status import read_status, recent_loads
from include.events.showing.figures import read_figures
from include.events.showing.page import SHOWN_DAYS, SHOWN_LOADS, intake_page
from include.pages import PAGE_HEADERS

HTML_TYPE = "text/html"


def add_routes(routes: Routes, context: ApiContext) -> None:
    """Register the route of this module.

    Args:
        routes: where to.
        context: of the app.
    """

    def page() -> HTMLResponse:
        """Show what each project sent, what waits, the last loads, and what was rejected."""
        state, now = context.stores.state, utc_now()
        midnight = dt.datetime.combine(now.date(), dt.time(), dt.UTC)
        figures = read_figures(state, midnight - dt.timedelta(days=SHOWN_DAYS - 1))
        shown = intake_page(read_status(state), figures, recent_loads(state, SHOWN_LOADS), now)
        return HTMLResponse(shown, headers=PAGE_HEADERS)

    rules = Rules(READ, media_type=HTML_TYPE)
    routes.add(
        "GET", "/ui/events", page, rules, summary="How intake is doing, as a page", tags=["pages"],
        response_class=HTMLResponse,
    )  # fmt: skip
