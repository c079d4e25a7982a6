"""All routes of event intake, sharing one desk."""

from __future__ import annotations

from include.api.context import ApiContext
from include.api.events import posting, quarantine, receipts, singles
from include.api.events.desk import IntakeDesk
from include.api.gate.routing import Routes


def add_routes(routes: Routes, context: ApiContext) -> None:
    """Register the routes of intake.

    Args:
        routes: where to.
        context: of the app.
    """
    desk = IntakeDesk(context)
    posting.add_routes(routes, desk)
    singles.add_routes(routes, desk)
    receipts.add_routes(routes, context)
    quarantine.add_routes(routes, context, desk)
