"""Making user-days anew: days are put together beside the stored ones, checked, and swapped in as a whole."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from sqlalchemy import Engine

from include.errors import StoreError
from include.failpoints import failpoint
from include.metrics.courses import LearningCourse
from include.metrics.parts.snapshot import Snapshot
from include.metrics.parts.sql import PARTS_SETTINGS, Statement, events_between, parts_of_events, read_sql
from include.metrics.parts.touching import CAUSES_BY_STRENGTH, COHORT, EVENTS, read_touched, touch_days
from include.metrics.periods.grains import ONE_DAY, day_start
from include.metrics.tables import USER_DAYS
from include.state.engine import reachable
from include.state.locks import held
from include.warehouse.client import Warehouse, quoted
from include.warehouse.day_swap import staging
from include.warehouse.partition_swap import swap_partitions
from include.warehouse.schema import ensure_tables

log = logging.getLogger(__name__)

CHUNK_DAYS = 31  # days staged at a time: what one query holds does not grow with the history
# What the table of events is sorted by: rows of equal keys are copies of one event.
EVENT_KEY = "sipHash128(event_name, toDate(occurred_at), person_id, event_id) AS event_key"
COLUMNS = ", ".join(quoted(column.name) for column in USER_DAYS.columns)
FAILPOINTS = (
    "user_days.locked",
    "user_days.staging_made",
    "user_days.others_copied",
    "user_days.parts_staged",
    "user_days.checked",
    "user_days.cohorts_noting",
    "user_days.cohorts_noted",
    "user_days.day_swapped",
    "user_days.chunk_swapped",
    "user_days.rebuilt",
)


@dataclass(frozen=True)
class RebuildReport:
    """What was made anew.

    Attributes:
        days: local days.
        rows: their user-days.
        events: events these were made of, each counted once.
    """

    days: int = 0
    rows: int = 0
    events: int = 0


def ensure_user_days(warehouse: Warehouse) -> None:
    """Create the table of user-days where it is missing.

    Args:
        warehouse: the warehouse.

    Raises:
        StoreConflict: the stored table has other columns.
        StoreUnavailable: ClickHouse cannot be reached.
    """
    ensure_tables(warehouse, [USER_DAYS])


def rebuild_days(
    warehouse: Warehouse,
    engine: Engine,
    events_table: str,
    course: LearningCourse,
    days: Sequence[dt.date],
    snapshot: Snapshot,
) -> RebuildReport:
    """Make the user-days of a course anew from its events; other courses and days stay as they are.

    Safe to repeat at any time, and to run twice at once: those who change days of one project wait for each other.
    Days that first days of people move from or to are noted before anything is swapped, so none is forgotten.

    Args:
        warehouse: the warehouse.
        engine: the state engine.
        events_table: ClickHouse table of events.
        course: the course.
        days: local days of it, in any order.
        snapshot: loads that count.

    Returns:
        What was made.

    Raises:
        StoreUnavailable: a store cannot be reached; the days that were swapped are whole.
        StoreError: the staged rows do not hold every event, or not every row of other courses; nothing was swapped.
    """
    report = RebuildReport()
    with held(engine, f"user_days:{course.project}"):
        failpoint("user_days.locked")
        for chunk in chunks_of(days):
            done = _Chunk(warehouse, engine, events_table, course, chunk, snapshot).rebuild()
            report = RebuildReport(report.days + done.days, report.rows + done.rows, report.events + done.events)
    failpoint("user_days.rebuilt")
    log.info(
        "user-days of course %s/%s made anew: days %d, rows %d, events %d",
        course.project, course.course_id, report.days, report.rows, report.events,
    )  # fmt: skip
    return report


def chunks_of(days: Iterable[dt.date]) -> Iterator[tuple[dt.date, ...]]:
    """Put days together that follow each other, as many as are staged at a time.

    Args:
        days: days in any order, also repeated.

    Yields:
        Days in order, without a gap.

    >>> [len(chunk) for chunk in chunks_of([dt.date(2025, 7, 2), dt.date(2025, 7, 1), dt.date(2025, 7, 4)])]
    [2, 1]
    """
    chunk: list[dt.date] = []
    for day in sorted(set(days)):
        if chunk and (day - chunk[-1] != ONE_DAY or len(chunk) == CHUNK_DAYS):
            yield tuple(chunk)
            chunk = []
        chunk.append(day)
    if chunk:
        yield tuple(chunk)


@dataclass
class _Chunk:
    """Consecutive days of one course on their way."""

    warehouse: Warehouse
    engine: Engine
    events_table: str
    course: LearningCourse
    days: tuple[dt.date, ...]
    snapshot: Snapshot
    stage: str = field(init=False)

    def rebuild(self) -> RebuildReport:
        """Stage, check, note, swap."""
        # Projects are named freely, tables are not; whoever works on a project is alone there.
        owner = hashlib.sha256(self.course.project.encode()).hexdigest()[:16]
        with staging(self.warehouse, USER_DAYS, owner) as self.stage:
            failpoint("user_days.staging_made")
            self._copy_others()
            failpoint("user_days.others_copied")
            self._stage_parts()
            failpoint("user_days.parts_staged")
            report = self._check()
            failpoint("user_days.checked")
            self._note_cohorts()
            failpoint("user_days.cohorts_noted")
            keys = [(self.course.project, day) for day in self.days]
            swapped = partial(failpoint, "user_days.day_swapped")
            swap_partitions(self.warehouse, USER_DAYS, self.stage, keys, after_each=swapped)
        failpoint("user_days.chunk_swapped")
        return report

    @property
    def _values(self) -> dict[str, Any]:
        return {
            "project": self.course.project,
            "course": self.course.course_id,
            "days": [day.isoformat() for day in self.days],
        }

    @property
    def _bounds(self) -> tuple[dt.datetime, dt.datetime]:
        zone = self.course.zone
        return day_start(self.days[0], zone), day_start(self.days[-1] + ONE_DAY, zone)

    def _copy_others(self) -> None:
        self.warehouse.execute(
            f"INSERT INTO {quoted(self.stage)} ({COLUMNS}) SELECT {COLUMNS} FROM {self._others}", self._values
        )

    @property
    def _others(self) -> str:
        return f"{quoted(USER_DAYS.name)} WHERE project = %(project)s AND day IN %(days)s AND course_id != %(course)s"

    def _stage_parts(self) -> None:
        start_at, end_at = self._bounds
        if start_at == end_at:  # a date that its zone left out
            return
        parts = parts_of_events(
            self.events_table, self.course, start_at, end_at, self.snapshot, is_final=self.has_differing_copies
        )
        self.warehouse.execute(
            f"INSERT INTO {quoted(self.stage)} ({COLUMNS})\n{parts.sql}", parts.params, settings=PARTS_SETTINGS
        )

    def _check(self) -> RebuildReport:
        """Counts in are counts out: every event is in a part, every row of other courses was copied."""
        others, rows, events = self.warehouse.execute(
            read_sql("staged_counts").format(stage=quoted(self.stage)), self._values
        )[0]
        stored_others = self.warehouse.scalar(f"SELECT count() FROM {self._others}", self._values)
        read = self._event_count()
        if (events, others) != (read, stored_others):
            raise StoreError(
                f"User-days of course {self.course.course_id!r}, {self.days[0]} to {self.days[-1]}: staged events "
                f"{events} of {read}, staged rows of other courses {others} of {stored_others}; nothing was swapped, "
                "run the calculation again."
            )
        return RebuildReport(len(self.days), int(rows), int(events))

    def _event_count(self) -> int:
        """Events of the days, each once, counted apart from the parts."""
        is_final = self.has_differing_copies
        found = self._events("event_id" if is_final else EVENT_KEY, is_final=is_final)
        count = "count()" if is_final else "uniqExact(event_key)"
        counted = self.warehouse.execute(f"SELECT {count} FROM ({found.sql})", found.params, settings=PARTS_SETTINGS)
        return int(counted[0][0])

    def _events(self, columns: str, *, is_final: bool) -> Statement:
        return events_between(
            self.events_table, self.course, *self._bounds, self.snapshot, columns=columns, is_final=is_final
        )

    @cached_property
    def has_differing_copies(self) -> bool:
        """Whether one of the events may have a copy that is not equal to it; seldom, for intake refuses most."""
        loads = self.snapshot.repeating
        if not loads:
            return loads is None
        found = self._events("load_id", is_final=False)
        sql = f"SELECT count() FROM ({found.sql}) WHERE load_id IN %(repeating)s"
        return bool(self.warehouse.execute(sql, {**found.params, "repeating": loads})[0][0])

    def _note_cohorts(self) -> None:
        query = read_sql("moved_first_days").format(stage=quoted(self.stage), user_days=quoted(USER_DAYS.name))
        moved = [day for (day,) in self.warehouse.execute(query, self._values)]
        with reachable(self.engine), self.engine.begin() as connection:
            touched = [
                row
                for row in read_touched(connection, [(self.course.project, self.course.course_id)])
                if row.kind == EVENTS and row.day in self.days
            ]
            cause = max((row.cause for row in touched), key=CAUSES_BY_STRENGTH.index, default=CAUSES_BY_STRENGTH[0])
            load_ids = {load_id for row in touched for load_id in row.load_ids}
            touch_days(connection, self.course, moved, cause=cause, load_ids=load_ids, may_complete=False, kind=COHORT)
            failpoint("user_days.cohorts_noting")
