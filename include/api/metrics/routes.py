"""The routes of learning metrics, together."""

from __future__ import annotations

from include.api.context import ApiContext
from include.api.gate.routing import Routes
from include.api.metrics import calculating, cards, curves, page, restated, values


def add_routes(routes: Routes, context: ApiContext) -> None:
    """Register the routes of learning metrics.

    Args:
        routes: where to.
        context: of the app.
    """
    for room in (calculating, cards, restated, values, curves, page):
        room.add_routes(routes, context)
