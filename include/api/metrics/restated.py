"""``GET /api/v1/metrics/restatements``: what changed in periods that were closed, and why."""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict, Field

from include.accounts.roles import ADMIN, TEACHER
from include.api.context import ApiContext
from include.api.gate.paging import DEFAULT_LIMIT, LimitQuery, OffsetQuery, page_of
from include.api.gate.policies import READ, Rules
from include.api.gate.routing import Routes
from include.api.metrics.access import CourseAccess
from include.api.metrics.asking import asked_in
from include.api.metrics.queries import LONGEST_NAME_CHARS, LONGEST_TIME_CHARS, CourseQuery, ProjectQuery
from include.events.statistics.periods import parse_period
from include.metrics.names import parse_metrics
from include.metrics.reading.restatements import restatements

USUAL_ZONE = ZoneInfo("UTC")
FromQuery = Annotated[
    str | None,
    Query(
        alias="from",
        max_length=LONGEST_TIME_CHARS,
        description="First instant of restating, or a day of the course's zone (of UTC without a course).",
        examples=["2025-03-10T00:00:00Z"],
    ),
]
ToQuery = Annotated[
    str | None, Query(alias="to", max_length=LONGEST_TIME_CHARS, description="First instant after the stretch.")
]
MetricQuery = Annotated[
    str | None, Query(max_length=LONGEST_NAME_CHARS, description="Only this metric.", examples=["retention"])
]


_RESTATEMENT: dict[str, Any] = {
    "restatement_id": 17,
    "restated_at": "2025-03-20T01:02:03.000Z",
    "project": "default",
    "course_id": "algebra",
    "metric_name": "time_on_task",
    "version": 2,
    "person_id": "ac5940a4-c19b-5245-be7f-61e24730c3e4",
    "user_ids": ["1000"],
    "period_start": "2025-03-03T00:00:00.000Z",
    "period_end": "2025-03-10T00:00:00.000Z",
    "grain": "week",
    "timezone": "UTC",
    "old_value": 360.0,
    "new_value": 420.0,
    "old_sample_n": 11,
    "new_sample_n": 12,
    "cause": "late_data",
    "load_ids": [812],
    "run_id": "scheduled__2025-03-20T01:00:00+00:00",
    "card_digest": "9f3c2a10b7de4d5c8e6f0a1b2c3d4e5f9f3c2a10b7de4d5c8e6f0a1b2c3d4e5f",
}


class RestatementView(BaseModel):
    """One value of a closed period that changed."""

    model_config = ConfigDict(json_schema_extra={"examples": [_RESTATEMENT]})
    restatement_id: int
    restated_at: str
    project: str
    course_id: str
    metric_name: str
    version: int
    person_id: str
    user_ids: list[str] = Field(description="What events call the learner.")
    period_start: str
    period_end: str
    grain: str
    timezone: str
    old_value: float | None
    new_value: float | None
    old_sample_n: int = Field(description="0 where there was no entry.")
    new_sample_n: int = Field(description="0 where there is no entry any more.")
    cause: str = Field(description="late_data, replay, day_closed, recalculation, definition_change or deletion.")
    load_ids: list[int]
    run_id: str
    card_digest: str


class RestatementPageView(BaseModel):
    """Restatements, the newest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"items": [_RESTATEMENT], "total": 1, "limit": 100, "offset": 0, "has_more": False}]
        }
    )
    items: list[RestatementView]
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
        "/api/v1/metrics/restatements",
        Restatements(context).show,
        Rules(READ.also(roles=(TEACHER, ADMIN))),
        errors=(404,),
        response_model=RestatementPageView,
        summary="What changed in closed periods, and why",
        tags=["metrics"],
    )


class Restatements:
    """The endpoint of restatements.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._access = CourseAccess(context)

    def show(
        self,
        request: Request,
        course_id: CourseQuery = None,
        start: FromQuery = None,
        end: ToQuery = None,
        metric: MetricQuery = None,
        project: ProjectQuery = None,
        limit: LimitQuery = DEFAULT_LIMIT,
        offset: OffsetQuery = 0,
    ) -> dict[str, Any]:
        """List restatements, the newest first; teachers see those of their own courses.

        The first value of a period and all its restatements together always give the value it has now.
        """
        caller = request.state.caller
        with asked_in("query", "metric"):
            wanted = None if metric is None else parse_metrics([metric])[0]
        with asked_in("query"):
            course = None if course_id is None else self._access.to_read(caller, course_id, project)
            zone = course.zone if course else USUAL_ZONE
            from_at, to_at = parse_period(start, end, zone)
            found = restatements(
                self._access.stores().engine,
                project=course.project if course else project,
                course_id=course_id,
                readable=self._access.readable(caller),
                from_at=from_at,
                to_at=to_at,
                metric=wanted,
                limit=limit,
                offset=offset,
            )
        return page_of([item.document() for item in found.items], found.total, limit, offset)
