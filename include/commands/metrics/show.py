"""``metrics show``: what a course, or one person in it, did in a period."""

from __future__ import annotations

from typing import Any

from include.commands.metrics.sharing import (
    CourseOption,
    CsvOption,
    EndOption,
    FromOption,
    GrainOption,
    MetricOption,
    ProjectOption,
    StartOption,
    ToOption,
    UserOption,
    VersionOption,
    metric_cell,
    metric_stores,
    named_course,
    named_person,
    period_asked,
    period_text,
    print_csv,
    rounded,
)
from include.commands.terminal import JsonOption, guarded, settings_here
from include.commands.terminal import show as print_result
from include.metrics.courses import LearningCourse
from include.metrics.periods.grains import period_between
from include.metrics.reading.asking import Question, Stores, ask
from include.metrics.reading.course_figures import CourseFigure, course_figures
from include.metrics.reading.users import UserValue, user_values


@guarded
def show(
    course: CourseOption,
    project: ProjectOption = None,
    user: UserOption = None,
    first: FromOption = None,
    last: ToOption = None,
    start: StartOption = None,
    end: EndOption = None,
    grain: GrainOption = None,
    metric: MetricOption = None,
    version: VersionOption = None,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show the metrics of a course, or of one person in it, for days or a free period.

    Args:
        course: the course.
        project: its app.
        user: one person instead of the course.
        first: first day, YYYY-MM-DD.
        last: last day.
        start: first instant of a free period.
        end: first instant after it.
        grain: one answer per day, week or month of it.
        metric: which metrics.
        version: which versions.
        as_csv: print CSV.
        as_json: print one line of JSON.
    """
    settings = settings_here()
    stores = metric_stores(settings)
    found = named_course(stores.engine, course, project)
    bounds = period_asked(found.zone, first, last, start, end)
    question = ask(
        *bounds, metrics=metric, version=version, grain=grain, default_version=settings.learning.default_version
    )
    if user is None:
        documents, rows = _of_course(stores, found, question)
    else:
        documents, rows = _of_person(stores, found, question, user)
    if as_csv:
        print_csv(documents)
    elif as_json:
        print_result({"items": documents, "total": len(documents)}, as_json=True, title="")
    else:
        who = f"{user} in {course}" if user else course
        title, rows = _titled(f"Metrics of {who}", rows)
        title += f", days of {found.zone.key}"
        print_result({"values": _why_none(found, question)}, as_json=False, title=title, rows=rows)


Shown = tuple[list[dict[str, Any]], list[dict[str, Any]]]


def _of_course(stores: Stores, course: LearningCourse, question: Question) -> Shown:
    figures = course_figures(stores, course, question)
    return [one.document() for one in figures], [_course_row(one) for one in figures]


def _of_person(stores: Stores, course: LearningCourse, question: Question, user: str) -> Shown:
    values = user_values(stores, course, named_person(stores.engine, course.project, user), question)
    return [one.document(user) for one in values], [_person_row(one) for one in values]


def _why_none(course: LearningCourse, question: Question) -> str:
    """What to say of an answer without rows."""
    if question.grain is None and not period_between(question.start_at, question.end_at, course.zone).is_whole_days:
        return "none yet: a period that cuts days is read once it was calculated (metrics recalculate --start --end)"
    return "none"


def _titled(title: str, rows: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    """Say period and state once, above the table, when all rows have the same."""
    common = {(row["period"], row["state"]) for row in rows}
    if len(common) != 1:
        return title, rows
    ((period, state),) = common
    return f"{title}, {period}, {state}", [
        {name: cell for name, cell in row.items() if name not in ("period", "state")} for row in rows
    ]


def _course_row(one: CourseFigure) -> dict[str, Any]:
    found = one.statistics
    return {
        "metric": metric_cell(one.card),
        "period": period_text(one.period),
        "average": rounded(found.average_value),
        "median": rounded(found.median),
        "pooled": rounded(found.pooled_value),
        "people": one.n_users,
        "null": found.n_null,
        "state": one.state,
    }


def _person_row(one: UserValue) -> dict[str, Any]:
    return {
        "metric": metric_cell(one.card),
        "period": period_text(one.period),
        "value": rounded(one.value),
        "sample": one.sample_n,
        "no_value": (one.null_reason or "").replace("_", " "),
        "state": one.state,
    }
