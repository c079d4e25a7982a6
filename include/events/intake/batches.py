"""A batch on its way in, and what became of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

import orjson

from include.events.apps.rules import ProjectRules
from include.events.envelope.sender import Sender
from include.events.envelope.shapes import Shape
from include.events.envelope.verdicts import Rejected

ACCEPTED, DUPLICATE, REJECTED = "accepted", "duplicate", "rejected"
STORED_STATUS, REFUSED_STATUS = 202, 422  # something was taken; every event broke a rule


@dataclass(frozen=True)
class RefusedRaw:
    """Something that is no event at all, such as a message that is not JSON.

    Attributes:
        rejected: why; its position is one that no event of the batch has.
        raw: its bytes.
        shape: what it was meant to be, for the quarantine.
    """

    rejected: Rejected
    raw: bytes
    shape: str


@dataclass(frozen=True)
class Batch:
    """Events of one request, not yet held against any rule.

    Attributes:
        rules: of the project they go to.
        sender: who sends them, with which rights.
        events: the events as parsed.
        shape: how they are written; None when each tells by itself.
        sent_at: the sender's clock when it sent them, aware UTC, or None.
        received_at: our clock, aware UTC.
        receipt_id: id of the receipt it gets, unless it was stored before.
        body_sha256: SHA-256 of the body as sent, after decompression; 32 bytes.
        request_key: names the request when it came with an Idempotency-Key; else None.
        body_key: names the body when every event has an id and there is no key; else None.
        pointer: JSON pointer of the list of events in the body; None when the body is the one event itself.
        source_positions: where each position came from (topic/partition/offset), for batches that may be delivered
            again under the same receipt id; None for requests.
        refused: what is rejected without a look, on its way to the quarantine.
    """

    rules: ProjectRules
    sender: Sender
    events: Sequence[Any]
    shape: Shape | None
    sent_at: dt.datetime | None
    received_at: dt.datetime
    receipt_id: UUID
    body_sha256: bytes
    request_key: str | None = None
    body_key: str | None = None
    pointer: str | None = "/events"
    source_positions: Sequence[str] | None = None
    refused: Sequence[RefusedRaw] = ()


@dataclass(frozen=True)
class Outcome:
    """What became of a batch; stored with its receipt.

    Attributes:
        status: 202, or 422 when every event was rejected.
        receipt_id: id of the receipt.
        received_at: when the batch was first received, aware UTC.
        accepted: number of events stored now.
        duplicates: number of events stored before.
        rejected: number of events in quarantine.
        verdicts_json: JSON list of one verdict per event in order.
        is_replayed: the batch had been stored before; this is its first answer.
        size_bytes: what it added to the inbox.
    """

    status: int
    receipt_id: UUID
    received_at: dt.datetime
    accepted: int
    duplicates: int
    rejected: int
    verdicts_json: bytes
    is_replayed: bool = False
    size_bytes: int = 0

    @cached_property
    def verdicts(self) -> list[dict[str, Any]]:
        """Verdicts: index, event_id, verdict, and warnings or code, pointer, message, quarantine_id."""
        found: list[dict[str, Any]] = orjson.loads(self.verdicts_json)
        return found

    @property
    def received(self) -> int:
        """Number of events in the batch."""
        return self.accepted + self.duplicates + self.rejected
