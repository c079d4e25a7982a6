"""Taking loads: the days that new events lie on begin to wait, and the loads begin to count, in one transaction."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.postgresql import insert

from include.failpoints import failpoint
from include.metrics.courses import LearningCourse, learning_courses
from include.metrics.parts.building import ensure_user_days
from include.metrics.parts.catalogues import changed_catalogues, note_catalogues
from include.metrics.parts.event_days import (
    CourseKey,
    DaysOfCourses,
    Filter,
    filters_of,
    in_chunks,
    local_days,
    utc_dates,
)
from include.metrics.parts.touching import EVENTS, Touch, touch
from include.metrics.tables import USER_DAYS
from include.state.engine import reachable
from include.state.locks import held
from include.state.tables import event_loads, metric_courses, metric_loads, receipts
from include.warehouse.client import Warehouse, quoted

log = logging.getLogger(__name__)

LATE_DATA, REPLAY, DEFINITION_CHANGE = "late_data", "replay", "definition_change"
REPLAYING = "replay"  # principal of receipts of events that came out of the quarantine
ROWS_AT_ONCE = 5_000
TAKING_FAILPOINTS = ("metric_loads.locked", "metric_loads.days_found", "metric_loads.noting", "metric_loads.noted")


@dataclass(frozen=True)
class TakenReport:
    """What was taken.

    Attributes:
        load_ids: loads that count from now on, in order.
        courses: courses with days that wait because of them, or because of a changed zone.
        days: these days.
    """

    load_ids: tuple[int, ...] = ()
    courses: int = 0
    days: int = 0


@dataclass(frozen=True)
class _Waiting:
    """What PostgreSQL says before anything is decided."""

    loads: dict[int, dt.datetime]  # when they landed
    replays: tuple[str, ...]  # receipts of events that came out of the quarantine meanwhile
    zones: dict[CourseKey, str]  # that the days of known courses were cut in


def take_loads(warehouse: Warehouse, engine: Engine, events_table: str, *, now: dt.datetime) -> TakenReport:
    """Note which days the loads that landed since the last call touch; all days of a course whose zone changed.

    A course that asks for other items than before is noted too, with the day of the change.

    Safe to repeat at any time, and to call twice at once: one waits for the other.

    Args:
        warehouse: the warehouse.
        engine: the state engine.
        events_table: ClickHouse table of events.
        now: aware; when the loads begin to count.

    Returns:
        What was taken.

    Raises:
        StoreUnavailable: a store cannot be reached; nothing was taken.
    """
    with held(engine, "metric_loads"):
        failpoint("metric_loads.locked")
        with reachable(engine), engine.connect() as connection:
            waiting = _read_waiting(connection)
            moved = _moved_courses(connection, waiting.zones)
            is_idle = not waiting.loads and not moved and not changed_catalogues(connection)
        if is_idle:
            return TakenReport()
        ensure_user_days(warehouse)
        touches, taken = _new_days(warehouse, engine, events_table, waiting)
        touches += _all_days(warehouse, events_table, moved)
        failpoint("metric_loads.days_found")
        with reachable(engine), engine.begin() as connection:
            _note(connection, waiting.loads, now)
            _note_zones(connection, taken, moved, now)
            touch(connection, [*_each_once(touches), *_new_catalogues(connection, waiting.zones)])
            failpoint("metric_loads.noting")
        failpoint("metric_loads.noted")
    return _report(tuple(waiting.loads), touches)


def _read_waiting(connection: Connection) -> _Waiting:
    c = event_loads.c
    taken = select(metric_loads.c.load_id).where(metric_loads.c.load_id == c.load_id).exists()
    query = select(c.load_id, c.landed_at).where(c.landed_at.is_not(None), ~taken).order_by(c.load_id)
    loads = {int(load_id): landed_at for load_id, landed_at in connection.execute(query)}
    replays: Sequence[str] = ()
    if loads:  # receipts land at the same instant as their load
        between = receipts.c.landed_at.between(min(loads.values()), max(loads.values()))
        query_replays = select(receipts.c.receipt_id).where(receipts.c.principal == REPLAYING, between)
        replays = connection.execute(query_replays).scalars().all()
    known = connection.execute(select(metric_courses.c.project, metric_courses.c.course_id, metric_courses.c.time_zone))
    return _Waiting(loads, tuple(replays), {(project, course_id): zone for project, course_id, zone in known})


def _moved_courses(connection: Connection, zones: dict[CourseKey, str]) -> list[LearningCourse]:
    """Courses whose days are cut in another zone than those they have."""
    found = learning_courses(connection, list(zones))
    return [course for course in found if zones[course.project, course.course_id] != course.zone.key]


def _new_days(
    warehouse: Warehouse, engine: Engine, events_table: str, waiting: _Waiting
) -> tuple[list[Touch], list[LearningCourse]]:
    """The days that the new loads touch, and the courses of their events."""
    filters = filters_of("load_id", list(waiting.loads))
    dates = utc_dates(warehouse, events_table, filters)
    with reachable(engine), engine.connect() as connection:
        courses = learning_courses(connection, list(dates))
    found = local_days(warehouse, events_table, filters, dates, courses)
    replayed: DaysOfCourses = {}
    if waiting.replays:
        from_quarantine = [more for one in filters for more in filters_of("receipt_id", waiting.replays, one)]
        replayed = local_days(warehouse, events_table, from_quarantine, dates, courses)
    touches = []
    for course, days in found.items():
        for day, events in days.items():
            again = replayed.get(course, {}).get(day)
            is_replay = again is not None and again.row_count == events.row_count
            cause = REPLAY if is_replay else LATE_DATA
            touches.append(Touch(course, day, EVENTS, cause, events.load_ids, events.may_complete))
    return touches, list(courses)


def _all_days(warehouse: Warehouse, events_table: str, courses: Sequence[LearningCourse]) -> list[Touch]:
    """Every day that courses have, as cut before and as cut now."""
    touches = []
    for course in courses:
        values = {"project": course.project, "course": course.course_id}
        mine = Filter("project = %(project)s AND scope_id = %(course)s", values)
        dates = utc_dates(warehouse, events_table, [mine])
        days = {day for found in local_days(warehouse, events_table, [mine], dates, [course]).values() for day in found}
        before = warehouse.execute(
            f"SELECT DISTINCT day FROM {quoted(USER_DAYS.name)} WHERE project = %(project)s AND course_id = %(course)s",
            values,
        )
        days.update(day for (day,) in before)
        touches += [Touch(course, day, EVENTS, DEFINITION_CHANGE) for day in days]
    return touches


def _new_catalogues(connection: Connection, zones: Container[CourseKey]) -> list[Touch]:
    """Changed catalogues of courses that were known before: nothing was calculated of the others yet."""
    changed = changed_catalogues(connection)
    note_catalogues(connection, changed)
    touches = [one.touch for one in changed]
    return [one for one in touches if (one.course.project, one.course.course_id) in zones]


def _each_once(touches: Iterable[Touch]) -> list[Touch]:
    """A day with new events whose zone changed too keeps its loads; the later entry has the stronger cause."""
    found: dict[tuple[LearningCourse, dt.date], Touch] = {}
    for one in touches:
        first = found.get((one.course, one.day))
        found[one.course, one.day] = one if first is None else first._replace(cause=one.cause, may_complete=True)
    return list(found.values())


def _note(connection: Connection, loads: Iterable[int], now: dt.datetime) -> None:
    rows = [{"load_id": load_id, "taken_at": now} for load_id in loads]
    for some in in_chunks(rows, ROWS_AT_ONCE):
        connection.execute(insert(metric_loads).on_conflict_do_nothing(), list(some))


def _note_zones(
    connection: Connection, taken: Iterable[LearningCourse], moved: Iterable[LearningCourse], now: dt.datetime
) -> None:
    """Note the zones of new courses, and of those whose days wait in another one.

    A zone that was changed a moment ago, after the others were compared, is left to the next call.
    """
    command = insert(metric_courses)
    replace = command.on_conflict_do_update(
        index_elements=["project", "course_id"], set_={"time_zone": command.excluded.time_zone}
    )
    for courses, statement in ((taken, command.on_conflict_do_nothing()), (moved, replace)):
        rows = sorted((one.project, one.course_id, one.zone.key) for one in courses)
        for some in in_chunks(rows, ROWS_AT_ONCE):
            values = [dict(zip(("project", "course_id", "time_zone"), row, strict=True)) for row in some]
            connection.execute(statement, [row | {"first_taken_at": now} for row in values])


def _report(load_ids: tuple[int, ...], touches: Sequence[Touch]) -> TakenReport:
    days = {(one.course, one.day) for one in touches}
    report = TakenReport(load_ids, len({course for course, _ in days}), len(days))
    log.info("loads taken %d, days touched %d in %d courses", len(load_ids), report.days, report.courses)
    return report
