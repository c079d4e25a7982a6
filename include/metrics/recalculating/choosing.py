"""Which courses an order is about."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection, select, union

from include.errors import InputError
from include.metrics.recalculating.orders import Order
from include.state.tables import courses, metric_courses, metric_slices, metric_touched_days

CourseKey = tuple[str, str]
"""Project and course."""


def chosen_courses(connection: Connection, order: Order, *, now: dt.datetime) -> tuple[CourseKey, ...]:
    """Find the courses an order is about; new loads have been taken.

    Args:
        connection: open connection.
        order: the order.
        now: aware; values that change by themselves are due until then.

    Returns:
        Project and course, in order. Without named courses: all that have events, or, when the order asks for no day
        and no period, those where something is to be done.

    Raises:
        InputError: a named course has no events and is not registered (``course_unknown``), or several projects have
            it and none is named (``ambiguous_project``).
    """
    if order.courses:
        return tuple(_named(connection, order, course_id) for course_id in sorted(set(order.courses)))
    if order.days or order.bounds:
        found = connection.execute(select(metric_courses.c.project, metric_courses.c.course_id)).all()
    else:
        touched = select(metric_touched_days.c.project, metric_touched_days.c.course_id)
        due = select(metric_slices.c.project, metric_slices.c.course_id).where(metric_slices.c.next_change_at <= now)
        found = connection.execute(union(touched, due)).all()
    keys = {(str(project), str(course_id)) for project, course_id in found}
    return tuple(sorted(key for key in keys if order.project in (None, key[0])))


def _named(connection: Connection, order: Order, course_id: str) -> CourseKey:
    tables = (metric_courses, courses)
    seen = union(*(select(table.c.project).where(table.c.course_id == course_id) for table in tables))
    projects = [project for project in connection.execute(seen).scalars() if order.project in (None, project)]
    if not projects:
        within = f" in project {order.project[:64]!r}" if order.project else ""
        raise InputError(
            f"There is no course {course_id[:64]!r}{within}: nobody registered it, and no event names it.",
            code="course_unknown",
            pointer="/course_id",
        )
    if len(projects) > 1:
        raise InputError(
            f"Several projects have a course {course_id[:64]!r}: {', '.join(sorted(projects))[:200]}; name one.",
            code="ambiguous_project",
            pointer="/project",
        )
    return projects[0], course_id
