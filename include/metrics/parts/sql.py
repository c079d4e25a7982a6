"""The SQL of parts: fixed texts from files, every value bound."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from include.days import iter_days
from include.metrics.courses import LearningCourse
from include.metrics.parts.snapshot import Snapshot
from include.metrics.periods.grains import day_start, local_day
from include.metrics.tables import KINDS
from include.warehouse.client import quoted

LARGEST_SKEW = dt.timedelta(days=1)  # the clock of a sender is corrected by no more
ONE_MS = dt.timedelta(milliseconds=1)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
SPILL_BYTES = 2**30  # what a calculation may hold in memory before it goes to disk
# FINAL need not look for copies of an event in other months: copies have equal occurred_at, and months are of that.
PARTS_SETTINGS: dict[str, Any] = {
    "do_not_merge_across_partitions_select_final": 1,
    "max_bytes_before_external_group_by": SPILL_BYTES,
}
PART_COLUMNS = "person_id, event_id, event_name, event_time, props, module_id, load_id"


@dataclass(frozen=True)
class Statement:
    """A query with its values.

    Attributes:
        sql: text with ``%(name)s`` where a value belongs.
        params: the values.
    """

    sql: str
    params: dict[str, Any]


def parts_of_events(
    events_table: str,
    course: LearningCourse,
    start_at: dt.datetime,
    end_at: dt.datetime,
    snapshot: Snapshot,
    *,
    person_id: str | None = None,
    is_final: bool = True,
) -> Statement:
    """The query that makes user-days of the events of an interval.

    Args:
        events_table: ClickHouse table of events.
        course: the course; its zone cuts the days.
        start_at: aware first instant; the day it lies in may have begun before.
        end_at: aware first instant after the interval.
        snapshot: loads that count.
        person_id: one person only; None for everybody.
        is_final: False when copies of events are known to be equal in every column, which is much quicker.

    Returns:
        A SELECT with the columns of ``user_days``, to be run with PARTS_SETTINGS.
    """
    events = events_between(
        *(events_table, course, start_at, end_at, snapshot),
        columns=PART_COLUMNS, person_id=person_id, is_final=is_final,
    )  # fmt: skip
    by_start = days_by_start(course, start_at, end_at)
    values = {
        "parts_day_starts": list(by_start),
        "parts_days": [day.isoformat() for day in by_start.values()],
        "parts_zone": course.zone.key,
        "parts_kinds": list(KINDS),
        "parts_kind_numbers": list(range(1, len(KINDS) + 1)),
    }
    steps = "all_steps" if is_final else "arrayCompact(all_steps)"  # equal copies lie side by side
    return Statement(read_sql("user_days").format(events=events.sql, steps=steps), {**events.params, **values})


def events_between(
    events_table: str,
    course: LearningCourse,
    start_at: dt.datetime,
    end_at: dt.datetime,
    snapshot: Snapshot,
    *,
    columns: str,
    person_id: str | None = None,
    is_final: bool = True,
) -> Statement:
    """The query that reads the events of a course in an interval.

    Args:
        events_table: ClickHouse table of events.
        course: the course.
        start_at: aware first instant.
        end_at: aware first instant after the interval.
        snapshot: loads that count.
        columns: what to read, comma-separated expressions over the columns of the table.
        person_id: one person only; None for everybody.
        is_final: each event once, its first accepted copy; False for every row as it is stored.

    Returns:
        A SELECT with these columns, to be run with PARTS_SETTINGS.
    """
    narrowing = "" if person_id is None else "\n    AND person_id = toUUID(%(parts_person)s)"
    values = {
        "parts_project": course.project,
        "parts_course": course.course_id,
        "parts_start": milliseconds_of(start_at),
        "parts_end": milliseconds_of(end_at),
        "parts_first": milliseconds_of(start_at - LARGEST_SKEW),
        "parts_last": milliseconds_of(end_at + LARGEST_SKEW),
        **({} if person_id is None else {"parts_person": person_id}),
    }
    sql = read_sql("events").format(
        columns=columns,
        table=quoted(events_table),
        final=" FINAL" if is_final else "",
        snapshot=snapshot.sql,
        narrowing=narrowing,
    )
    return Statement(sql, {**values, **snapshot.params})


def days_by_start(course: LearningCourse, start_at: dt.datetime, end_at: dt.datetime) -> dict[int, dt.date]:
    """The local days that an interval touches.

    Args:
        course: the course whose zone cuts the days.
        start_at: aware first instant.
        end_at: aware first instant after the interval.

    Returns:
        Days by their first instant in epoch ms, in order; a day that the zone left out is absent.
    """
    first, last = local_day(start_at, course.zone), local_day(end_at - ONE_MS, course.zone)
    return {milliseconds_of(day_start(day, course.zone)): day for day in iter_days(first, last)}


def milliseconds_of(instant: dt.datetime) -> int:
    """Epoch milliseconds of an instant.

    Args:
        instant: aware.

    Returns:
        Milliseconds, cut.

    >>> milliseconds_of(dt.datetime(1970, 1, 1, 0, 0, 1, 999_999, tzinfo=dt.UTC))
    1999
    """
    return (instant - EPOCH) // ONE_MS


@cache
def read_sql(name: str) -> str:
    """A query of this folder.

    Args:
        name: file name without its ending.

    Returns:
        Its text.
    """
    return files(__package__).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8").strip()
