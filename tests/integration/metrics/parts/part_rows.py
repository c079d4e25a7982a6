"""Parts of a handful of events, straight from the query that makes them."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from include.metrics.courses import LearningCourse
from include.metrics.parts.snapshot import Snapshot
from include.metrics.parts.sql import PARTS_SETTINGS, parts_of_events
from include.metrics.tables import USER_DAYS
from tests.metric_events import PROJECT, Learned, LearningStores

NAMES = tuple(column.name for column in USER_DAYS.columns)
ALL_LOADS = Snapshot(10**9)
WIDE = dt.timedelta(days=3)
_numbers = itertools.count()

Part = dict[str, Any]


def parts_of(
    stores: LearningStores,
    events: Iterable[Learned],
    zone: str = "UTC",
    *,
    start_at: dt.datetime | None = None,
    end_at: dt.datetime | None = None,
    snapshot: Snapshot = ALL_LOADS,
) -> list[Part]:
    """The parts of these events in a course of their own, by person and day."""
    course = f"course {next(_numbers)}"
    listed = [replace(event, course=course) for event in events]
    stores.put(listed)
    return parts_between(
        stores,
        LearningCourse(PROJECT, course, ZoneInfo(zone)),
        start_at or min(event.at for event in listed) - WIDE,
        end_at or max(event.at for event in listed) + WIDE,
        snapshot,
    )


def parts_between(
    stores: LearningStores,
    course: LearningCourse,
    start_at: dt.datetime,
    end_at: dt.datetime,
    snapshot: Snapshot = ALL_LOADS,
    person_id: str | None = None,
) -> list[Part]:
    """The parts of a course's events in an interval, by person and day."""
    query = parts_of_events(stores.table, course, start_at, end_at, snapshot, person_id=person_id)
    rows = stores.warehouse.execute(
        f"SELECT * FROM ({query.sql}) ORDER BY person_id, day", query.params, PARTS_SETTINGS
    )
    return [dict(zip(NAMES, row, strict=True)) for row in rows]


def chosen(parts: Iterable[Part], *names: str) -> list[tuple[Any, ...]]:
    """Some columns of parts."""
    return [tuple(part[name] for name in names) for part in parts]
