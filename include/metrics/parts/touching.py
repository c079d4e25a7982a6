"""Days of courses whose user-days or values are to follow new events; a day waits until somebody has seen to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, case, delete, func, literal, or_, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.types import BigInteger, Text

from include.days import utc_now
from include.metrics.courses import LearningCourse
from include.state.tables import metric_touched_days

EVENTS, COHORT, CATALOGUE = "events", "cohort", "catalogue"
# Of two reasons to look at a day again the later in this list is told: it explains more of what may change.
CAUSES_BY_STRENGTH = ("recalculation", "day_closed", "replay", "late_data", "deletion", "definition_change")
ROWS_AT_ONCE = 1_000


@dataclass(frozen=True)
class TouchedDay:
    """A day that waits.

    Attributes:
        project: project of its course.
        course_id: its course.
        day: local day of the course.
        kind: ``events`` when its events changed; ``cohort`` when somebody's first day moved to it or from it;
            ``catalogue`` when the course asks for other items from its end on.
        cause: why, one of CAUSES_BY_STRENGTH.
        load_ids: loads that brought new events, in order.
        may_complete: whether a task may have succeeded on it, or no longer did.
        touch_number: another one after every touch.
    """

    project: str
    course_id: str
    day: dt.date
    kind: str
    cause: str
    load_ids: tuple[int, ...]
    may_complete: bool
    touch_number: int


class Touch(NamedTuple):
    """Why a day shall wait; fields as in TouchedDay."""

    course: LearningCourse
    day: dt.date
    kind: str
    cause: str
    load_ids: Iterable[int] = ()
    may_complete: bool = True


def touch_days(
    connection: Connection,
    course: LearningCourse,
    days: Iterable[dt.date],
    *,
    cause: str,
    load_ids: Iterable[int] = (),
    may_complete: bool = True,
    kind: str = EVENTS,
) -> None:
    """Let days wait; a day that waits already keeps its loads and the stronger cause.

    Args:
        connection: open connection with a transaction.
        course: their course.
        days: local days of it.
        cause: why, one of CAUSES_BY_STRENGTH.
        load_ids: loads that brought new events.
        may_complete: whether a task may have succeeded on these days, or no longer did.
        kind: ``events``, ``cohort`` or ``catalogue``.
    """
    loads = tuple(load_ids)
    touch(connection, [Touch(course, day, kind, cause, loads, may_complete) for day in set(days)])


def touch(connection: Connection, touches: Iterable[Touch]) -> None:
    """Let days of any courses wait, as ``touch_days`` does.

    Args:
        connection: open connection with a transaction.
        touches: the days, each once by course, day and kind.
    """
    now = utc_now()
    rows: list[dict[str, Any]] = [
        {
            "project": one.course.project,
            "course_id": one.course.course_id,
            "day": one.day,
            "kind": one.kind,
            "cause": one.cause,
            "load_ids": sorted(set(one.load_ids)),
            "may_complete": one.may_complete,
            "touched_at": now,
        }
        for one in touches
    ]
    # In order, so that of two who touch the same days one waits, and not each for the other.
    rows.sort(key=lambda row: (row["project"], row["course_id"], row["day"], row["kind"]))
    for start in range(0, len(rows), ROWS_AT_ONCE):
        _upsert(connection, rows[start : start + ROWS_AT_ONCE])


def _upsert(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    old, command = metric_touched_days.c, insert(metric_touched_days).values(rows)
    new = command.excluded
    loads = func.unnest(old.load_ids + new.load_ids).table_valued("load_id").render_derived(name="loads")
    merged = select(func.array_agg(loads.c.load_id.distinct())).scalar_subquery()
    strength = literal(list(CAUSES_BY_STRENGTH), ARRAY(Text))
    is_stronger = func.array_position(strength, old.cause) > func.array_position(strength, new.cause)
    connection.execute(
        command.on_conflict_do_update(
            index_elements=[old.project, old.course_id, old.day, old.kind],
            set_={
                "cause": case((is_stronger, old.cause), else_=new.cause),
                "load_ids": func.coalesce(merged, literal([], ARRAY(BigInteger))),
                "may_complete": or_(old.may_complete, new.may_complete),
                "touch_number": new.touch_number,
                "touched_at": new.touched_at,
            },
        )
    )


def read_touched(connection: Connection, courses: Sequence[tuple[str, str]] | None) -> list[TouchedDay]:
    """The days that wait.

    Args:
        connection: open connection.
        courses: pairs of project and course id; None for all courses.

    Returns:
        The days by project, course, day and kind.
    """
    c = metric_touched_days.c
    names = (c.project, c.course_id, c.day, c.kind, c.cause, c.load_ids, c.may_complete, c.touch_number)
    query = select(*names).order_by(c.project, c.course_id, c.day, c.kind)
    if courses is not None:
        query = query.where(tuple_(c.project, c.course_id).in_(courses))
    rows = connection.execute(query)
    return [
        TouchedDay(project, course_id, day, kind, cause, tuple(load_ids), may_complete, number)
        for project, course_id, day, kind, cause, load_ids, may_complete, number in rows
    ]


def forget_touched(connection: Connection, rows: Iterable[TouchedDay]) -> None:
    """Let days wait no longer, except those touched again meanwhile.

    Args:
        connection: open connection with a transaction.
        rows: the days as they were read.
    """
    c, numbers = metric_touched_days.c, sorted(row.touch_number for row in rows)
    for start in range(0, len(numbers), ROWS_AT_ONCE):
        connection.execute(delete(metric_touched_days).where(c.touch_number.in_(numbers[start : start + ROWS_AT_ONCE])))
