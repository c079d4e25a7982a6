"""Registering events: one transaction per call, one call at a time per project."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, func, insert, select, update

from include.days import utc_now
from include.errors import InputError
from include.events.schemas.attributes import Attribute, attribute_from
from include.events.schemas.compatibility import are_equal, find_conflicts, merge
from include.events.schemas.definitions import EventDefinition, WantedEvent, require_distinct, wanted_events
from include.events.schemas.names import code_of
from include.state.engine import reachable
from include.state.tables import event_schemas, event_types, projects

logger = logging.getLogger(__name__)

MOST_EVENT_TYPES = 1000  # of one project: all of them are kept in the memory of every process that takes events
CODE_FALLBACK, CODE_JOINT = "event", "_"
INCOMPATIBLE, TOO_MANY = "incompatible_schema", "too_many_events"
MOST_NAMED = 100  # conflicts in one message; as many as one event has attributes


@dataclass(frozen=True)
class RegisteredEvent:
    """What became of one event of a call.

    Attributes:
        display_name: name as given.
        event_name: name in its one spelling.
        event_code: its code.
        version: version of its schema that is in force now.
        is_created: the project did not know the event before.
        is_changed: this call made that version.
    """

    display_name: str
    event_name: str
    event_code: str
    version: int
    is_created: bool
    is_changed: bool


@dataclass(frozen=True)
class _Known:
    event_code: str
    version: int
    attributes: tuple[Attribute, ...]


def register_events(
    engine: Engine,
    project: str,
    definitions: Sequence[EventDefinition],
    *,
    created_by: str,
    now: dt.datetime | None = None,
) -> tuple[RegisteredEvent, ...] | None:
    """Register events of a project, or change them compatibly: all of a call, or none.

    Args:
        engine: the state engine.
        project: app code, or ``default``.
        definitions: 1 to 100 events.
        created_by: who asks, for the record.
        now: aware instant to use instead of the clock.

    Returns:
        What became of each, in the order given; None when there is no such project.

    Raises:
        InputError: a bad or double name; a change that is not compatible (code ``incompatible_schema``); more events
            than a project may have (``too_many_events``).
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    wanted = wanted_events(definitions)
    with reachable(engine), engine.begin() as connection:
        row = _locked_project(connection, project)
        if row is None:
            return None
        resolved = [_resolve(event, row["aliases"]) for event in wanted]
        require_distinct([event.event_name for event in resolved])
        known = _known_events(connection, row["project_number"], [event.event_name for event in resolved])
        _require_compatible(resolved, known)
        _require_room(connection, row["project_number"], sum(event.event_name not in known for event in resolved))
        store = _Store(connection, row["project_number"], created_by, now or utc_now())
        found = tuple(store.put(event, known.get(event.event_name)) for event in resolved)
        if any(event.is_changed for event in found):
            bump_revision(connection, row["project_number"])
    logger.info(
        "events registered %d, new %d, changed %d, project %s",
        len(found), sum(event.is_created for event in found), sum(event.is_changed for event in found), project,
    )  # fmt: skip
    return found


def bump_revision(connection: Connection, project_number: int) -> None:
    """Let every process see that the rules of a project are others now.

    Args:
        connection: open transaction that holds the project's row.
        project_number: the project.
    """
    statement = update(projects).where(projects.c.project_number == project_number)
    connection.execute(statement.values(schema_revision=projects.c.schema_revision + 1))


def _locked_project(connection: Connection, project: str) -> RowMapping | None:
    """The project's row; a second call waits here until the first has ended."""
    query = select(projects.c.project_number, projects.c.aliases).where(projects.c.project == project)
    return connection.execute(query.with_for_update()).mappings().first()


def _resolve(event: WantedEvent, aliases: Mapping[str, str]) -> WantedEvent:
    return replace(event, event_name=aliases.get(event.event_name, event.event_name))


def _known_events(connection: Connection, project_number: int, names: Iterable[str]) -> dict[str, _Known]:
    same = (event_schemas.c.event_code == event_types.c.event_code) & (event_schemas.c.version == event_types.c.version)
    query = (
        select(event_types.c.event_name, event_types.c.event_code, event_types.c.version, event_schemas.c.attributes)
        .join(event_schemas, same)
        .where(event_types.c.project_number == project_number, event_types.c.event_name.in_(list(names)))
    )
    return {
        row["event_name"]: _Known(
            row["event_code"], row["version"], tuple(attribute_from(record) for record in row["attributes"])
        )
        for row in connection.execute(query).mappings()
    }


def _require_compatible(wanted: Sequence[WantedEvent], known: Mapping[str, _Known]) -> None:
    conflicts = [
        (event, name, reason)
        for event in wanted
        if event.event_name in known
        for name, reason in find_conflicts(known[event.event_name].attributes, event.attributes).items()
    ]
    if not conflicts:
        return
    named = "; ".join(f"{event.event_name}.{name}: {reason}" for event, name, reason in conflicts[:MOST_NAMED])
    more = f"; and {len(conflicts) - MOST_NAMED} more" if len(conflicts) > MOST_NAMED else ""
    raise InputError(
        f"Nothing was registered; these changes could refuse events that were taken before: {named}{more}.",
        code=INCOMPATIBLE,
        pointer=f"/events/{conflicts[0][0].position}/attrs",
    )


def _require_room(connection: Connection, project_number: int, added: int) -> None:
    if not added:
        return
    query = select(func.count()).where(event_types.c.project_number == project_number)
    if connection.execute(query).scalar_one() + added > MOST_EVENT_TYPES:
        raise InputError(
            f"A project has at most {MOST_EVENT_TYPES} events; put what varies into an attribute.",
            code=TOO_MANY,
            pointer="/events",
        )


@dataclass(frozen=True)
class _Store:
    """Writes what a call decided."""

    connection: Connection
    project_number: int
    created_by: str
    now: dt.datetime

    def put(self, event: WantedEvent, known: _Known | None) -> RegisteredEvent:
        """Store one event, when anything about it is new."""
        if known is None:
            return self._create(event)
        is_changed = not are_equal(known.attributes, event.attributes)
        version = known.version
        if is_changed:
            version += 1
            self._add_version(known.event_code, version, merge(known.attributes, event.attributes))
            statement = update(event_types).where(event_types.c.event_code == known.event_code)
            self.connection.execute(statement.values(version=version))
        return RegisteredEvent(event.display_name, event.event_name, known.event_code, version, False, is_changed)

    def _create(self, event: WantedEvent) -> RegisteredEvent:
        code = code_of(event.event_name, fallback=CODE_FALLBACK, joint=CODE_JOINT)
        row: dict[str, Any] = {
            "project_number": self.project_number,
            "event_name": event.event_name,
            "event_code": code,
            "display_name": event.display_name,
            "version": 1,
            "created_at": self.now,
        }
        self.connection.execute(insert(event_types).values(row))
        self._add_version(code, 1, event.attributes)
        return RegisteredEvent(event.display_name, event.event_name, code, 1, True, True)

    def _add_version(self, event_code: str, version: int, attributes: Sequence[Attribute]) -> None:
        row = {
            "event_code": event_code,
            "version": version,
            "attributes": [attribute.to_record() for attribute in attributes],
            "created_by": self.created_by,
            "created_at": self.now,
        }
        self.connection.execute(insert(event_schemas).values(row))
