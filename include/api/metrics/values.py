"""Reading metrics: of one learner, and over the learners of a course."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from include.accounts.roles import ADMIN, TEACHER
from include.api.context import ApiContext
from include.api.gate.policies import READ, Rules
from include.api.gate.problems import not_found
from include.api.gate.routing import Routes
from include.api.metrics.access import CourseAccess
from include.api.metrics.asking import asked_in, parse_bounds
from include.api.metrics.queries import (
    DEFAULT_LIMIT,
    CompareEndQuery,
    CompareStartQuery,
    CourseQuery,
    EndQuery,
    GrainQuery,
    LimitQuery,
    MetricsQuery,
    OffsetQuery,
    ProjectQuery,
    StartQuery,
    VersionQuery,
)
from include.api.metrics.shapes import HEADERS, FiguresAnswer, ValuesAnswer
from include.errors import InputError
from include.metrics.courses import LearningCourse
from include.metrics.reading.asking import Question, Stores, ask
from include.metrics.reading.comparing import compare_course, compare_user
from include.metrics.reading.course_figures import course_figures
from include.metrics.reading.known import person_of
from include.metrics.reading.users import user_values, values_of_user
from include.state.tables import DEFAULT_PROJECT

READERS = READ.also(roles=(TEACHER, ADMIN))


@dataclass(frozen=True)
class Written:
    """A question as it stands in the query.

    Attributes:
        start: of the period.
        end: of the period.
        metrics: names.
        version: 1, 2 or all.
        grain: of the entries.
        compare_start: of the period to compare with.
        compare_end: of the period to compare with.
    """

    start: str
    end: str
    metrics: list[str] | None
    version: str | None
    grain: str | None
    compare_start: str | None
    compare_end: str | None

    @property
    def compares(self) -> bool:
        """Whether two periods are asked for."""
        return self.compare_start is not None or self.compare_end is not None

    def read(self, zone: ZoneInfo, default_version: int) -> Question:
        """Understand the question.

        Args:
            zone: zone of days that come without a time.
            default_version: version when none is named.

        Returns:
            The question about the period.

        Raises:
            InputError: something of it makes no sense.
        """
        return self._about(parse_bounds(self.start, self.end, zone), default_version)

    def read_earlier(self, zone: ZoneInfo, default_version: int) -> Question:
        """Understand what the period is compared with.

        Args:
            zone: zone of days that come without a time.
            default_version: version when none is named.

        Returns:
            The same question about the other period.

        Raises:
            InputError: something of it makes no sense, or one of its bounds is missing (``bad_period``).
        """
        names = "compare_start", "compare_end"
        for name, bound in zip(names, (self.compare_start, self.compare_end), strict=True):
            if bound is None:
                raise InputError("Name both ends of the period to compare with.", code="bad_period", pointer=f"/{name}")
        bounds = parse_bounds(self.compare_start or "", self.compare_end or "", zone, names=names)
        return self._about(bounds, default_version)

    def _about(self, bounds: tuple[dt.datetime, dt.datetime], default_version: int) -> Question:
        return ask(
            *bounds, metrics=self.metrics, version=self.version, grain=self.grain, default_version=default_version
        )


def add_routes(routes: Routes, context: ApiContext) -> None:
    """Register the routes of this module.

    Args:
        routes: where to.
        context: of the app.
    """
    values = Values(context)
    options: dict[str, Any] = {"errors": (404,), "responses": {200: {"headers": HEADERS}}, "tags": ["metrics"]}
    routes.add(
        "GET",
        "/api/v1/metrics/user/{user_id}",
        values.of_user,
        Rules(READERS),
        response_model=ValuesAnswer,
        summary="Metrics of one learner",
        **options,
    )
    routes.add(
        "GET",
        "/api/v1/analytics/course/{course_id}",
        values.of_course,
        Rules(READERS),
        response_model=FiguresAnswer,
        summary="Metrics over the learners of a course",
        **options,
    )


class Values:
    """Endpoints that read values.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._access = CourseAccess(context)

    def of_user(
        self,
        request: Request,
        user_id: str,
        period_start: StartQuery,
        period_end: EndQuery,
        course_id: CourseQuery = None,
        metrics: MetricsQuery = None,
        version: VersionQuery = None,
        grain: GrainQuery = None,
        compare_start: CompareStartQuery = None,
        compare_end: CompareEndQuery = None,
        project: ProjectQuery = None,
        limit: LimitQuery = DEFAULT_LIMIT,
        offset: OffsetQuery = 0,
    ) -> Response:
        """Read the values of one learner, by the id that events call them (`user_id`).

        Without a course: those in all courses of the project in which the learner did anything; teachers see their own
        courses. A period that is a day, week or month of the course, or whole days, needs no calculation before;
        other bounds are answered where they were calculated. With `compare_start` and `compare_end` every entry holds
        both periods, the compared one as the first, and the difference.
        """
        asked = Written(period_start, period_end, metrics, version, grain, compare_start, compare_end)
        stores, caller = self._access.stores(), request.state.caller
        with asked_in("query"):
            course = None if course_id is None else self._access.to_read(caller, course_id, project)
            name = course.project if course else project or DEFAULT_PROJECT
            zone = course.zone if course else self._access.zone_of_project(name)
            question = asked.read(zone, stores.settings.default_version)
            earlier = _earlier(asked, course, stores)
            person_id = person_of(stores.engine, name, user_id)
            if person_id is None:
                raise not_found("No event names such a user.", "user_unknown")
            if course is None:
                found = values_of_user(stores, name, person_id, question, readable=self._access.readable(caller))
            elif earlier is None:
                found = user_values(stores, course, person_id, question)
            else:
                rows = compare_user(stores, course, person_id, earlier, question).rows
                return _page([one.document(user_id) for one in rows], limit, offset)
        return _page([one.document(user_id) for one in found], limit, offset)

    def of_course(
        self,
        request: Request,
        course_id: str,
        period_start: StartQuery,
        period_end: EndQuery,
        metrics: MetricsQuery = None,
        version: VersionQuery = None,
        grain: GrainQuery = None,
        compare_start: CompareStartQuery = None,
        compare_end: CompareEndQuery = None,
        project: ProjectQuery = None,
        limit: LimitQuery = DEFAULT_LIMIT,
        offset: OffsetQuery = 0,
    ) -> Response:
        """Describe what the values of a course's learners are like: mean, median, quantiles, distribution, counts.

        With `compare_start` and `compare_end` every entry holds both periods, the compared one as the first, the
        difference, and for how many learners the value rose or fell.
        """
        asked = Written(period_start, period_end, metrics, version, grain, compare_start, compare_end)
        stores = self._access.stores()
        with asked_in("query"):
            course = self._access.to_read(request.state.caller, course_id, project)
            question = asked.read(course.zone, stores.settings.default_version)
            earlier = _earlier(asked, course, stores)
            if earlier is None:
                found = [one.document() for one in course_figures(stores, course, question)]
            else:
                found = [one.document() for one in compare_course(stores, course, earlier, question).rows]
        return _page(found, limit, offset)


def _earlier(asked: Written, course: LearningCourse | None, stores: Stores) -> Question | None:
    if not asked.compares:
        return None
    if course is None:
        raise InputError("Two periods are compared in one course; name it.", code="missing", pointer="/course_id")
    return asked.read_earlier(course.zone, stores.settings.default_version)


def _page(rows: Sequence[dict[str, Any]], limit: int, offset: int) -> Response:
    shown = rows[offset : offset + limit]
    has_more = offset + len(shown) < len(rows)
    headers = {"X-Total-Count": str(len(rows)), "X-Has-More": "true" if has_more else "false"}
    return JSONResponse(list(shown), headers=headers)
