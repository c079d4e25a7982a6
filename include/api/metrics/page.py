"""``GET /ui/metrics``: learning metrics inside Airflow; plain HTML without any script."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import Query
from fastapi.responses import HTMLResponse

from include.api.context import ApiContext
from include.api.gate.policies import READ, Rules
from include.api.gate.problems import not_found
from include.api.gate.routing import Routes
from include.api.metrics.access import CourseAccess
from include.api.metrics.asking import asked_in
from include.api.metrics.queries import LONGEST_NAME_CHARS, CourseQuery, ProjectQuery
from include.days import parse_day, utc_now
from include.errors import InputError
from include.metrics.courses import LearningCourse
from include.metrics.names import Metric, parse_versions
from include.metrics.periods.grains import ONE_DAY, Grain, Period, local_day, period_of
from include.metrics.reading.asking import Question, Stores
from include.metrics.reading.course_figures import CourseFigure, course_figures
from include.metrics.reading.courses_listed import listed_courses
from include.metrics.reading.restatements import restatements
from include.metrics.retention.asking import ask_curves
from include.metrics.retention.curves import Curves, retention_curves
from include.metrics.showing.page import SHOWN_COHORTS, SHOWN_COURSES, SHOWN_RESTATEMENTS, ShownCourse, metrics_page
from include.pages import PAGE_HEADERS

HTML_TYPE = "text/html"
WITH_TIMEOUTS = 2  # the version of time on task that is kept at several time-outs
FIRST_WEEK, LAST_WEEK = dt.date(1970, 1, 15), dt.date(2099, 12, 15)  # with the week before, days that events may have
WeekQuery = Annotated[
    str | None,
    Query(max_length=LONGEST_NAME_CHARS, description="A day of the week to show; the last one that is over."),
]
PageVersionQuery = Annotated[str | None, Query(max_length=LONGEST_NAME_CHARS, description="1 or 2.")]


def add_routes(routes: Routes, context: ApiContext) -> None:
    """Register the route.

    Args:
        routes: where to.
        context: of the app.
    """
    routes.add(
        "GET", "/ui/metrics", MetricsPage(context).show, Rules(READ, media_type=HTML_TYPE), errors=(404,),
        summary="Learning metrics of a course, as a page", tags=["pages"], response_class=HTMLResponse,
    )  # fmt: skip


class MetricsPage:
    """The endpoint of the page.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._context, self._access = context, CourseAccess(context)

    def show(
        self,
        project: ProjectQuery = None,
        course_id: CourseQuery = None,
        week: WeekQuery = None,
        version: PageVersionQuery = None,
    ) -> HTMLResponse:
        """Show a course: a week against the one before, who comes back, what was restated, what waits."""
        stores, now = self._access.stores(), utc_now()
        listed = listed_courses(stores, limit=SHOWN_COURSES)
        with asked_in("query", "week"):
            day = None if week is None else parse_day(week)
        with asked_in("query"):
            shown_version = _one_version(version, stores.settings.default_version)
            course = self._chosen(course_id, project, [(one.project, one.course_id) for one in listed.items])
        if course is None:
            return HTMLResponse(metrics_page(listed.items, listed.total, None), headers=PAGE_HEADERS)
        known = {(one.project, one.course_id): one.last_day for one in listed.items}
        last_day = known.get((course.project, course.course_id))
        shown = _shown(stores, course, shown_version, _week(day, last_day, course, now), now)
        return HTMLResponse(metrics_page(listed.items, listed.total, shown), headers=PAGE_HEADERS)

    def _chosen(
        self, course_id: str | None, project: str | None, listed: list[tuple[str, str]]
    ) -> LearningCourse | None:
        if course_id is not None:
            return self._access.any_course(course_id, project)
        mine = [one for one in listed if project in (None, one[0])]
        if project is not None and not mine:
            raise not_found("This project has no course.", "course_unknown")
        return self._access.any_course(mine[0][1], mine[0][0]) if mine else None


def _one_version(version: str | None, default: int) -> int:
    found = parse_versions(version, default)
    if len(found) > 1:
        raise InputError("The page shows one version; use 1 or 2.", code="version_unknown", pointer="/version")
    return found[0]


def _week(day: dt.date | None, last_day: dt.date | None, course: LearningCourse, now: dt.datetime) -> Period:
    """The week that holds a day; without one the last week that is over and had anything to show."""
    if day is None:
        this_week = period_of(local_day(now, course.zone), Grain.WEEK, course.zone)
        day = this_week.first_day - ONE_DAY
        if last_day is not None and last_day < day:
            day = last_day
    return period_of(min(max(day, FIRST_WEEK), LAST_WEEK), Grain.WEEK, course.zone)


def _shown(stores: Stores, course: LearningCourse, version: int, week: Period, now: dt.datetime) -> ShownCourse:
    before = period_of(week.first_day - ONE_DAY, Grain.WEEK, course.zone)
    question = Question(before.start_at, week.end_at, tuple(Metric), (version,), Grain.WEEK)
    restated = restatements(stores.engine, project=course.project, course_id=course.course_id, limit=SHOWN_RESTATEMENTS)
    return ShownCourse(
        course=course,
        version=version,
        week=week,
        before=before,
        figures=course_figures(stores, course, question, now=now),
        sensitivity=_sensitivity(stores, course, week, now),
        curves=_curves(stores, course, week, now),
        restatements=restated.items,
        restatement_count=restated.total,
    )


def _sensitivity(stores: Stores, course: LearningCourse, week: Period, now: dt.datetime) -> dict[str, float] | None:
    question = Question(week.start_at, week.end_at, (Metric.TIME_ON_TASK,), (WITH_TIMEOUTS,))
    found: list[CourseFigure] = course_figures(stores, course, question, now=now)
    means = found[0].statistics.sensitivity if found else None
    return None if means is None else dict(means)


def _curves(stores: Stores, course: LearningCourse, week: Period, now: dt.datetime) -> Curves:
    first_day = week.first_day - (SHOWN_COHORTS - 1) * 7 * ONE_DAY
    asked = ask_curves(max(first_day, FIRST_WEEK), week.end_day - ONE_DAY, grain=Grain.WEEK)
    return retention_curves(stores.warehouse, course, asked, now=now)
