"""``POST /api/v1/metrics/calculate``: have the metrics of a course and period calculated anew."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictStr, WithJsonSchema

from include.accounts.courses import LONGEST_ID
from include.accounts.roles import ADMIN, TEACHER
from include.api.context import ApiContext
from include.api.gate.policies import METRICS_ANCHOR, Rules, write
from include.api.gate.problems import invalid
from include.api.gate.routing import Routes
from include.api.metrics.access import CourseAccess
from include.api.metrics.asking import parse_bounds
from include.api.metrics.queries import LONGEST_NAME_CHARS, LONGEST_TIME_CHARS, MOST_NAMES
from include.api.tasks.jobs import JobOrder, take_job
from include.api.tasks.task_rows import METRICS
from include.api.tasks.visit_tasks import asker_of, status_link
from include.metrics.courses import LearningCourse
from include.metrics.names import ALL_VERSIONS, VERSIONS, Metric, parse_metrics, parse_versions
from include.metrics.reading.asking import written


def _text_of_number(value: Any) -> Any:
    """Ids and versions may be written as JSON integers."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


IdField = Annotated[
    StrictStr,
    Field(min_length=1, max_length=LONGEST_ID),
    BeforeValidator(_text_of_number),
    WithJsonSchema({"anyOf": [{"type": "string", "minLength": 1, "maxLength": LONGEST_ID}, {"type": "integer"}]}),
]
VersionField = Annotated[
    StrictStr,
    Field(max_length=LONGEST_NAME_CHARS),
    BeforeValidator(_text_of_number),
    WithJsonSchema({"anyOf": [{"type": "integer", "enum": list(VERSIONS)}, {"type": "string"}]}),
]
NamesField = Annotated[
    list[Annotated[StrictStr, Field(max_length=LONGEST_NAME_CHARS)]] | None, Field(max_length=MOST_NAMES)
]
NamesQuery = Annotated[
    list[str] | None, Query(alias="metrics", description="May be given in the body instead; all six when absent.")
]
ProjectQuery = Annotated[
    str | None, Query(max_length=LONGEST_ID, description="May be given in the body instead.", examples=["default"])
]


class CalculateBody(BaseModel):
    """What is to be calculated."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "course_id": "algebra",
                    "period_start": "2025-03-03T00:00:00Z",
                    "period_end": "2025-03-10T00:00:00Z",
                    "metrics": ["retention", "completion_rate"],
                }
            ]
        },
    )
    course_id: IdField
    period_start: Annotated[StrictStr, Field(max_length=LONGEST_TIME_CHARS)] = Field(
        description="First instant, or a day as its first instant in the zone of the course."
    )
    period_end: Annotated[StrictStr, Field(max_length=LONGEST_TIME_CHARS)] = Field(
        description="First instant after the period, or a day that is no longer part of it; at most 366 days later."
    )
    metrics: NamesField = Field(default=None, description="Names of metrics; all six when absent or empty.")
    version: VersionField | None = Field(default=None, description="1, 2 or all; METRICS_DEFAULT_VERSION when absent.")
    project: Annotated[StrictStr, Field(max_length=LONGEST_ID)] | None = Field(
        default=None, description="Project of the course; without it the only one that has such a course."
    )


class CalculationTaken(BaseModel):
    """The job, and the metrics it calculates."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "task_id": "api__metrics__20250702T010203Z__9f3c2a10",
                    "metrics": ["retention", "completion_rate"],
                }
            ]
        }
    )
    task_id: str
    metrics: list[str]


def add_routes(routes: Routes, context: ApiContext) -> None:
    """Register the route.

    Args:
        routes: where to.
        context: of the app.
    """
    routes.add(
        "POST",
        "/api/v1/metrics/calculate",
        Calculation(context).start,
        Rules(write(METRICS_ANCHOR).also(roles=(TEACHER, ADMIN)), is_idempotent=True),
        errors=(404,),
        status_code=202,
        response_model=CalculationTaken,
        responses={200: {"model": CalculationTaken, "description": "An equal job is waiting or working"}},
        summary="Calculate metrics of a course for a period",
        tags=["metrics"],
    )


class Calculation:
    """The endpoint that starts calculations.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._context, self._access = context, CourseAccess(context)

    def start(
        self,
        body: CalculateBody,
        request: Request,
        response: Response,
        metrics: NamesQuery = None,
        project: ProjectQuery = None,
    ) -> dict[str, Any]:
        """Start a run of the DAG `learning_metrics` for one period of one course.

        Events that came since the last run are taken into account first. A job with equal parameters that is waiting
        or working is given back with status 200.
        """
        name = _agreed_project(body.project, project)
        course = self._access.to_calculate(request.state.caller, body.course_id, name)
        order = self._order(body, course, _agreed_metrics(body.metrics, metrics))
        taken = take_job(self._context, order, asker_of(request))
        response.status_code = 202 if taken.is_new else 200
        response.headers["Location"] = status_link(self._context, request, taken.row.task_id)
        return {"task_id": taken.row.task_id, "metrics": list(order.parameters["metrics"])}

    def _order(self, body: CalculateBody, course: LearningCourse, metrics: tuple[Metric, ...]) -> JobOrder:
        start_at, end_at = parse_bounds(body.period_start, body.period_end, course.zone)
        versions = parse_versions(body.version, self._context.settings.learning.default_version)
        period = {"period_start": written(start_at), "period_end": written(end_at)}
        asked = {**period, "project": course.project, "metrics": [metric.value for metric in metrics]}
        version = ALL_VERSIONS if len(versions) > 1 else str(versions[0])
        return JobOrder(
            METRICS,
            {**asked, "course_id": course.course_id, "versions": list(versions)},
            {**asked, "courses": [course.course_id], "version": version},
        )


def _agreed_project(in_body: str | None, in_query: str | None) -> str | None:
    if None not in (in_body, in_query) and in_body != in_query:
        raise invalid("/project", "The body and the query name different projects.", "conflicting_input")
    return in_body or in_query


def _agreed_metrics(in_body: list[str] | None, in_query: list[str] | None) -> tuple[Metric, ...]:
    found = parse_metrics(in_body or in_query)
    if in_body and in_query and parse_metrics(in_query) != found:
        raise invalid("/metrics", "The body and the query name different metrics.", "conflicting_input")
    return found
