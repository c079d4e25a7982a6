"""Courses: who teaches them, what they ask for and since when, and the zone of their days."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Engine, Table, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from include.accounts import audit
from include.accounts.actors import Actor
from include.accounts.roles import TEACHER
from include.accounts.texts import is_id, is_writable
from include.accounts.transactions import transaction, wait_in_line
from include.days import utc_now, zone_of
from include.errors import InputError
from include.state.tables import accounts, course_items, course_teachers, courses, projects

logger = logging.getLogger(__name__)

LONGEST_ID = 128  # characters of an id from outside, as for events


@dataclass(frozen=True)
class CourseItem:
    """One thing a course asks for.

    Attributes:
        item_id: its id.
        module_id: the module it belongs to; empty for none.
        is_required: whether completing the course needs it.
    """

    item_id: str
    module_id: str = ""
    is_required: bool = True


@dataclass(frozen=True)
class Course:
    """A course as it is now.

    Attributes:
        project: its project.
        course_id: its id.
        time_zone: IANA name; decides what a day is.
        teachers: accounts that teach it, by id.
        items: what it asks for, by id.
        updated_by: who changed it last.
        updated_at: when, UTC.
    """

    project: str
    course_id: str
    time_zone: str
    teachers: tuple[str, ...]
    items: tuple[CourseItem, ...]
    updated_by: str
    updated_at: dt.datetime


def read_course(where: Engine | Connection, project: str, course_id: str) -> Course | None:
    """Read a course.

    Args:
        where: the state engine, or an open connection.
        project: its project.
        course_id: its id.

    Returns:
        The course as it is now, or None.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    if not is_writable(project + course_id):
        return None
    with transaction(where) as connection:
        return _read(connection, project, course_id)


def write_course(
    engine: Engine,
    *,
    project: str,
    course_id: str,
    teachers: Sequence[str],
    items: Sequence[CourseItem],
    time_zone: str = "UTC",
    by: Actor,
    now: dt.datetime | None = None,
) -> Course:
    """Put a course in place of what it was; items that leave keep their row, with an end.

    Args:
        engine: the state engine.
        project: its project, which must exist.
        course_id: its id.
        teachers: ids of accounts with the role teacher, in any order.
        items: what it asks for, in any order.
        time_zone: IANA name.
        by: who writes it.
        now: aware instant to use instead of the clock.

    Returns:
        The course as it is now; nothing changes when it was so before.

    Raises:
        InputError: an unusable id (``bad_id``), an item named twice (``duplicate_item``), an unknown zone
            (``bad_zone``), project (``project_unknown``) or teacher (``teacher_unknown``), or an account that is no
            teacher (``not_a_teacher``).
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    zone_of(time_zone)
    wanted = _items(items)
    name = _clean_id(course_id, "/course_id")
    with transaction(engine) as connection:
        _require_project(connection, project)
        wait_in_line(connection, f"course:{project}:{name}")
        taught_by = _teachers(connection, teachers)
        before = _read(connection, project, name)
        course = Course(
            project, name, time_zone, taught_by, tuple(wanted[key] for key in sorted(wanted)), by.name,
            max(now or utc_now(), before.updated_at) if before else now or utc_now(),
        )  # fmt: skip
        if before and _content(before) == _content(course):
            return before
        _write(connection, course, before)
        details = {"project": project, "course_id": name, "teachers": len(taught_by), "items": len(wanted)}
        audit.note(connection, audit.COURSE, by=by, now=course.updated_at, details=details)
    logger.info("course %s of %s written, %d items, %d teachers", name, project, len(wanted), len(taught_by))
    return course


def courses_of_teacher(where: Engine | Connection, user_id: str) -> frozenset[tuple[str, str]]:
    """The courses somebody teaches.

    Args:
        where: the state engine, or an open connection.
        user_id: the account.

    Returns:
        Pairs of project and course id.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    if not is_id(user_id):
        return frozenset()
    c = course_teachers.c
    with transaction(where) as connection:
        rows = connection.execute(select(c.project, c.course_id).where(c.user_id == user_id))
        return frozenset((row.project, row.course_id) for row in rows)


