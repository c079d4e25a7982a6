"""What the commands of this group share: naming a course, a period and metrics, and printing CSV."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterable, Mapping
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import Engine

from include.csv_cells import csv_text
from include.days import parse_day
from include.errors import InputError
from include.events.loading.tables import ensure_event_tables
from include.events.statistics.periods import parse_period
from include.metrics.catalogue.card import Card
from include.metrics.courses import LearningCourse
from include.metrics.parts.building import ensure_user_days
from include.metrics.periods.grains import ONE_DAY, Period, day_start
from include.metrics.reading.asking import Stores
from include.metrics.reading.known import person_of, require_course
from include.services.stores import open_stores
from include.settings import Settings

SHOWN_DIGITS = 6

CourseOption = Annotated[str, typer.Option("--course", help="Id of the course.")]
ProjectOption = Annotated[
    str | None, typer.Option("--project", help="App of the course; needed when several apps have a course of this id.")
]
FromOption = Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD, in the zone of the course.")]
ToOption = Annotated[str | None, typer.Option("--to", help="Last day, included; the first one when absent.")]
StartOption = Annotated[
    str | None,
    typer.Option("--start", help="Instead of days: first instant, such as 2025-03-03T10:00:00Z; a day is its start."),
]
EndOption = Annotated[str | None, typer.Option("--end", help="First instant after the period, written the same way.")]
MetricOption = Annotated[
    list[str] | None,
    typer.Option("--metric", help="retention, engagement_score and so on; repeatable. All six when absent."),
]
VersionOption = Annotated[
    str | None, typer.Option("--version", help="1, 2 or all; METRICS_DEFAULT_VERSION when absent.")
]
UserOption = Annotated[
    str | None, typer.Option("--user", help="One person, by the user_id of the events, instead of the course.")
]
GrainOption = Annotated[
    str | None, typer.Option("--grain", help="day, week or month: one answer per such period; the whole when absent.")
]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=1000, help="Rows of a page.")]
OffsetOption = Annotated[int, typer.Option("--offset", min=0, help="Rows before the page.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")]


def metric_stores(settings: Settings) -> Stores:
    """Open the stores that metrics are in, with the tables that reading them needs.

    Args:
        settings: the settings.

    Returns:
        The stores.

    Raises:
        CounterflowError: a store cannot be reached.
    """
    stores = open_stores(settings)
    ensure_event_tables(stores.warehouse, settings.intake)
    ensure_user_days(stores.warehouse)
    return Stores.of(stores.warehouse, stores.state, settings)


def named_course(engine: Engine, course_id: str, project: str | None) -> LearningCourse:
    """Find the course a command is for.

    Args:
        engine: the state engine.
        course_id: as given.
        project: as given; None when the id says enough.

    Returns:
        The course.

    Raises:
        InputError: there is none (code ``course_unknown``), or several (``ambiguous_project``).
    """
    try:
        return require_course(engine, course_id, project)
    except InputError as error:
        if error.code != "course_unknown":
            raise
        raise InputError(
            f"There is no course {course_id!r}; see 'python -m include metrics courses'.",
            code=error.code,
            pointer="--course",
        ) from None


def named_person(engine: Engine, project: str, user_id: str) -> str:
    """Find the person a command is for.

    Args:
        engine: the state engine.
        project: app whose events name the person.
        user_id: as given.

    Returns:
        The person's id.

    Raises:
        InputError: no event ever named this user (code ``user_unknown``).
    """
    found = person_of(engine, project, user_id)
    if found is None:
        raise InputError(
            f"No event of app {project!r} ever named a user {user_id!r}.", code="user_unknown", pointer="--user"
        )
    return found


def period_asked(
    zone: ZoneInfo, first: str | None, last: str | None, start: str | None, end: str | None
) -> tuple[dt.datetime, dt.datetime]:
    """Read the period a command is for.

    Args:
        zone: zone of the days.
        first: first day, or None.
        last: last day, included; the first one when None.
        start: first instant instead of days, or None.
        end: first instant after it, or None.

    Returns:
        Both bounds, aware UTC.

    Raises:
        InputError: there is no period, two, or one that cannot be read.

    >>> period_asked(ZoneInfo("Europe/Moscow"), "2025-03-03", None, None, None)[0].isoformat()
    '2025-03-02T21:00:00+00:00'
    """
    if (first or last) and (start or end):
        raise InputError("Give either --from and --to, or --start and --end.", code="conflicting_input")
    if first or last:
        days = parse_day(str(first or last)), parse_day(str(last or first))
        if days[1] < days[0]:
            raise InputError(
                f"The days {days[0]} to {days[1]} are reversed; give the earlier one first.", code="bad_period"
            )
        return day_start(days[0], zone), day_start(days[1] + ONE_DAY, zone)
    bounds = parse_period(start, end, zone, names=("start", "end"))
    if bounds[0] is None or bounds[1] is None:
        raise InputError("Name a period: --from and --to (days), or --start and --end.", code="no_period")
    return bounds[0], bounds[1]


def period_text(period: Period) -> str:
    """A period as people read it, in the zone of the course.

    Args:
        period: the period.

    Returns:
        Days, the last one included; instants where it does not begin and end with a day.

    >>> from include.metrics.periods.grains import period_between
    >>> bounds = period_asked(ZoneInfo("UTC"), "2025-03-03", "2025-03-09", None, None)
    >>> period_text(period_between(*bounds, ZoneInfo("UTC")))
    '2025-03-03 to 2025-03-09'
    """
    if not period.is_whole_days:
        start, end = (at.astimezone(period.zone) for at in (period.start_at, period.end_at))
        return f"{start:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S}"
    first, last = period.first_day, period.end_day - ONE_DAY
    return str(first) if first == last else f"{first} to {last}"


def metric_cell(card: Card) -> str:
    """A metric as tables name it: name and version, the unit below, so that narrow terminals have room for numbers.

    Args:
        card: its definition.

    Returns:
        Two lines.
    """
    return f"{card.metric} v{card.version}\n {card.unit}"


def rounded(value: float | None) -> float | None:
    """A number as tables show it.

    Args:
        value: any number, or None.

    Returns:
        Six digits of it.

    >>> rounded(3734.393941), rounded(None)
    (3734.39, None)
    """
    return None if value is None else float(f"{value:.{SHOWN_DIGITS}g}")


def print_csv(documents: Iterable[Mapping[str, Any]]) -> None:
    """Print documents as CSV with a header; what lies deeper gets names such as ``sensitivity_300``.

    Args:
        documents: all with the keys of the first; nothing is printed when there is none.
    """
    rows = [_flat(document) for document in documents]
    names = list(dict.fromkeys(name for row in rows for name in row))
    if names:
        sys.stdout.write(csv_text(names, ([row.get(name) for name in names] for row in rows)))


def _flat(document: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in document.items():
        if isinstance(value, Mapping):
            found |= {f"{name}_{key}": inner for key, inner in _flat(value).items()}
        elif isinstance(value, list | tuple):
            found[name] = "; ".join(map(str, value))
        else:
            found[name] = value
    return found
