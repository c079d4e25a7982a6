"""All courses, with what is calculated of them and what waits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select, tuple_

from include.metrics.courses import LearningCourse, courses_as_cut
from include.metrics.reading.asking import Stores, written
from include.metrics.reading.derived import run_sql
from include.metrics.reading.known import Courses, courses_known
from include.metrics.reading.limits import Deadline
from include.state.tables import metric_slices, metric_touched_days


@dataclass(frozen=True)
class ListedCourse:
    """One course.

    Attributes:
        project: its project.
        course_id: its id.
        time_zone: IANA zone its days are cut in.
        first_day: first local day with events; None before any user-day was built.
        last_day: last such day.
        day_count: local days with events.
        person_count: people with events.
        slice_count: metrics, versions and periods that are stored.
        last_calculated_at: when one of them was calculated last, aware UTC; None when none is stored.
        pending_day_count: local days whose events or people changed since.
    """

    project: str
    course_id: str
    time_zone: str
    first_day: dt.date | None
    last_day: dt.date | None
    day_count: int
    person_count: int
    slice_count: int
    last_calculated_at: dt.datetime | None
    pending_day_count: int

    def document(self) -> dict[str, Any]:
        """The course as answers show it.

        Returns:
            Ready for JSON.
        """
        return {
            "project": self.project,
            "course_id": self.course_id,
            "timezone": self.time_zone,
            "first_day": self.first_day.isoformat() if self.first_day else None,
            "last_day": self.last_day.isoformat() if self.last_day else None,
            "day_count": self.day_count,
            "person_count": self.person_count,
            "slice_count": self.slice_count,
            "last_calculated_at": written(self.last_calculated_at) if self.last_calculated_at else None,
            "pending_day_count": self.pending_day_count,
        }


@dataclass(frozen=True)
class CoursePage:
    """Some of the courses that were asked for.

    Attributes:
        items: by project and id.
        total: how many there are on all pages.
    """

    items: tuple[ListedCourse, ...]
    total: int


def listed_courses(
    stores: Stores,
    *,
    project: str | None = None,
    readable: Courses | None = None,
    limit: int = 100,
    offset: int = 0,
) -> CoursePage:
    """List the courses that were registered or that have events.

    Args:
        stores: where values are.
        project: of this project only.
        readable: these courses only; None for all.
        limit: most items of the page.
        offset: items before the page.

    Returns:
        The page, by project and id.

    Raises:
        StoreUnavailable: a store cannot be reached, or the time is over.
    """
    known = courses_known(stores.engine, project=project)
    shown = [one for one in known if readable is None or one in readable]
    page = shown[offset : offset + limit]
    if not page:
        return CoursePage((), len(shown))
    deadline = Deadline(stores.warehouse.read_seconds)
    rows = run_sql(stores, deadline, "listed_courses", {"courses": page})
    active: dict[tuple[str, str], Sequence[Any]] = {(row[0], row[1]): row[2:] for row in rows}
    with deadline.reading(stores.engine) as connection:
        slices = _slices(connection, page)
        pending = _pending(connection, page)
        courses = courses_as_cut(connection, page)
    items = tuple(_listed(one, active, slices, pending) for one in courses)
    return CoursePage(items, len(shown))


def _listed(
    course: LearningCourse,
    active: Mapping[tuple[str, str], Sequence[Any]],
    slices: Mapping[tuple[str, str], Sequence[Any]],
    pending: Mapping[tuple[str, str], int],
) -> ListedCourse:
    key = (course.project, course.course_id)
    first_day, last_day, day_count, person_count = active.get(key, (None, None, 0, 0))
    slice_count, last_calculated_at = slices.get(key, (0, None))
    return ListedCourse(
        project=course.project,
        course_id=course.course_id,
        time_zone=course.zone.key,
        first_day=first_day,
        last_day=last_day,
        day_count=day_count,
        person_count=person_count,
        slice_count=slice_count,
        last_calculated_at=last_calculated_at,
        pending_day_count=pending.get(key, 0),
    )


def _slices(connection: Connection, page: Sequence[tuple[str, str]]) -> dict[tuple[str, str], tuple[Any, ...]]:
    c = metric_slices.c
    query = select(c.project, c.course_id, func.count(), func.max(c.calculated_at)).where(
        tuple_(c.project, c.course_id).in_(page)
    )
    rows = connection.execute(query.group_by(c.project, c.course_id)).all()
    return {(row[0], row[1]): tuple(row[2:]) for row in rows}


def _pending(connection: Connection, page: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    c = metric_touched_days.c
    query = select(c.project, c.course_id, func.count(c.day.distinct())).where(tuple_(c.project, c.course_id).in_(page))
    return {(row[0], row[1]): int(row[2]) for row in connection.execute(query.group_by(c.project, c.course_id))}
