"""``metrics recalculate``: user-days and values of days or of a free period, or of everything that was touched."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import Engine

from include.commands.metrics.sharing import (
    EndOption,
    FromOption,
    MetricOption,
    StartOption,
    ToOption,
    named_course,
    period_asked,
)
from include.commands.terminal import JsonOption, guarded, new_run_id, settings_here, show, shown_progress
from include.days import parse_range
from include.errors import InputError
from include.metrics.names import ALL_VERSIONS, VERSIONS, parse_versions
from include.metrics.recalculating.job import recalculate as run_job
from include.metrics.recalculating.orders import Order
from include.services.stores import open_stores

DAY_CHARS = 10  # of 2025-03-03, which a zone has to complete
CoursesOption = Annotated[
    list[str] | None, typer.Option("--course", help="Id of a course; repeatable. All when absent.")
]
AppOption = Annotated[
    str | None, typer.Option("--project", help="Only courses of this app; needed when apps share an id.")
]
VersionsOption = Annotated[str, typer.Option("--version", help="1, 2 or all, of named days or a period.")]
CauseOption = Annotated[
    str, typer.Option("--cause", help="Reason that restatements give: recalculation, deletion or definition_change.")
]


@guarded
def recalculate(
    first: FromOption = None,
    last: ToOption = None,
    start: StartOption = None,
    end: EndOption = None,
    course: CoursesOption = None,
    project: AppOption = None,
    metric: MetricOption = None,
    version: VersionsOption = ALL_VERSIONS,
    cause: CauseOption = "recalculation",
    as_json: JsonOption = False,
) -> None:
    """Calculate metrics of days or a free period; without either, only what new events and ended days touched.

    Args:
        first: first day, YYYY-MM-DD.
        last: last day.
        start: first instant of a free period.
        end: first instant after it.
        course: ids of courses.
        project: their app.
        metric: which metrics.
        version: which versions.
        cause: reason of restatements.
        as_json: print one line of JSON.
    """
    settings = settings_here()
    stores = open_stores(settings)
    courses = tuple(course or ())
    order = Order(
        project=project,
        courses=courses,
        metrics=tuple(metric or ()),
        versions=() if version == ALL_VERSIONS else parse_versions(version, VERSIONS[0]),
        days=_days(first, last, start, end),
        bounds=_bounds(stores.state, courses, project, start, end),
        cause=cause,
    )
    with shown_progress() as progress:
        report = run_job(
            stores.warehouse, stores.state, settings, order, run_id=new_run_id("metrics"), progress=progress
        )
    found = asdict(report)
    show(found if as_json else {**found, "courses": len(report.courses)}, as_json=as_json, title="Metrics calculated")


def _days(first: str | None, last: str | None, start: str | None, end: str | None) -> tuple[dt.date, ...]:
    if (first or last) and (start or end):
        raise InputError("Give either --from and --to, or --start and --end.", code="conflicting_input")
    return parse_range(str(first or last), str(last or first)) if first or last else ()


def _bounds(
    engine: Engine, courses: tuple[str, ...], project: str | None, start: str | None, end: str | None
) -> tuple[dt.datetime, dt.datetime] | None:
    if not (start and end):
        if start or end:
            raise InputError("A period needs both --start and --end.", code="bad_period", pointer="--start")
        return None
    return period_asked(_zone(engine, courses, project, start, end), None, None, start, end)


def _zone(engine: Engine, courses: tuple[str, ...], project: str | None, *texts: str | None) -> ZoneInfo:
    if all(text is None or len(text) != DAY_CHARS for text in texts):
        return ZoneInfo("UTC")
    if len(courses) != 1:
        raise InputError(
            "A day alone is the start of that day in a course: name one --course, or write the time as well, such as "
            "2025-03-03T00:00:00+03:00.",
            code="bad_period",
            pointer="--start",
        )
    return named_course(engine, courses[0], project).zone
