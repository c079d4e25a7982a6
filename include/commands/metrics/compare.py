"""``metrics compare``: two periods of a course, or of one person in it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from include.commands.metrics.sharing import (
    CourseOption,
    CsvOption,
    MetricOption,
    ProjectOption,
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
from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.metrics.reading.asking import Question, ask
from include.metrics.reading.comparing import Compared, compare_course, compare_user

EarlierOption = Annotated[str, typer.Option("--from", help="First day of the first period, YYYY-MM-DD.")]
EarlierEndOption = Annotated[str, typer.Option("--to", help="Its last day, included.")]
LaterOption = Annotated[str, typer.Option("--with-from", help="First day of the period it is compared with.")]
LaterEndOption = Annotated[str, typer.Option("--with-to", help="Its last day, included.")]


@guarded
def compare(
    course: CourseOption,
    first: EarlierOption,
    last: EarlierEndOption,
    other_first: LaterOption,
    other_last: LaterEndOption,
    project: ProjectOption = None,
    user: UserOption = None,
    metric: MetricOption = None,
    version: VersionOption = None,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare two periods of a course, or of one person in it: both values and their difference.

    Args:
        course: the course.
        first: first day of the first period.
        last: its last day.
        other_first: first day of the second period.
        other_last: its last day.
        project: app of the course.
        user: one person instead of the course.
        metric: which metrics.
        version: which versions.
        as_csv: print CSV.
        as_json: print one line of JSON.
    """
    settings = settings_here()
    stores, default = metric_stores(settings), settings.learning.default_version
    found = named_course(stores.engine, course, project)

    def question(first_day: str, last_day: str) -> Question:
        """The same question of some days."""
        bounds = period_asked(found.zone, first_day, last_day, None, None)
        return ask(*bounds, metrics=metric, version=version, default_version=default)

    both = question(first, last), question(other_first, other_last)
    if user is None:
        comparison = compare_course(stores, found, *both)
    else:
        comparison = compare_user(stores, found, named_person(stores.engine, found.project, user), *both)
    if as_csv:
        print_csv(one.document(user) for one in comparison.rows)
    elif as_json:
        show(comparison.document(user), as_json=True, title="")
    else:
        who = f"{user} in {course}" if user else course
        title = f"{who}: {period_text(comparison.first)} and {period_text(comparison.second)}"
        show({"values": "none"}, as_json=False, title=title, rows=[_row(one) for one in comparison.rows])


def _row(one: Compared) -> dict[str, Any]:
    """One metric; of a course also how many people rose, fell and stayed, of one person the relative difference."""
    shown, paired = one.first or one.second, one.paired
    if paired is None:
        more: dict[str, Any] = {"relative": rounded(one.relative_difference)}
    else:
        more = {"rose/fell/same": f"{paired.n_rose} / {paired.n_fell} / {paired.n_stayed}"}
    return {
        "metric": metric_cell(shown.card) if shown else f"{one.metric} v{one.version}",
        "first": rounded(one.first_value),
        "second": rounded(one.second_value),
        "change": rounded(one.difference),
        **more,
    }
