"""What intake must know of a project, and a memory of it that is never more than two seconds old."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, RowMapping, select

from include.days import zone_of
from include.events.schemas.attributes import attribute_from
from include.events.schemas.compiled import EventSchema
from include.events.schemas.names import is_code
from include.state.engine import reachable
from include.state.tables import event_schemas, event_types, projects

LENIENT, STRICT = "lenient", "strict"
MODES = (LENIENT, STRICT)
FRESH_SECONDS = 1.0  # of the two seconds that rules may be old; the rest is for the reading itself
REMEMBERED_PROJECTS = 1000
ONE_SNAPSHOT = "REPEATABLE READ"  # revision and schemas are two questions; they must see the same moment


@dataclass(frozen=True)
class ProjectRules:
    """How the events of one project are checked.

    Attributes:
        project: app code, or ``default``.
        project_number: its short form in large tables.
        mode: ``lenient`` or ``strict``.
        time_zone: zone of its local days.
        max_age_days: events older than this need the scope ``backfill``.
        aliases: names that stand for another event, both in their one spelling.
        schemas: newest version of each registered event, by event name.
        revision: grows with every change of any of these.
    """

    project: str
    project_number: int
    mode: str
    time_zone: ZoneInfo
    max_age_days: int
    aliases: Mapping[str, str]
    schemas: Mapping[str, EventSchema]
    revision: int
    is_strict: bool = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_strict", self.mode == STRICT)


def read_rules(connection: Connection, project: str, known: ProjectRules | None = None) -> ProjectRules | None:
    """Read the rules of a project.

    Args:
        connection: to the state database.
        project: app code, or ``default``.
        known: rules read before; given back when nothing has changed, else their compiled schemas are used again.

    Returns:
        The rules, or None when there is no such project.
    """
    query = select(projects).where(projects.c.project == project)
    found = connection.execute(query).mappings().first() if is_code(project) else None
    if found is None:
        return None
    if known is not None and known.revision == found["schema_revision"]:
        return known
    return ProjectRules(
        project=found["project"],
        project_number=found["project_number"],
        mode=found["mode"],
        time_zone=zone_of(found["time_zone"]),
        max_age_days=found["max_age_days"],
        aliases=dict(found["aliases"]),
        schemas=_read_schemas(connection, found["project_number"], known.schemas if known else {}),
        revision=found["schema_revision"],
    )


@dataclass(frozen=True)
class _Entry:
    rules: ProjectRules
    read_at: float


class RulesCache:
    """Rules of projects as this process knows them; safe to share between threads.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, engine: Engine, project: str) -> ProjectRules | None:
        """Give the rules of a project.

        Args:
            engine: the state engine.
            project: app code, or ``default``.

        Returns:
            The rules as they were at most two seconds ago, or None when there is no such project.

        Raises:
            StoreUnavailable: PostgreSQL cannot be reached and nothing fresh is remembered.
        """
        began_at = self._clock()
        with self._lock:
            entry = self._entries.get(project)
        if entry is not None and began_at - entry.read_at < FRESH_SECONDS:
            return entry.rules
        with reachable(engine), engine.connect() as connection:
            snapshot = connection.execution_options(isolation_level=ONE_SNAPSHOT)
            rules = read_rules(snapshot, project, entry.rules if entry else None)
        self._remember(project, rules, began_at)
        return rules

    def __len__(self) -> int:
        """How many projects are remembered."""
        return len(self._entries)

    def forget(self, project: str) -> None:
        """Read the rules of a project anew when they are asked for next.

        Args:
            project: app code, or ``default``.
        """
        with self._lock:
            self._entries.pop(project, None)

    def _remember(self, project: str, rules: ProjectRules | None, read_at: float) -> None:
        with self._lock:
            if rules is None:
                self._entries.pop(project, None)
                return
            self._entries[project] = _Entry(rules, read_at)
            self._entries.move_to_end(project)
            while len(self._entries) > REMEMBERED_PROJECTS:
                self._entries.popitem(last=False)


def _read_schemas(
    connection: Connection, project_number: int, known: Mapping[str, EventSchema]
) -> dict[str, EventSchema]:
    newest = event_schemas.c.version == event_types.c.version
    query = (
        select(event_types.c.event_name, event_types.c.event_code, event_types.c.version, event_schemas.c.attributes)
        .join(event_schemas, (event_schemas.c.event_code == event_types.c.event_code) & newest)
        .where(event_types.c.project_number == project_number)
        .order_by(event_types.c.event_name)
    )
    return {row["event_name"]: _schema(row, known) for row in connection.execute(query).mappings()}


def _schema(row: RowMapping, known: Mapping[str, EventSchema]) -> EventSchema:
    before = known.get(row["event_name"])
    if before is not None and (before.event_code, before.version) == (row["event_code"], row["version"]):
        return before
    attributes: list[dict[str, Any]] = row["attributes"]
    return EventSchema(
        row["event_name"], row["event_code"], row["version"], tuple(attribute_from(record) for record in attributes)
    )
