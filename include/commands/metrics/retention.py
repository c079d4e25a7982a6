"""``metrics retention``: which share of those who began together was there n days later."""

from __future__ import annotations

import datetime as dt
import sys
from typing import Annotated

import typer

from include.commands.metrics.sharing import CourseOption, CsvOption, ProjectOption, metric_stores, named_course
from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.days import parse_day, today_in
from include.errors import InputError
from include.metrics.courses import LearningCourse
from include.metrics.periods.grains import Grain
from include.metrics.retention.asking import USUAL_DAYS, USUAL_WINDOW_DAYS, ask_curves
from include.metrics.retention.cohorts import CurveKind
from include.metrics.retention.csv_form import curves_csv
from include.metrics.retention.curves import retention_curves

USUAL_SPAN = dt.timedelta(weeks=12)  # cohorts when no day is named

FirstOption = Annotated[
    str | None, typer.Option("--from", help="A day of the first cohort, YYYY-MM-DD; 12 weeks ago when absent.")
]
LastOption = Annotated[str | None, typer.Option("--to", help="A day of the last cohort; today when absent.")]
CohortOption = Annotated[str, typer.Option("--grain", help="day, week or month: who counts as having begun together.")]
KindOption = Annotated[
    str,
    typer.Option(
        "--kind",
        help="exact: active on day n; unbounded: on day n or later; rolling: in the window that ends on day n.",
    ),
]
DaysOption = Annotated[int, typer.Option("--days", help="Follow cohorts so many days, 0 to 365.")]
WindowOption = Annotated[int, typer.Option("--window", help="Days of the window of the rolling kind, 1 to 365.")]


@guarded
def retention(
    course: CourseOption,
    project: ProjectOption = None,
    first: FirstOption = None,
    last: LastOption = None,
    grain: CohortOption = Grain.WEEK,
    kind: KindOption = CurveKind.EXACT,
    days: DaysOption = USUAL_DAYS,
    window: WindowOption = USUAL_WINDOW_DAYS,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show retention curves of a course by cohort, as shares of those whose day n has ended.

    Args:
        course: the course.
        project: its app.
        first: a day of the first cohort.
        last: a day of the last cohort.
        grain: length of cohorts.
        kind: which retention.
        days: how long cohorts are followed.
        window: days of the rolling window.
        as_csv: print CSV.
        as_json: print one line of JSON, with every kind.
    """
    stores = metric_stores(settings_here())
    found = named_course(stores.engine, course, project)
    shown = _kind(kind)
    question = ask_curves(*_days(found, first, last), grain=grain, longest_days=days, window_days=window)
    curves = retention_curves(stores.warehouse, found, question)
    if as_csv:
        sys.stdout.write(curves_csv(curves, kind=shown))
    elif as_json:
        show(curves.document(), as_json=True, title="")
    else:
        show({}, as_json=False, title=f"Retention of {course}, {shown}, by {grain}", rows=curves.wide(shown))


def _kind(name: str) -> CurveKind:
    try:
        return CurveKind(name)
    except ValueError:
        known = ", ".join(CurveKind)
        raise InputError(f"{name[:20]!r} is no kind of retention; use {known}.", pointer="--kind") from None


def _days(course: LearningCourse, first: str | None, last: str | None) -> tuple[dt.date, dt.date]:
    last_day = parse_day(last) if last else today_in(course.zone)
    return parse_day(first) if first else last_day - USUAL_SPAN, last_day
