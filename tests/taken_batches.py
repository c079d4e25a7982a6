"""Batches as the routes hand them to intake, and what of them is stored."""

from __future__ import annotations

import gzip
import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import text

from include.days import utc_now
from include.events.apps.rules import read_rules
from include.events.envelope.sender import Sender
from include.events.envelope.shapes import Shape
from include.events.intake.batches import Batch, Outcome
from include.events.intake.keys import body_key, request_key
from include.events.intake.taking_in import take_in
from include.services.engines.endpoints import Endpoints
from include.state.tables import event_quarantine, event_seen, inbox_batches, receipts
from tests.event_inbox import Inbox, learning_event, own_inbox

PATH = "/api/v1/events"


@dataclass
class Desk:
    """Hands batches in, and counts what is stored."""

    inbox: Inbox
    sender: Sender = field(default_factory=lambda: Sender("key:test", "server"))

    def batch(self, events: Sequence[Any], *, key: str | None = None, has_ids: bool = False, **changes: Any) -> Batch:
        with self.inbox.state.connect() as connection:
            rules = read_rules(connection, "default")
        assert rules is not None
        sha256 = hashlib.sha256(repr(events).encode()).digest()
        made = Batch(
            rules=rules,
            sender=self.sender,
            events=events,
            shape=Shape.LEARNING,
            sent_at=None,
            received_at=utc_now(),
            receipt_id=uuid.uuid4(),
            body_sha256=sha256,
            request_key=request_key("POST", PATH, "default", key) if key else None,
            body_key=body_key(PATH, "default", sha256) if has_ids else None,
        )
        return replace(made, **changes)

    def take(self, events: Sequence[Any], **how: Any) -> Outcome:
        return take_in(self.inbox.state, self.batch(events, **how), settings=self.inbox.settings)

    def stored(self) -> dict[str, int]:
        """Rows of each table, and events in the inbox."""
        tables = {"receipts": receipts, "ids": event_seen, "batches": inbox_batches, "quarantine": event_quarantine}
        return {**{name: self.inbox.count(table) for name, table in tables.items()}, "lines": len(self.lines())}

    def lines(self) -> list[bytes]:
        """Lines of the inbox, in order of arrival."""
        query = text("SELECT payload FROM inbox_batches ORDER BY receipt_number")
        with self.inbox.state.connect() as connection:
            return [
                line
                for payload in connection.execute(query).scalars()
                for line in gzip.decompress(bytes(payload)).splitlines()
            ]

    def line_ids(self) -> list[str]:
        """Ids of the events in the inbox."""
        return [line.split(b"\t")[2].decode() for line in self.lines()]


def numbered(*numbers: int, **changes: Any) -> list[dict[str, Any]]:
    """Learning events; equal numbers are copies of the same event unless changed."""
    return [{**learning_event(number), **changes} for number in numbers]


@pytest.fixture(scope="module")
def own_desk(endpoints: Endpoints) -> Iterator[Desk]:
    with own_inbox(endpoints) as inbox:
        yield Desk(inbox)


@pytest.fixture
def desk(own_desk: Desk) -> Desk:
    own_desk.inbox.clear()
    return own_desk
