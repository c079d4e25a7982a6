"""Courses whose catalogue changed since it was last looked at: completion of their periods has to follow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, and_, func, or_, select, union_all, update

from include.metrics.courses import LearningCourse, learning_courses
from include.metrics.parts.touching import CATALOGUE, Touch
from include.metrics.periods.grains import local_day
from include.state.tables import course_items, metric_courses

DEFINITION_CHANGE = "definition_change"
BEGINNING = dt.date(1970, 1, 1)  # the first catalogue of a course holds for all its past


@dataclass(frozen=True)
class ChangedCatalogue:
    """A catalogue that is not as it was.

    Attributes:
        touch: the local day of the change: periods that end later ask for other items.
        changed_at: the newest change, aware.
    """

    touch: Touch
    changed_at: dt.datetime


def changed_catalogues(connection: Connection) -> list[ChangedCatalogue]:
    """Find the courses with user-days whose items joined or left since the last look.

    Args:
        connection: open connection.

    Returns:
        One entry per course.
    """
    items, known = course_items.c, metric_courses.c
    moments = union_all(
        select(items.project, items.course_id, items.valid_from_at.label("moment")),
        select(items.project, items.course_id, items.valid_to_at).where(items.valid_to_at.is_not(None)),
    ).subquery("moments")
    is_same = and_(known.project == moments.c.project, known.course_id == moments.c.course_id)
    is_new = or_(known.catalogue_at.is_(None), moments.c.moment > known.catalogue_at)
    found = connection.execute(
        select(
            known.project,
            known.course_id,
            known.catalogue_at.is_(None).label("is_first"),
            func.min(moments.c.moment).label("first_at"),
            func.max(moments.c.moment).label("last_at"),
        )
        .select_from(metric_courses.join(moments, is_same))
        .where(is_new)
        .group_by(known.project, known.course_id, known.catalogue_at)
    ).mappings()
    rows = {(row["project"], row["course_id"]): row for row in found}
    return [
        _changed(course, rows[course.project, course.course_id]) for course in learning_courses(connection, list(rows))
    ]


def note_catalogues(connection: Connection, changed: Iterable[ChangedCatalogue]) -> None:
    """Remember up to which change the catalogues were looked at.

    Args:
        connection: in the transaction that lets the days wait.
        changed: what was found.
    """
    c = metric_courses.c
    for one in changed:
        course = one.touch.course
        is_this = and_(c.project == course.project, c.course_id == course.course_id)
        connection.execute(update(metric_courses).where(is_this).values(catalogue_at=one.changed_at))


def _changed(course: LearningCourse, row: RowMapping) -> ChangedCatalogue:
    day = BEGINNING if row["is_first"] else local_day(row["first_at"], course.zone)
    return ChangedCatalogue(Touch(course, day, CATALOGUE, DEFINITION_CHANGE), row["last_at"])