def projects_of_course(where: Engine | Connection, course_id: str) -> tuple[str, ...]:
    """The projects that have a course of this id.

    Args:
        where: the state engine, or an open connection.
        course_id: the course.

    Returns:
        Names in order; empty when nobody has it.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    if not is_writable(course_id):
        return ()
    query = select(courses.c.project).where(courses.c.course_id == course_id).order_by(courses.c.project)
    with transaction(where) as connection:
        return tuple(connection.execute(query).scalars())


def _clean_id(text: str, pointer: str, *, may_be_empty: bool = False) -> str:
    found = text.strip()
    if not (found or may_be_empty) or len(found) > LONGEST_ID or not is_writable(found):
        raise InputError(
            f"An id has 1 to {LONGEST_ID} characters and no control characters.", code="bad_id", pointer=pointer
        )
    return found


def _items(items: Sequence[CourseItem]) -> dict[str, CourseItem]:
    found: dict[str, CourseItem] = {}
    for place, item in enumerate(items):
        pointer = f"/items/{place}"
        item_id = _clean_id(item.item_id, f"{pointer}/item_id")
        if item_id in found:
            raise InputError(f"Item {item_id} is listed twice.", code="duplicate_item", pointer=f"{pointer}/item_id")
        module_id = _clean_id(item.module_id, f"{pointer}/module_id", may_be_empty=True)
        found[item_id] = CourseItem(item_id, module_id, item.is_required)
    return found


def _require_project(connection: Connection, project: str) -> None:
    is_there = select(projects.c.project).where(projects.c.project == project)
    if not is_writable(project) or connection.execute(is_there).first() is None:
        raise InputError("There is no such project.", code="project_unknown", pointer="/project")


def _teachers(connection: Connection, teachers: Sequence[str]) -> tuple[str, ...]:
    known = [user_id.lower() for user_id in teachers if is_id(user_id)]
    rows = connection.execute(select(accounts.c.user_id, accounts.c.role).where(accounts.c.user_id.in_(known)))
    roles: Mapping[str, str] = {row.user_id: row.role for row in rows}
    for place, user_id in enumerate(teachers):
        role = roles.get(user_id.lower())
        if role == TEACHER:
            continue
        code, wrong = ("teacher_unknown", "is no account") if role is None else ("not_a_teacher", f"is a {role}")
        raise InputError(
            f"Entry {place + 1} of the teachers {wrong}; name accounts with the role {TEACHER}.",
            code=code,
            pointer=f"/teachers/{place}",
        )
    return tuple(sorted(roles))


def _read(connection: Connection, project: str, course_id: str) -> Course | None:
    key = (project, course_id)
    row = connection.execute(select(courses).where(_is_course(courses, key))).mappings().first()
    if row is None:
        return None
    teachers = select(course_teachers.c.user_id).where(_is_course(course_teachers, key))
    i = course_items.c
    items = select(i.item_id, i.module_id, i.is_required).where(_is_course(course_items, key), i.valid_to_at.is_(None))
    return Course(
        **row,
        teachers=tuple(sorted(connection.execute(teachers).scalars())),
        items=tuple(sorted((CourseItem(*found) for found in connection.execute(items)), key=lambda item: item.item_id)),
    )


def _content(course: Course) -> tuple[object, ...]:
    return course.time_zone, course.teachers, course.items


def _write(connection: Connection, course: Course, before: Course | None) -> None:
    key = {"project": course.project, "course_id": course.course_id}
    pair = (course.project, course.course_id)
    head = {"time_zone": course.time_zone, "updated_by": course.updated_by, "updated_at": course.updated_at}
    statement = upsert(courses).values(**key, **head)
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=head))
    connection.execute(delete(course_teachers).where(_is_course(course_teachers, pair)))
    if course.teachers:
        connection.execute(insert(course_teachers), [{**key, "user_id": user_id} for user_id in course.teachers])
    old, new = set(before.items) if before else set(), set(course.items)
    _end_items(connection, pair, [item.item_id for item in old - new], course.updated_at)
    begun = [{**key, **vars(item), "valid_from_at": course.updated_at} for item in sorted(new - old, key=_item_id)]
    if begun:
        connection.execute(insert(course_items), begun)


def _end_items(connection: Connection, key: tuple[str, str], item_ids: list[str], now: dt.datetime) -> None:
    c = course_items.c
    is_open = _is_course(course_items, key) & c.item_id.in_(item_ids) & c.valid_to_at.is_(None)
    connection.execute(delete(course_items).where(is_open, c.valid_from_at >= now))  # never valid for any time
    connection.execute(update(course_items).where(is_open).values(valid_to_at=now))


def _item_id(item: CourseItem) -> str:
    return item.item_id


def _is_course(table: Table, key: tuple[str, str]) -> ColumnElement[bool]:
    return (table.c.project == key[0]) & (table.c.course_id == key[1])
