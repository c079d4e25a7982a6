"""The people of a course whose values a run calculates twice, and their raw events."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import accumulate
from typing import Any

import pandas as pd

from include.metrics.courses import LearningCourse
from include.metrics.parts.snapshot import Snapshot
from include.metrics.reference.histories import EVENT_COLUMNS, ordered_history
from include.warehouse.client import Warehouse, quoted

PERSONS_PER_QUERY = 2_000  # a query may be 256 KiB long
LARGEST_EVENT_COUNT = 500_000  # of a sample: a few hundred MB while it is checked

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sample:
    """Some people of one course with everything they ever did there.

    Attributes:
        course: the course.
        person_ids: the people, lower-case ids.
        history: their events in order, see :func:`include.metrics.reference.histories.ordered_history`.
    """

    course: LearningCourse
    person_ids: tuple[str, ...]
    history: pd.DataFrame


def load_sample(
    warehouse: Warehouse,
    events_table: str,
    course: LearningCourse,
    snapshot: Snapshot,
    *,
    days: Collection[dt.date],
    count: int,
    seed: str,
    largest_event_count: int = LARGEST_EVENT_COUNT,
) -> Sample:
    """Choose people who were active on some days, and read their raw events.

    Args:
        warehouse: ClickHouse, with user-days of these days built.
        events_table: table of events.
        course: the course.
        snapshot: loads that count.
        days: local days of the course, in any order.
        count: people wanted.
        seed: another seed gives other people, the same seed the same ones.
        largest_event_count: people with the most events are left out while the sample holds more than this.

    Returns:
        The sample, empty when nobody was active.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
        StoreError: ClickHouse refused a query.
    """
    place = {"project": course.project, "course_id": course.course_id}
    chosen = _active_persons(warehouse, place, days, count, seed)
    reading = _Reading(warehouse, events_table, snapshot, place, largest_event_count)
    person_ids, events = chosen, reading.history(chosen)
    if len(events) > largest_event_count:
        person_ids = reading.affordable(chosen)
        events = reading.history(person_ids)
    _log.info(
        "sample of course %s/%s: persons %d of %d wanted, left out for their size %d, events %d",
        *(course.project, course.course_id, len(person_ids), count, len(chosen) - len(person_ids), len(events)),
    )
    return Sample(course, person_ids, ordered_history(events, course.zone))


def _active_persons(
    warehouse: Warehouse, place: dict[str, str], days: Collection[dt.date], count: int, seed: str
) -> tuple[str, ...]:
    if not days:
        return ()
    start = uuid.UUID(bytes=hashlib.sha256(seed.encode()).digest()[:16])
    params = {**place, "days": tuple(sorted(days)), "count": count, "start": str(start)}
    return tuple(str(person) for (person,) in warehouse.execute(_read("active_persons"), params))


@dataclass(frozen=True)
class _Reading:
    """Reads events of chosen people of one course."""

    warehouse: Warehouse
    events_table: str
    snapshot: Snapshot
    place: dict[str, str]
    largest_event_count: int

    def history(self, person_ids: Sequence[str]) -> pd.DataFrame:
        """All their events in any order, or, where these are too many, some more than that."""
        found = [pd.DataFrame(columns=list(EVENT_COLUMNS))]
        for chunk in _chunks(person_ids):
            params = {"person_ids": chunk, "row_limit": self.largest_event_count + 1}
            found.append(self.warehouse.frame(*self._of_events("history", params)))
            if sum(map(len, found)) > self.largest_event_count:
                break
        return pd.concat([rows for rows in found if len(rows)] or found, ignore_index=True)

    def affordable(self, person_ids: Sequence[str]) -> tuple[str, ...]:
        """Those of the people, the quietest first, whose events fit together."""
        counts = dict.fromkeys(person_ids, 0)
        for chunk in _chunks(person_ids):
            counts |= dict(self.warehouse.execute(*self._of_events("event_counts", {"person_ids": chunk})))
        quietest_first = sorted(counts, key=lambda person: counts[person])
        sums = accumulate(counts[person] for person in quietest_first)
        kept = {person for person, total in zip(quietest_first, sums, strict=True) if total <= self.largest_event_count}
        return tuple(person for person in person_ids if person in kept)

    def _of_events(self, name: str, params: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        sql = _read(name).format(events=quoted(self.events_table), snapshot=self.snapshot.sql)
        return sql, {**self.place, **params, **self.snapshot.params}


def _chunks(person_ids: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for first in range(0, len(person_ids), PERSONS_PER_QUERY):
        yield tuple(person_ids[first : first + PERSONS_PER_QUERY])


@cache
def _read(name: str) -> str:
    return (files(__package__) / "sql" / f"{name}.sql").read_text(encoding="utf-8")
