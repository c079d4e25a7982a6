"""Events put into the warehouse as a load leaves them, for tests of what reads them."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

from include.events.apps.rules import LENIENT, ProjectRules
from include.events.schemas.attributes import Attribute, AttributeType
from include.events.schemas.compiled import EventSchema
from include.events.tables import EVENTS
from include.warehouse.client import Warehouse
from include.warehouse.schema import ensure_tables

NOON = dt.datetime(2025, 7, 1, 12, tzinfo=dt.UTC)
LARGEST_VERSION = 2**64 - 1
COLUMNS = tuple(column.name for column in EVENTS.columns)


@dataclass(frozen=True)
class Stored:
    """One event as the warehouse has it; what a test does not name is as good as any."""

    props: Mapping[str, Any] | str = field(default_factory=dict)
    user_code: str = "u1"
    project: str = "shop"
    event_name: str = "bought"
    event_time: dt.datetime = NOON
    occurred_at: dt.datetime | None = None
    received_at: dt.datetime | None = None
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    identities: Mapping[str, str] = field(default_factory=dict)
    source: str = "mobile"
    session_id: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)

    def row(self) -> tuple[Any, ...]:
        received_at = self.received_at or self.event_time
        props = self.props if isinstance(self.props, str) else canonical(self.props)
        values = {
            "project": self.project,
            "event_name": self.event_name,
            "event_id": self.event_id,
            "person_id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"person|{self.project}|{self.user_code}")),
            "sent_name": self.event_name,
            "source": self.source,
            "schema_version": 1,
            "occurred_at": self.occurred_at or self.event_time,
            "event_time": self.event_time,
            "offset_minutes": 0,
            "received_at": received_at,
            "user_code": self.user_code,
            "session_id": self.session_id,
            "props": props,
            "context": canonical(self.context),
            "warnings": [],
            "receipt_id": str(uuid.UUID(int=1)),
            "position": 0,
            "version": LARGEST_VERSION - int(received_at.timestamp() * 1_000_000),
            "load_id": 1,
            **self.identities,
        }
        return tuple(values.get(name, "") for name in COLUMNS)


def canonical(values: Mapping[str, Any]) -> str:
    """JSON as events are stored: sorted keys, no blanks, any character as it is."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def store(warehouse: Warehouse, events: Iterable[Stored], table: str = "events") -> None:
    """Put events into a table, which is made when it is missing."""
    ensure_tables(warehouse, [replace(EVENTS, name=table)])
    rows = [event.row() for event in events]
    warehouse.insert_columns(table, COLUMNS, [list(column) for column in zip(*rows, strict=True)])


def event_schema(*attributes: Attribute | tuple[str, str], event_name: str = "bought") -> EventSchema:
    """Version 1 of a schema, from attributes or pairs of name and type."""
    listed = [one if isinstance(one, Attribute) else Attribute(one[0], AttributeType(one[1])) for one in attributes]
    return EventSchema(event_name, f"{event_name}-{uuid.UUID(int=7)}", 1, tuple(listed))


def project_rules(*schemas: EventSchema, project: str = "shop", zone: str = "UTC") -> ProjectRules:
    """Rules of a project with these events."""
    by_name = {schema.event_name: schema for schema in schemas}
    return ProjectRules(project, 1, LENIENT, ZoneInfo(zone), 90, {}, by_name, 1)
