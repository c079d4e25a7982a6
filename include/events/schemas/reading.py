"""Every registered event of a project with all its versions."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, and_, func, select

from include.events.schemas.attributes import attribute_from
from include.events.schemas.compiled import EventSchema
from include.state.engine import reachable
from include.state.tables import event_schemas, event_types, projects


@dataclass(frozen=True)
class SchemaVersion:
    """One version of an event's schema.

    Attributes:
        schema: the version itself.
        created_by: who made it.
        created_at: when, aware UTC.
    """

    schema: EventSchema
    created_by: str
    created_at: dt.datetime


@dataclass(frozen=True)
class EventHistory:
    """A registered event.

    Attributes:
        event_name: name in its one spelling.
        event_code: its code.
        display_name: name as first given.
        version: version in force.
        versions: all of them, the newest first.
    """

    event_name: str
    event_code: str
    display_name: str
    version: int
    versions: tuple[SchemaVersion, ...]


def read_events(
    engine: Engine, project: str, *, event_code: str | None, limit: int, offset: int
) -> tuple[list[EventHistory], int]:
    """Read registered events by name.

    Args:
        engine: the state engine.
        project: app code, or ``default``.
        event_code: this event only; None for all.
        limit: most events to give.
        offset: events before the first.

    Returns:
        The events, and how many there are.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    number = select(projects.c.project_number).where(projects.c.project == project).scalar_subquery()
    wanted = event_types.c.project_number == number
    if event_code is not None:
        wanted = and_(wanted, event_types.c.event_code == event_code)
    with reachable(engine), engine.connect() as connection:
        total = connection.execute(select(func.count()).select_from(event_types).where(wanted)).scalar_one()
        return _page(connection, wanted, limit, offset), total


def _page(connection: Connection, wanted: ColumnElement[bool], limit: int, offset: int) -> list[EventHistory]:
    query = select(event_types).where(wanted).order_by(event_types.c.event_name).limit(limit).offset(offset)
    events = list(connection.execute(query).mappings())
    codes = [row["event_code"] for row in events]
    newest_first = (
        select(event_schemas).where(event_schemas.c.event_code.in_(codes)).order_by(event_schemas.c.version.desc())
    )
    versions: dict[str, list[RowMapping]] = {}
    for row in connection.execute(newest_first).mappings():
        versions.setdefault(row["event_code"], []).append(row)
    return [_history(row, versions[row["event_code"]]) for row in events]


def _history(event: RowMapping, versions: list[RowMapping]) -> EventHistory:
    return EventHistory(
        event_name=event["event_name"],
        event_code=event["event_code"],
        display_name=event["display_name"],
        version=event["version"],
        versions=tuple(_version(event, row) for row in versions),
    )


def _version(event: RowMapping, row: RowMapping) -> SchemaVersion:
    attributes = tuple(attribute_from(record) for record in row["attributes"])
    schema = EventSchema(event["event_name"], event["event_code"], row["version"], attributes)
    return SchemaVersion(schema, row["created_by"], row["created_at"])
