"""``GET /api/v1/analytics/course/{course_id}/retention``: who comes back, by cohort and day."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from include.accounts.roles import ADMIN, TEACHER
from include.api.context import ApiContext
from include.api.gate.policies import JSON_TYPE, READ, Rules
from include.api.gate.problems import invalid
from include.api.gate.routing import Routes
from include.api.metrics.access import CourseAccess
from include.api.metrics.asking import asked_in, parse_bounds
from include.api.metrics.queries import LONGEST_NAME_CHARS, LONGEST_TIME_CHARS, ProjectQuery
from include.days import utc_now
from include.metrics.courses import LearningCourse
from include.metrics.periods.grains import ONE_DAY, Grain, local_day
from include.metrics.retention.asking import (
    LONGEST_DAYS,
    LONGEST_WINDOW_DAYS,
    USUAL_DAYS,
    USUAL_WINDOW_DAYS,
    ask_curves,
)
from include.metrics.retention.cohorts import CurveKind
from include.metrics.retention.csv_form import curves_csv
from include.metrics.retention.curves import Curves, retention_curves

CSV_TYPE = "text/csv"
USUAL_PERIOD = 12 * 7 * ONE_DAY  # of beginners, up to today, when no period is named
ONE_MS = dt.timedelta(milliseconds=1)


class Form(StrEnum):
    """Forms of the answer."""

    JSON = "json"
    CSV = "csv"


BeginQuery = Annotated[
    str | None,
    Query(
        max_length=LONGEST_TIME_CHARS,
        description="The first cohort holds this day; twelve weeks ago when no period is named.",
    ),
]
UntilQuery = Annotated[
    str | None, Query(max_length=LONGEST_TIME_CHARS, description="The last cohort holds the day before.")
]
CohortQuery = Annotated[
    str,
    Query(
        max_length=LONGEST_NAME_CHARS,
        description="day, week or month: people whose first active day lies in the same one are a cohort.",
    ),
]
KindQuery = Annotated[
    CurveKind | None,
    Query(
        description="exact: active on day n; unbounded: on day n or later; rolling: in the window that ends with it. "
        "With a kind the answer has a row per cohort and its shares as day_0, day_1 and so on; without, a row per "
        "cohort and day with all three."
    ),
]
DaysQuery = Annotated[int, Query(ge=0, le=LONGEST_DAYS, description="The largest n.")]
WindowQuery = Annotated[int, Query(ge=1, le=LONGEST_WINDOW_DAYS, description="Width of the rolling window, days.")]
FormQuery = Annotated[Form, Query(alias="format")]

_POINT: dict[str, Any] = {
    "cohort_size": 40,
    "n": 7,
    "closed_count": 40,
    "exact_count": 10,
    "exact_share": 0.25,
    "unbounded_count": 18,
    "unbounded_share": 0.45,
    "rolling_count": 22,
    "rolling_share": 0.55,
}
_CURVES: dict[str, Any] = {
    "project": "default",
    "course_id": "algebra",
    "timezone": "Europe/Moscow",
    "grain": "week",
    "first_day": "2025-03-03",
    "last_day": "2025-03-30",
    "longest_days": 28,
    "window_days": 7,
    "calculated_at": "2025-04-30T12:00:00.000Z",
    "items": [{"cohort": "2025-03-03", **_POINT}],
    "everybody": [_POINT],
}
CSV_CONTENT = {
    "schema": {"type": "string"},
    "example": "course_id,cohort,cohort_size,day_0,day_1\r\nalgebra,2025-03-03,40,1.0,0.35\r\n",
}


class CurvesView(BaseModel):
    """Retention curves; a share is null while the day has ended for nobody of the cohort."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CURVES]})
    project: str
    course_id: str
    timezone: str
    grain: str
    first_day: str = Field(description="First day of the first cohort.")
    last_day: str = Field(description="Last day of the last cohort.")
    longest_days: int
    window_days: int
    calculated_at: str = Field(description="Decides which days have ended.")
    items: list[dict[str, Any]]
    everybody: list[dict[str, Any]] = Field(description="All cohorts as one, a row per day.")


def add_routes(routes: Routes, context: ApiContext) -> None:
    """Register the route.

    Args:
        routes: where to.
        context: of the app.
    """
    routes.add(
        "GET",
        "/api/v1/analytics/course/{course_id}/retention",
        Retention(context).show,
        Rules(READ.also(roles=(TEACHER, ADMIN)), also_media=(CSV_TYPE,)),
        errors=(404,),
        response_model=CurvesView,
        responses={200: {"content": {CSV_TYPE: CSV_CONTENT}}},
        summary="Retention curves of a course, by cohort and day",
        tags=["metrics"],
    )


class Retention:
    """The endpoint of retention curves.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._access = CourseAccess(context)

    def show(
        self,
        request: Request,
        course_id: str,
        period_start: BeginQuery = None,
        period_end: UntilQuery = None,
        grain: CohortQuery = Grain.WEEK,
        kind: KindQuery = None,
        days: DaysQuery = USUAL_DAYS,
        window_days: WindowQuery = USUAL_WINDOW_DAYS,
        form: FormQuery = Form.JSON,
        project: ProjectQuery = None,
    ) -> Response:
        """Follow those who began together: which share of them was active n days after their first active day."""
        with asked_in("query"):
            course = self._access.to_read(request.state.caller, course_id, project)
            first_day, last_day = _days(period_start, period_end, course)
            question = ask_curves(first_day, last_day, grain=grain, longest_days=days, window_days=window_days)
            curves = retention_curves(self._access.stores().warehouse, course, question)
        if form is Form.CSV or _prefers_csv(request):
            return Response(curves_csv(curves, kind=kind), media_type=f"{CSV_TYPE}; charset=utf-8")
        return JSONResponse(_shown(curves, kind))


def _days(start: str | None, end: str | None, course: LearningCourse) -> tuple[dt.date, dt.date]:
    if start is None and end is None:
        today = local_day(utc_now(), course.zone)
        return today - USUAL_PERIOD + ONE_DAY, today
    if start is None or end is None:
        missing = "period_start" if start is None else "period_end"
        raise invalid(f"/{missing}", "Name both ends of the period, or none.", "bad_period", place="query")
    start_at, end_at = parse_bounds(start, end, course.zone)
    return local_day(start_at, course.zone), local_day(end_at - ONE_MS, course.zone)


def _prefers_csv(request: Request) -> bool:
    accept = request.headers.get("accept", "").lower()
    return CSV_TYPE in accept and JSON_TYPE not in accept


def _shown(curves: Curves, kind: CurveKind | None) -> dict[str, Any]:
    document = curves.document()
    everybody = document.pop("total")
    items = document.pop("items") if kind is None else curves.wide(kind)
    return {**document, "items": items, "everybody": everybody}
