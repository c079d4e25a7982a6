"""Routes of the quarantine."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import Query, Request
from sqlalchemy import Engine

from include.accounts.roles import ADMIN, ANYONE
from include.api.context import ApiContext
from include.api.events.answers import written
from include.api.events.desk import IntakeDesk
from include.api.events.senders import owned_projects, visible_project
from include.api.events.shapes import QuarantineList, ReplayAnswer, ReplayFilter, ReplayOrder
from include.api.gate.callers import Caller, CallerKind
from include.api.gate.policies import EVENTS_ANCHOR, READ, Rules, write
from include.api.gate.problems import invalid
from include.api.gate.routing import Routes
from include.events.quarantine.choosing import Chosen, choose_by_ids, choose_open
from include.events.quarantine.listing import Question, list_quarantine
from include.events.quarantine.replaying import replay
from include.events.statistics.periods import parse_period

UTC = ZoneInfo("UTC")
LARGEST_OFFSET = 10_000_000

AppQuery = Annotated[str | None, Query(max_length=200, description="Only events of this app.", examples=["default"])]
CodeQuery = Annotated[str | None, Query(max_length=100, description="Only this code.", examples=["attr_type_mismatch"])]
StatusQuery = Annotated[
    Literal["open", "replayed", "discarded"] | None, Query(description="Only this status.", examples=["open"])
]
FromQuery = Annotated[
    str | None,
    Query(alias="from", max_length=100, description="Received at this time or later.", examples=["2025-07-01"]),
]
ToQuery = Annotated[
    str | None, Query(max_length=100, description="Received before this time.", examples=["2025-07-02T00:00:00Z"])
]
LimitQuery = Annotated[int, Query(ge=1, le=1000)]
OffsetQuery = Annotated[int, Query(ge=0, le=LARGEST_OFFSET)]


def add_routes(routes: Routes, context: ApiContext, desk: IntakeDesk) -> None:
    """Register the routes of this module.

    Args:
        routes: where to.
        context: of the app.
        desk: knows how full the inbox is.
    """
    quarantine = Quarantine(context, desk)
    routes.add(
        "GET",
        "/quarantine",
        quarantine.events,
        Rules(READ.also(roles=ANYONE)),
        errors=(404,),
        response_model=QuarantineList,
        summary="Rejected events",
        tags=["events"],
    )
    routes.add(
        "POST",
        "/quarantine/replay",
        quarantine.replay,
        Rules(write(EVENTS_ANCHOR).also(roles=ANYONE)),
        errors=(404,),
        response_model=ReplayAnswer,
        summary="Hold rejected events against the rules again",
        tags=["events"],
    )


class Quarantine:
    """Endpoints of the quarantine.

    Args:
        context: of the app.
        desk: knows how full the inbox is.
    """

    def __init__(self, context: ApiContext, desk: IntakeDesk) -> None:
        self._context, self._desk = context, desk

    def events(
        self,
        request: Request,
        app_code: AppQuery = None,
        code: CodeQuery = None,
        status: StatusQuery = None,
        from_: FromQuery = None,
        to: ToQuery = None,
        limit: LimitQuery = 100,
        offset: OffsetQuery = 0,
    ) -> dict[str, Any]:
        """List rejected events, newest first: an account those of its apps, admins and operators all."""
        engine = self._context.stores.state
        first, last = parse_period(from_, to, UTC)
        numbers = _visible(engine, request.state.caller, app_code)
        page = list_quarantine(engine, Question(numbers, code, status, first, last, limit, offset))
        items = [
            {**item, "received_at": written(item["received_at"]), "ended_at": written(item["ended_at"])}
            for item in page.items
        ]
        return {
            "items": items,
            "total": page.total,
            "limit": limit,
            "offset": offset,
            "has_more": offset + len(items) < page.total,
        }

    def replay(self, request: Request, order: ReplayOrder) -> dict[str, Any]:
        """Hold rejected events against today's rules, with the id and the time of reception they had.

        What is accepted now goes into the inbox; the rest stays with its new reason. Repeating a replay adds nothing.
        """
        engine, caller = self._context.stores.state, request.state.caller
        chosen = _chosen(engine, caller, order)
        self._desk.limits.room.require(engine)
        return asdict(replay(engine, chosen, corrections=order.corrections))


def _chosen(engine: Engine, caller: Caller, order: ReplayOrder) -> Chosen:
    is_by_id = order.ids is not None or order.corrections is not None
    if is_by_id + (order.filter is not None) + (order.app_code is not None) != 1:
        raise invalid("/ids", "Give either ids, or a filter with app_code.", "conflicting_input")
    if is_by_id:
        ids = [*(order.ids or []), *(order.corrections or {})]
        return choose_by_ids(engine, ids, _visible(engine, caller, None))
    wanted = order.filter or ReplayFilter(app_code=order.app_code or "")
    number = visible_project(engine, caller, wanted.app_code)
    first, last = parse_period(wanted.from_, wanted.to, UTC)
    return choose_open(engine, number, code=wanted.code, from_at=first, to_at=last)


def _visible(engine: Engine, caller: Caller, app_code: str | None) -> frozenset[int] | None:
    if app_code is not None:
        return frozenset({visible_project(engine, caller, app_code)})
    if caller.kind is CallerKind.ACCOUNT and caller.role != ADMIN:
        return frozenset(owned_projects(engine, caller).values())
    return None
