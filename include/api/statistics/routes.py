"""``GET /apps/{app_code}/{event_code}``: what the people of an app did."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request, Response
from sqlalchemy import Engine

from include.accounts.roles import ANYONE
from include.accounts.scopes import STATS_READ
from include.api.apps.access import require_app
from include.api.context import ApiContext
from include.api.gate.callers import Caller
from include.api.gate.policies import JSON_TYPE, READ, Rules
from include.api.gate.problems import Refusal, invalid, not_found
from include.api.gate.routing import Routes
from include.api.statistics.shapes import (
    HEADERS,
    AggQuery,
    FilterQuery,
    Form,
    FormQuery,
    FromQuery,
    GroupQuery,
    IdentityQuery,
    LimitQuery,
    OffsetQuery,
    StatisticsAnswer,
    TopQuery,
    ToQuery,
    UserQuery,
    ValueQuery,
)
from include.errors import InputError
from include.events.apps.rules import ProjectRules, RulesCache
from include.events.loading.tables import ensure_event_tables
from include.events.schemas.compiled import EventSchema
from include.events.statistics.answering import Answer, answer
from include.events.statistics.asking import Asked, ask
from include.events.statistics.csv_form import to_csv
from include.events.statistics.question import DEFAULT_LIMIT, DEFAULT_TOP, USER_CODE, Question

CSV_TYPE = "text/csv"
CSV_CONTENT = {"schema": {"type": "string"}, "example": "user_code,diode,resistor\r\nu1,235,11\r\n"}


def add_routes(routes: Routes, context: ApiContext) -> None:
    """Register the route; after those of apps, whose words its codes never equal.

    Args:
        routes: where to.
        context: of the app.
    """
    statistics = Statistics(context)
    routes.add(
        "GET",
        "/apps/{app_code}/{event_code}",
        statistics.show,
        Rules(READ.also(roles=ANYONE, scope=STATS_READ), also_media=(CSV_TYPE,)),
        errors=(404,),
        response_model=StatisticsAnswer,
        responses={200: {"headers": HEADERS, "content": {CSV_TYPE: CSV_CONTENT}}},
        summary="What the people of an app did: an aggregate per person and value of an attribute",
        tags=["apps"],
    )


class Statistics:
    """The endpoint of statistics.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        self._rules = RulesCache()
        self._has_tables = False  # nothing may have been loaded yet

    def show(
        self,
        request: Request,
        app_code: str,
        event_code: str,
        group_by: GroupQuery = None,
        value: ValueQuery = None,
        agg: AggQuery = None,
        start: FromQuery = None,
        end: ToQuery = None,
        filters: FilterQuery = None,
        top_k: TopQuery = DEFAULT_TOP,
        user_code: UserQuery = None,
        identity: IdentityQuery = USER_CODE,
        form: FormQuery = Form.WIDE,
        limit: LimitQuery = DEFAULT_LIMIT,
        offset: OffsetQuery = 0,
    ) -> Response:
        """Aggregate one event per person and value of an attribute; from events that have been loaded."""
        asked = Asked(group_by, value, agg, start, end, tuple(filters or ()), top_k, user_code, identity, limit, offset)
        rules, schema = self._require_event(request.state.caller, app_code, event_code)
        found = self._answer(_question(rules, schema, asked))
        return _response(found, form, wants_csv=form is Form.CSV or _prefers_csv(request))

    def _require_event(self, caller: Caller, app_code: str, event_code: str) -> tuple[ProjectRules, EventSchema]:
        state: Engine = self._context.stores.state
        try:
            require_app(state, caller, app_code)
        except Refusal as refusal:
            if refusal.status == 404:
                raise _nothing_there() from None
            raise
        rules = self._rules.get(state, app_code)
        for schema in rules.schemas.values() if rules else ():
            if rules and schema.event_code == event_code:
                return rules, schema
        raise _nothing_there()

    def _answer(self, question: Question) -> Answer:
        warehouse, intake = self._context.stores.warehouse, self._context.settings.intake
        if not self._has_tables:
            ensure_event_tables(warehouse, intake)
            self._has_tables = True
        return answer(warehouse, intake.events_table, question)


def _question(rules: ProjectRules, schema: EventSchema, asked: Asked) -> Question:
    try:
        return ask(rules, schema, asked)
    except InputError as error:
        raise invalid(error.pointer, error.message, error.code, place="query") from None


def _nothing_there() -> Refusal:
    """One answer for an absent app, another's app and an event it does not have, so that none can be told apart."""
    return not_found("There is no such app or event.")


def _prefers_csv(request: Request) -> bool:
    accept = request.headers.get("accept", "").lower()
    return CSV_TYPE in accept and JSON_TYPE not in accept


def _response(found: Answer, form: Form, *, wants_csv: bool) -> Response:
    headers = {
        "X-Total-Count": str(found.total),
        "X-Has-More": "true" if found.has_more else "false",
        "X-Skipped-Rows": str(found.skipped_count),
    }
    if wants_csv:
        text = to_csv(found, is_long=form is Form.LONG)
        return Response(text, headers=headers, media_type=f"{CSV_TYPE}; charset=utf-8")
    rows: list[dict[str, Any]] = found.long() if form is Form.LONG else found.wide()
    # Not through a library that knows integers of 64 bits only: sums may be larger.
    content = json.dumps(rows, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    return Response(content, headers=headers, media_type=JSON_TYPE)
