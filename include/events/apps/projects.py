"""Apps and their owners: create, find, list, change."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, func, select, update
from sqlalchemy.dialects.postgresql import insert

from include.accounts.keys import ApiKey, create_key
from include.accounts.scopes import INGEST
from include.days import utc_now
from include.errors import InputError
from include.events.apps.rules import LENIENT
from include.events.apps.settings import aliases_of, app_name_of, name_key_of, require_age, require_mode, require_zone
from include.events.schemas.names import code_of, is_code
from include.secret import Secret
from include.state.engine import reachable
from include.state.tables import event_types, projects

logger = logging.getLogger(__name__)

CODE_FALLBACK, CODE_JOINT = "app", "-"
FIRST_KEY_LABEL = "first key"
APP_EXISTS = "app_exists"


@dataclass(frozen=True)
class App:
    """A project as its owner sees it.

    Attributes:
        app_code: its code, also the id of the project.
        app_name: as given.
        owner: ``account:<id>``, ``airflow:<name>``, ``command``, or empty for the project ``default``.
        mode: ``lenient`` or ``strict``.
        time_zone: IANA name.
        max_age_days: events older than this need the scope ``backfill``.
        aliases: names that stand for another event.
        schema_revision: grows with every change of its rules.
        created_at: aware UTC.
    """

    app_code: str
    app_name: str
    owner: str
    mode: str
    time_zone: str
    max_age_days: int
    aliases: Mapping[str, str]
    schema_revision: int
    created_at: dt.datetime


@dataclass(frozen=True)
class AppChanges:
    """What is to be another; None leaves it as it is.

    Attributes:
        mode: ``lenient`` or ``strict``.
        time_zone: IANA name.
        max_age_days: 1 to 3650.
        aliases: all aliases from now on.
    """

    mode: str | None = None
    time_zone: str | None = None
    max_age_days: int | None = None
    aliases: Mapping[str, str] | None = None


def create_app(
    engine: Engine,
    *,
    app_name: str,
    owner: str,
    time_zone: str = "UTC",
    mode: str = LENIENT,
    now: dt.datetime | None = None,
) -> tuple[App, ApiKey, Secret]:
    """Create an app with its first key, which may only send events.

    Args:
        engine: the state engine.
        app_name: as given.
        owner: whose it is.
        time_zone: IANA name.
        mode: ``lenient`` or ``strict``.
        now: aware instant to use instead of the clock.

    Returns:
        The app, its key, and the whole key to show once.

    Raises:
        InputError: a wrong name, zone or mode, or the owner has an app of this name (``app_exists``).
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    name, moment = app_name_of(app_name), now or utc_now()
    row = {
        "project": code_of(name, fallback=CODE_FALLBACK, joint=CODE_JOINT),
        "app_name": name,
        "name_key": name_key_of(name),
        "owner": owner,
        "mode": require_mode(mode),
        "time_zone": require_zone(time_zone),
        "created_at": moment,
    }
    statement = insert(projects).values(row).on_conflict_do_nothing(index_elements=["owner", "name_key"])
    with reachable(engine), engine.begin() as connection:
        stored = connection.execute(statement.returning(projects)).mappings().first()
        if stored is None:
            raise InputError("You already have an app of this name.", code=APP_EXISTS, pointer="/app_name")
        app = _app(stored)
        key, secret = create_key(
            connection, project=app.app_code, scopes=(INGEST,), label=FIRST_KEY_LABEL, created_by=owner, now=moment
        )
    logger.info("app created %s, owner %s", app.app_code, owner)
    return app, key, secret


def find_app(engine: Engine, app_code: str) -> App | None:
    """Find an app.

    Args:
        engine: the state engine.
        app_code: its code, or ``default``.

    Returns:
        The app, or None.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    if not is_code(app_code):
        return None
    with reachable(engine), engine.connect() as connection:
        row = connection.execute(select(projects).where(projects.c.project == app_code)).mappings().first()
    return _app(row) if row else None


def list_apps(engine: Engine, *, owner: str | None, limit: int, offset: int) -> tuple[list[App], int]:
    """List apps, the oldest first.

    Args:
        engine: the state engine.
        owner: apps of this owner only; None for all, the project ``default`` included.
        limit: most apps to give.
        offset: apps before the first.

    Returns:
        The apps, and how many there are.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    query, count = select(projects), select(func.count()).select_from(projects)
    if owner is not None:
        query, count = query.where(projects.c.owner == owner), count.where(projects.c.owner == owner)
    with reachable(engine), engine.connect() as connection:
        total = connection.execute(count).scalar_one()
        page = query.order_by(projects.c.project_number).limit(limit).offset(offset)
        return [_app(row) for row in connection.execute(page).mappings()], total


def change_app(engine: Engine, app_code: str, changes: AppChanges) -> App | None:
    """Change the rules of an app; processes that take events follow within two seconds.

    Args:
        engine: the state engine.
        app_code: its code, or ``default``.
        changes: what is to be another.

    Returns:
        The app as it is now; None when there is none.

    Raises:
        InputError: a value that cannot be.
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    if not is_code(app_code):
        return None
    with reachable(engine), engine.begin() as connection:
        query = select(projects).where(projects.c.project == app_code).with_for_update()
        row = connection.execute(query).mappings().first()
        if row is None:
            return None
        values = _values(connection, row["project_number"], changes)
        if all(row[name] == value for name, value in values.items()):
            return _app(row)
        statement = update(projects).where(projects.c.project == app_code).returning(projects)
        values |= {"schema_revision": row["schema_revision"] + 1}
        changed = _app(connection.execute(statement.values(values)).mappings().one())
    logger.info("app changed %s, revision %d", app_code, changed.schema_revision)
    return changed


def _values(connection: Connection, project_number: int, changes: AppChanges) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if changes.mode is not None:
        values["mode"] = require_mode(changes.mode)
    if changes.time_zone is not None:
        values["time_zone"] = require_zone(changes.time_zone)
    if changes.max_age_days is not None:
        values["max_age_days"] = require_age(changes.max_age_days)
    if changes.aliases is not None:
        names = select(event_types.c.event_name).where(event_types.c.project_number == project_number)
        values["aliases"] = aliases_of(changes.aliases, set(connection.execute(names).scalars()))
    return values


def _app(row: RowMapping) -> App:
    return App(
        app_code=row["project"],
        app_name=row["app_name"],
        owner=row["owner"],
        mode=row["mode"],
        time_zone=row["time_zone"],
        max_age_days=row["max_age_days"],
        aliases=dict(row["aliases"]),
        schema_revision=row["schema_revision"],
        created_at=row["created_at"],
    )
