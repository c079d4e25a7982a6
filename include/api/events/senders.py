"""Whose events a caller may send, and into which project."""

from __future__ import annotations

from sqlalchemy import Engine, select

from include.accounts.courses import courses_of_teacher
from include.accounts.roles import ADMIN, STUDENT
from include.accounts.scopes import BACKFILL
from include.api.apps.access import app_unknown, require_app
from include.api.gate.admission import key_app_mismatch
from include.api.gate.callers import Caller, CallerKind
from include.events.envelope.sender import Sender
from include.state.engine import reachable
from include.state.tables import DEFAULT_PROJECT, projects


def project_of(caller: Caller, asked: str | None) -> str:
    """Find the project a caller's events go to.

    Args:
        caller: who sends.
        asked: project named in the request, or None.

    Returns:
        The key's own project; the one asked for, or ``default``, for all others.

    Raises:
        Refusal: a key was used for the project of another one (403).
    """
    if caller.kind is not CallerKind.KEY:
        return asked or DEFAULT_PROJECT
    if asked is not None and asked != caller.project:
        raise key_app_mismatch()
    return caller.project or DEFAULT_PROJECT


def sender_of(engine: Engine, caller: Caller, project: str, *, source: str) -> Sender:
    """Say what a caller may send.

    Args:
        engine: the state engine.
        caller: who sends.
        project: project the events go to.
        source: source of events that name none.

    Returns:
        The sender.

    Raises:
        Refusal: the project is not one the caller may know of (404).
        StoreUnavailable: PostgreSQL does not answer.
    """
    if caller.kind is not CallerKind.ACCOUNT:
        return Sender(caller.name, source, may_backfill=BACKFILL in caller.scopes)
    if caller.role == ADMIN:
        return Sender(caller.name, source)
    user_id = caller.user_id or ""
    if caller.role == STUDENT:
        _require_known(engine, caller, project, has_courses=False)
        return Sender(caller.name, source, only_user_id=user_id)
    courses = frozenset(
        course_id for of_project, course_id in courses_of_teacher(engine, user_id) if of_project == project
    )
    _require_known(engine, caller, project, has_courses=bool(courses))
    return Sender(caller.name, source, only_courses=courses)


def owned_projects(engine: Engine, caller: Caller) -> dict[str, int]:
    """List the apps of an account.

    Args:
        engine: the state engine.
        caller: an account.

    Returns:
        Project numbers by app code.
    """
    query = select(projects.c.project, projects.c.project_number).where(projects.c.owner == caller.name)
    with reachable(engine), engine.connect() as connection:
        return {row.project: row.project_number for row in connection.execute(query)}


def visible_project(engine: Engine, caller: Caller, app_code: str) -> int:
    """Find a project that an account or operator may know of.

    Args:
        engine: the state engine.
        caller: who asks.
        app_code: the app, or ``default``.

    Returns:
        The number of the project.

    Raises:
        Refusal: there is none, or it is another account's (404).
    """
    app = require_app(engine, caller, app_code)
    query = select(projects.c.project_number).where(projects.c.project == app.app_code)
    with reachable(engine), engine.connect() as connection:
        return int(connection.execute(query).scalar_one())


def _require_known(engine: Engine, caller: Caller, project: str, *, has_courses: bool) -> None:
    if project != DEFAULT_PROJECT and not has_courses and project not in owned_projects(engine, caller):
        raise app_unknown()
