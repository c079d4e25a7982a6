"""User-days put into the warehouse as a rebuild leaves them, for tests of what reads them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from include.metrics.courses import LearningCourse
from include.metrics.periods.grains import day_start
from include.metrics.tables import USER_DAYS
from include.warehouse.client import Warehouse
from include.warehouse.schema import ensure_tables

COLUMNS = tuple(column.name for column in USER_DAYS.columns)
EMPTY = {"String": "", "Array(String)": []}


def person_number(number: int) -> str:
    """The id of the person with a number."""
    return str(uuid.UUID(int=number))


def store_active_days(warehouse: Warehouse, course: LearningCourse, days_of: Mapping[str, Iterable[dt.date]]) -> None:
    """Store one event at the beginning of each active day of each person."""
    ensure_tables(warehouse, [USER_DAYS])
    rows = [_row(course, person, day) for person, days in days_of.items() for day in days]
    if rows:
        warehouse.insert_columns(USER_DAYS.name, COLUMNS, [list(column) for column in zip(*rows, strict=True)])


def _row(course: LearningCourse, person: str, day: dt.date) -> tuple[Any, ...]:
    start_at = day_start(day, course.zone)
    values = {
        "project": course.project,
        "course_id": course.course_id,
        "person_id": person,
        "day": day,
        "time_zone": course.zone.key,
        "event_count": 1,
        "page_view_count": 1,
        "first_at": start_at,
        "last_at": start_at,
        "session_count": 1,
        "load_id": 1,
    }
    return tuple(values.get(column.name, EMPTY.get(column.type, 0)) for column in USER_DAYS.columns)
