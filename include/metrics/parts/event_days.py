"""On which local days of which courses events lie: first by UTC dates, then exactly, zone by zone."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from include.metrics.courses import LearningCourse
from include.metrics.parts.sql import milliseconds_of, read_sql
from include.metrics.periods.grains import ONE_DAY, day_start
from include.warehouse.client import Warehouse, quoted

T = TypeVar("T")
CourseKey = tuple[str, str]  # project, course id
IDS_AT_ONCE, COURSES_AT_ONCE = 5_000, 1_000  # with ids of any length and letters some MB of SQL
SETTINGS = {"max_query_size": 2**24}


@dataclass
class DayEvents:
    """What lies on a local day.

    Attributes:
        row_count: rows of events, copies included.
        load_ids: loads that brought them.
        may_complete: whether one of them solved a task.
    """

    row_count: int = 0
    load_ids: set[int] = field(default_factory=set)
    may_complete: bool = False


DaysOfCourses = dict[LearningCourse, dict[dt.date, DayEvents]]


@dataclass(frozen=True)
class Filter:
    """Which events are looked at.

    Attributes:
        condition: over columns of the table of events, with ``%(name)s`` for values.
        params: the values.
    """

    condition: str
    params: Mapping[str, Any]


def utc_dates(warehouse: Warehouse, events_table: str, filters: Iterable[Filter]) -> dict[CourseKey, set[dt.date]]:
    """The UTC dates of events, roughly where their local days are.

    Args:
        warehouse: the warehouse.
        events_table: ClickHouse table of events.
        filters: which events; those of any of them.

    Returns:
        Dates by course; events that belong to no course are passed over.
    """
    found: dict[CourseKey, set[dt.date]] = defaultdict(set)
    for one in filters:
        for project, course_id, date in warehouse.execute(
            read_sql("utc_dates").format(table=quoted(events_table), condition=one.condition), one.params, SETTINGS
        ):
            found[project, course_id].add(date)
    return dict(found)


def local_days(
    warehouse: Warehouse,
    events_table: str,
    filters: Sequence[Filter],
    dates: Mapping[CourseKey, set[dt.date]],
    courses: Iterable[LearningCourse],
) -> DaysOfCourses:
    """The local days of events, each event in exactly one.

    Args:
        warehouse: the warehouse.
        events_table: ClickHouse table of events.
        filters: which events; no event may be in two of them.
        dates: what ``utc_dates`` found for the same filters.
        courses: courses to look at, with the zone of their days.

    Returns:
        What lies on each day, by course.
    """
    by_zone: dict[str, list[LearningCourse]] = defaultdict(list)
    for course in courses:
        by_zone[course.zone.key].append(course)
    found: DaysOfCourses = {}
    for same_zone in by_zone.values():
        for some in in_chunks(same_zone, COURSES_AT_ONCE):
            _look_at(
                warehouse, events_table, filters, dates, {(one.project, one.course_id): one for one in some}, found
            )
    return found


def _look_at(
    warehouse: Warehouse,
    events_table: str,
    filters: Sequence[Filter],
    dates: Mapping[CourseKey, set[dt.date]],
    courses: Mapping[CourseKey, LearningCourse],
    found: DaysOfCourses,
) -> None:
    """Add what courses of one zone have."""
    found_dates = {date for key in courses for date in dates.get(key, ())}
    if not found_dates:
        return
    near = {date + offset for date in found_dates for offset in (-ONE_DAY, ONE_DAY * 0, ONE_DAY)}
    zone = next(iter(courses.values())).zone
    days = {milliseconds_of(day_start(day, zone)): day for day in sorted(near)}
    for one in filters:
        rows = warehouse.execute(
            read_sql("local_days").format(table=quoted(events_table), condition=one.condition),
            {**one.params, "courses": tuple(courses), "day_starts": list(days)},
            SETTINGS,
        )
        for project, course_id, start, row_count, load_ids, may_complete in rows:
            of_course = found.setdefault(courses[project, course_id], {})
            day = of_course.setdefault(days[int(start)], DayEvents())
            day.row_count += row_count
            day.load_ids.update(load_ids)
            day.may_complete |= bool(may_complete)


def filters_of(column: str, values: Sequence[Any], more: Filter | None = None) -> list[Filter]:
    """Filters for events whose column has one of many values, a part of the values each.

    Args:
        column: a column of the table of events.
        values: the values, each once.
        more: what must hold besides.

    Returns:
        The filters; no event is in two of them.
    """
    base = more or Filter("1", {})
    return [
        Filter(f"{base.condition} AND {column} IN %({column}s)s", {**base.params, f"{column}s": tuple(some)})
        for some in in_chunks(values, IDS_AT_ONCE)
    ]


def in_chunks(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut a sequence.

    Args:
        values: the sequence.
        size: most values of one piece.

    Yields:
        The pieces in order.

    >>> list(in_chunks([1, 2, 3], 2))
    [[1, 2], [3]]
    """
    for start in range(0, len(values), size):
        yield values[start : start + size]
