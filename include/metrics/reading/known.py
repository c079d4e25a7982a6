"""Who and what the metrics know: courses, people, and the courses somebody may read."""

from __future__ import annotations

from sqlalchemy import Engine, select, union

from include.accounts.courses import courses_of_teacher
from include.accounts.texts import is_writable
from include.accounts.transactions import transaction
from include.errors import InputError
from include.metrics.courses import LearningCourse, courses_as_cut
from include.settings.learning import ALL
from include.state.tables import courses, identities, metric_courses, projects

USER_ID = "user_id"  # the namespace of the ids that the routes and commands take
Courses = frozenset[tuple[str, str]]


def courses_known(
    engine: Engine, *, project: str | None = None, course_id: str | None = None
) -> tuple[tuple[str, str], ...]:
    """Courses that were registered or that have events.

    Args:
        engine: the state engine.
        project: of this project only; None for all.
        course_id: of this id only; None for all.

    Returns:
        Pairs of project and course id, in order.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    if not is_writable((project or "") + (course_id or "")):
        return ()
    queries = []
    for table in (courses, metric_courses):
        query = select(table.c.project, table.c.course_id)
        if project is not None:
            query = query.where(table.c.project == project)
        if course_id is not None:
            query = query.where(table.c.course_id == course_id)
        queries.append(query)
    with transaction(engine) as connection:
        return tuple(sorted((row.project, row.course_id) for row in connection.execute(union(*queries))))


def require_course(engine: Engine, course_id: str, project: str | None = None) -> LearningCourse:
    """Find a course.

    Args:
        engine: the state engine.
        course_id: its id.
        project: its project; None for the only one that has such a course.

    Returns:
        The course with the zone its days are cut in: after a change of zone that of before, until the next run.

    Raises:
        InputError: nobody registered it and no event names it (``course_unknown``), or several projects have one of
            this id (``ambiguous_project``).
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    found = courses_known(engine, project=project, course_id=course_id)
    if not found:
        raise InputError("There is no such course.", code="course_unknown", pointer="/course_id")
    if len(found) > 1:
        raise InputError("Several projects have such a course; name one.", code="ambiguous_project", pointer="/project")
    with transaction(engine) as connection:
        return courses_as_cut(connection, found)[0]


def readable_courses(engine: Engine, account_id: str, scope: str) -> Courses | None:
    """The courses whose metrics a teacher may read.

    Args:
        engine: the state engine.
        account_id: the teacher's account.
        scope: ``assigned`` (the own courses) or ``all``.

    Returns:
        Pairs of project and course id; None for every course.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    return None if scope == ALL else courses_of_teacher(engine, account_id)


def person_of(engine: Engine, project: str, user_id: str) -> str | None:
    """Find the person behind an id from outside.

    Args:
        engine: the state engine.
        project: the project that knows it.
        user_id: external id of the namespace ``user_id``, exact to the letter.

    Returns:
        The person's id, or None when no event of the project ever named it.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    name = user_id.strip()
    if not is_writable(project + name):
        return None
    c = identities.c
    query = (
        select(c.person_id)
        .join(projects, projects.c.project_number == c.project_number)
        .where(projects.c.project == project, c.namespace == USER_ID, c.external_id == name)
    )
    with transaction(engine) as connection:
        found = connection.execute(query).scalar()
    return None if found is None else str(found)
