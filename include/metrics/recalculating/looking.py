"""What a run sees of a course: its touched days and the events that count, all at one and the same moment."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from sqlalchemy import Engine

from include.metrics.courses import LearningCourse, courses_as_cut
from include.metrics.parts.snapshot import Snapshot, read_snapshot
from include.metrics.parts.touching import COHORT, EVENTS, TouchedDay, read_touched, touch_days
from include.metrics.recalculating.choosing import CourseKey
from include.metrics.recalculating.orders import Order
from include.metrics.recalculating.planning import existing_days
from include.metrics.storing.causes import RECALCULATION
from include.state.engine import reachable


@dataclass(frozen=True)
class Moment:
    """A course as it was when its turn had come; loading goes on meanwhile.

    Attributes:
        course: the course, in the zone its user-days are cut in.
        touched: its touched days.
        snapshot: loads that count; the days of each of them are built, or among the touched.
    """

    course: LearningCourse
    touched: tuple[TouchedDay, ...]
    snapshot: Snapshot

    def days(self, *kinds: str) -> tuple[dt.date, ...]:
        """Touched days of some kinds.

        Args:
            kinds: the kinds.

        Returns:
            Local days, each once, in order.
        """
        return tuple(sorted({row.day for row in self.touched if row.kind in kinds}))

    def without_events(self, days: set[dt.date]) -> set[dt.date]:
        """Those of some days that wait for no other reason than an order.

        Args:
            days: days of an order that did not wait before.

        Returns:
            The days no load has touched meanwhile.
        """
        return {row.day for row in self.touched if row.kind == EVENTS and row.day in days and not row.load_ids}


def touch_ordered_days(engine: Engine, key: CourseKey, order: Order) -> set[dt.date]:
    """Note the days of an order before anything changes, so that a run that dies leaves its work to the next.

    Args:
        engine: the state engine.
        key: the course, locked.
        order: the order.

    Returns:
        Its days that did not wait before.
    """
    if not order.days:
        return set()
    with reachable(engine), engine.begin() as connection:
        course = courses_as_cut(connection, [key])[0]
        waiting = {row.day for row in read_touched(connection, [key]) if row.kind == EVENTS}
        days = existing_days(order.days, course.zone)
        added = [day for day in days if day not in waiting]
        # A day that waits for events needs no weaker reason beside them.
        touch_days(connection, course, added if order.cause == RECALCULATION else days, cause=order.cause)
    return set(added)


def look(engine: Engine, key: CourseKey) -> Moment:
    """Read what a run works on.

    Args:
        engine: the state engine.
        key: the course, locked.

    Returns:
        Touched days and snapshot of one moment.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    with reachable(engine), engine.connect() as connection:
        connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            touched = tuple(read_touched(connection, [key]))
            return Moment(courses_as_cut(connection, [key])[0], touched, read_snapshot(connection))


def with_cohorts(engine: Engine, moment: Moment) -> Moment:
    """Add the days whose cohorts changed while days were built; only who has the lock builds days.

    Args:
        engine: the state engine.
        moment: what was seen before.

    Returns:
        The same with the days that first days moved to or from.
    """
    key = (moment.course.project, moment.course.course_id)
    with reachable(engine), engine.connect() as connection:
        moved = (row for row in read_touched(connection, [key]) if row.kind == COHORT)
        return replace(moment, touched=(*(row for row in moment.touched if row.kind != COHORT), *moved))
