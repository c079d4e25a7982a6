"""``GET /api/v1/metrics/cards``: the catalogue, to the letter."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict

from include.accounts.roles import ADMIN, TEACHER
from include.api.context import ApiContext
from include.api.gate.paging import DEFAULT_LIMIT, LimitQuery, OffsetQuery, page_of
from include.api.gate.policies import READ, Rules
from include.api.gate.routing import Routes
from include.api.metrics.access import CourseAccess
from include.api.metrics.asking import asked_in
from include.api.metrics.queries import LONGEST_NAME_CHARS, CourseQuery, MetricsQuery, ProjectQuery
from include.metrics.catalogue.card import Card
from include.metrics.catalogue.cards import cards_of
from include.metrics.names import ALL_VERSIONS, parse_metrics, parse_versions

USUAL_ZONE = "UTC"
EveryVersionQuery = Annotated[
    str, Query(max_length=LONGEST_NAME_CHARS, description="1, 2 or all (default).", examples=["2"])
]
_CARD: dict[str, Any] = {
    "metric_name": "completion_rate",
    "version": 2,
    "unit": "share",
    "course_unit": "share",
    "formula": "required items with a task_success / required items",
    "parameters": {"time_zone": "Europe/Moscow"},
    "bounds": [0.0, 1.0],
    "sample": "required items",
    "null_rule": "no_catalogue: the course asks for nothing",
    "source": "field practice",
    "is_ratio": True,
    "card_digest": "9b1d5a7c0e",
}


class CardView(BaseModel):
    """One definition; another zone or other settings make another digest."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CARD]})
    metric_name: str
    version: int
    unit: str
    course_unit: str
    formula: str
    parameters: dict[str, Any]
    bounds: list[float | None]
    sample: str
    null_rule: str
    source: str
    is_ratio: bool
    card_digest: str


class CardPage(BaseModel):
    """Cards in the order of the catalogue."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_CARD], "total": 1, "limit": 100, "offset": 0, "has_more": False}]}
    )
    items: list[CardView]
    total: int
    limit: int
    offset: int
    has_more: bool


def add_routes(routes: Routes, context: ApiContext) -> None:
    """Register the route.

    Args:
        routes: where to.
        context: of the app.
    """
    routes.add(
        "GET",
        "/api/v1/metrics/cards",
        Catalogue(context).cards,
        Rules(READ.also(roles=(TEACHER, ADMIN))),
        errors=(404,),
        response_model=CardPage,
        summary="What each metric is: formula, unit, parameters, when there is no value",
        tags=["metrics"],
    )


class Catalogue:
    """The endpoint of the catalogue.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._context, self._access = context, CourseAccess(context)

    def cards(
        self,
        request: Request,
        metrics: MetricsQuery = None,
        version: EveryVersionQuery = ALL_VERSIONS,
        course_id: CourseQuery = None,
        project: ProjectQuery = None,
        limit: LimitQuery = DEFAULT_LIMIT,
        offset: OffsetQuery = 0,
    ) -> dict[str, Any]:
        """Show the definitions in force, those of one course when it is named; without a course the zone is UTC."""
        settings = self._context.settings.learning
        with asked_in("query"):
            zone = USUAL_ZONE
            if course_id is not None:
                zone = self._access.to_read(request.state.caller, course_id, project).zone.key
            names, versions = parse_metrics(metrics), parse_versions(version, settings.default_version)
        found = [_shown(card) for card in cards_of(names, versions, zone, settings)]
        return page_of(found[offset : offset + limit], len(found), limit, offset)


def _shown(card: Card) -> dict[str, Any]:
    document = card.document()
    return {"metric_name": document.pop("metric"), **document, "card_digest": card.digest}
