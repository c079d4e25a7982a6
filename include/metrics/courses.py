"""Courses as the metrics need them: the zone of their days, and what they ask for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select, tuple_

from include.days import zone_of
from include.state.tables import course_items, courses, metric_courses, projects

KEYS_AT_ONCE = 1_000


@dataclass(frozen=True)
class LearningCourse:
    """One course of one project.

    Attributes:
        project: its project.
        course_id: its id, the ``scope_id`` of its events.
        zone: zone of its days.
    """

    project: str
    course_id: str
    zone: ZoneInfo


def learning_course(connection: Connection, project: str, course_id: str) -> LearningCourse:
    """Give a course with the zone of its days: its own, else the project's, else UTC.

    Args:
        connection: open connection.
        project: its project.
        course_id: its id; courses that nobody registered have events all the same.

    Returns:
        The course.
    """
    return learning_courses(connection, [(project, course_id)])[0]


def learning_courses(connection: Connection, keys: Sequence[tuple[str, str]]) -> tuple[LearningCourse, ...]:
    """Give many courses with the zones of their days, as ``learning_course`` gives one.

    Args:
        connection: open connection.
        keys: pairs of project and course id.

    Returns:
        The courses in the same order.
    """
    own: dict[tuple[str, str], str] = {}
    for start in range(0, len(keys), KEYS_AT_ONCE):
        asked = tuple_(courses.c.project, courses.c.course_id).in_(keys[start : start + KEYS_AT_ONCE])
        rows = connection.execute(select(courses.c.project, courses.c.course_id, courses.c.time_zone).where(asked))
        own |= {(project, course_id): zone for project, course_id, zone in rows}
    named = {project for project, _ in keys}
    query = select(projects.c.project, projects.c.time_zone).where(projects.c.project.in_(named))
    of_project = {row.project: row.time_zone for row in connection.execute(query)}
    return tuple(
        LearningCourse(project, course_id, zone_of(own.get((project, course_id)) or of_project.get(project) or "UTC"))
        for project, course_id in keys
    )


def courses_as_cut(connection: Connection, keys: Sequence[tuple[str, str]]) -> tuple[LearningCourse, ...]:
    """Give courses with the zones that their user-days and stored values are in.

    A course whose zone was changed is read as it was calculated until the next run cuts its days anew; days of one
    zone under the name of another would be wrong and look right.

    Args:
        connection: open connection.
        keys: pairs of project and course id.

    Returns:
        The courses in the same order; those without user-days in the zone they will be cut in.
    """
    c = metric_courses.c
    query = select(c.project, c.course_id, c.time_zone).where(tuple_(c.project, c.course_id).in_(keys))
    cut = {(row.project, row.course_id): row.time_zone for row in connection.execute(query)}
    found = learning_courses(connection, keys)
    return tuple(replace(one, zone=zone_of(cut.get((one.project, one.course_id), one.zone.key))) for one in found)


def required_items(
    connection: Connection, course: LearningCourse, moments: Iterable[dt.datetime]
) -> dict[dt.datetime, tuple[str, ...]]:
    """What a course asks for at the ends of periods.

    The first catalogue of a course also holds for the time before it was written down: nobody had said otherwise.

    Args:
        connection: open connection.
        course: the course.
        moments: aware ends of periods; an item counts that is valid at the moment before.

    Returns:
        Ids of required items in order by moment; empty when the course asks for nothing.
    """
    c = course_items.c
    query = select(c.item_id, c.valid_from_at, c.valid_to_at, c.is_required).where(
        c.project == course.project, c.course_id == course.course_id
    )
    rows = connection.execute(query).all()
    first_at = min((row.valid_from_at for row in rows), default=None)
    return {
        moment: tuple(
            sorted(
                {
                    row.item_id
                    for row in rows
                    if row.is_required
                    and (row.valid_from_at < moment or row.valid_from_at == first_at)
                    and (row.valid_to_at is None or row.valid_to_at >= moment)
                }
            )
        )
        for moment in moments
    }
