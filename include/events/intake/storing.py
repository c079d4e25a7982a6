"""Storing checked batches: ids, receipts, inbox and quarantine in the transaction of the caller."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson
from isal import igzip
from sqlalchemy import Connection, insert

from include.events.envelope.shapes import Shape, shape_of
from include.events.envelope.verdicts import Accepted, Rejected, Verdict
from include.events.intake.answers import LEVEL, verdicts_json
from include.events.intake.batches import REFUSED_STATUS, STORED_STATUS, Batch, Outcome, RefusedRaw
from include.events.intake.deduplicating import Candidate, Sorting, remember
from include.events.intake.receipt_rows import begin, find_answers, receipt_row
from include.failpoints import failpoint
from include.state.tables import event_quarantine, inbox_batches, receipts

LARGEST_RAW_BYTES = 65_536
BEYOND = 10**309  # the shortest whole number that is read as beyond a double
ID_CONFLICT = "id_conflict"
CONFLICT_MESSAGE = "Another event with this id is already stored, and its content differs."


@dataclass(frozen=True)
class Checked:
    """A batch whose events were held against the rules.

    Attributes:
        batch: the batch.
        verdicts: what the rules say of its events, in order.
    """

    batch: Batch
    verdicts: Sequence[Verdict]


@dataclass(frozen=True)
class Stored:
    """Rows that a batch adds.

    Attributes:
        outcome: what became of it.
        receipt: its receipt.
        inbox: its row of the inbox; None when nothing new was accepted.
        quarantine: one row per rejected event.
    """

    outcome: Outcome
    receipt: dict[str, Any]
    inbox: dict[str, Any] | None
    quarantine: list[dict[str, Any]]


def store_all(connection: Connection, checked: Sequence[Checked], *, seen_days: float) -> list[Outcome]:
    """Store batches; what was stored before only gets its first answer again.

    Args:
        connection: in a transaction that has done nothing yet; the caller commits it.
        checked: batches with the verdicts of the rules.
        seen_days: how long answers of repeated requests are kept.

    Returns:
        What became of each batch.

    Raises:
        InputError: an Idempotency-Key was used with another body (code ``idempotency_mismatch``).
    """
    batches = [one.batch for one in checked]
    numbers = begin(connection, batches)
    failpoint("intake.locked")
    answers = find_answers(connection, batches, seen_days=seen_days)
    fresh = [(numbers[index], one) for index, one in enumerate(checked) if index not in answers]
    sorting = remember(connection, [candidate for number, one in fresh for candidate in _candidates(number, one)])
    failpoint("intake.remembered")
    stored = [_stored(one, number, sorting) for number, one in fresh]
    _insert(connection, stored)
    rest = iter(stored)
    return [answers[index] if index in answers else next(rest).outcome for index in range(len(checked))]


def _insert(connection: Connection, stored: Sequence[Stored]) -> None:
    if not stored:
        return
    connection.execute(insert(receipts), [one.receipt for one in stored])
    failpoint("intake.receipted")
    quarantine = [row for one in stored for row in one.quarantine]
    if quarantine:
        connection.execute(insert(event_quarantine), quarantine)
    failpoint("intake.quarantined")
    inbox = [one.inbox for one in stored if one.inbox is not None]
    if inbox:
        connection.execute(insert(inbox_batches), inbox)
    failpoint("intake.spooled")


def _candidates(number: int, checked: Checked) -> list[Candidate]:
    project = checked.batch.rules.project_number
    return [Candidate(project, number, event) for event in checked.verdicts if isinstance(event, Accepted)]


def _stored(checked: Checked, number: int, sorting: Sorting) -> Stored:
    batch, new, duplicates = checked.batch, [], []
    rejected: dict[str, Rejected] = {}
    for verdict in checked.verdicts:
        if isinstance(verdict, Rejected):
            rejected[str(uuid4())] = verdict
        elif (number, verdict.position) in sorting.new:
            new.append(verdict)
        elif (number, verdict.position) in sorting.equal:
            duplicates.append(verdict)
        else:
            rejected[str(uuid4())] = conflict_of(verdict, batch.pointer)
    rejected |= {str(uuid4()): refused.rejected for refused in batch.refused}
    inbox = inbox_row(batch, number, new) if new else None
    outcome = Outcome(
        STORED_STATUS if new or duplicates else REFUSED_STATUS,
        batch.receipt_id,
        batch.received_at,
        len(new),
        len(duplicates),
        len(rejected),
        verdicts_json(new, duplicates, rejected),
        size_bytes=inbox["size_bytes"] if inbox else 0,
    )
    quarantine = [_quarantine_row(batch, number, key, event) for key, event in rejected.items()]
    return Stored(outcome, receipt_row(batch, number, outcome), inbox, quarantine)


def conflict_of(event: Accepted, pointer: str | None) -> Rejected:
    """Reject an event whose id belongs to another one.

    Args:
        event: the event.
        pointer: JSON pointer of the list of events in the body; None when the body is the event.

    Returns:
        The rejection.
    """
    place = "" if pointer is None else f"{pointer}/{event.position}"
    return Rejected(event.position, str(event.event_id), event.event_name, ID_CONFLICT, place, CONFLICT_MESSAGE)


def inbox_row(batch: Batch, number: int, events: Sequence[Accepted]) -> dict[str, Any]:
    """Write the row of the inbox.

    Args:
        batch: the batch.
        number: number of its receipt.
        events: its new events, at least one.

    Returns:
        The row; the payload is one gzip member.
    """
    payload = igzip.compress(b"".join([event.line for event in events]), LEVEL)
    return {
        "receipt_number": number,
        "event_count": len(events),
        "size_bytes": len(payload),
        "payload": payload,
        "received_at": batch.received_at,
    }


def _quarantine_row(batch: Batch, number: int, quarantine_id: str, event: Rejected) -> dict[str, Any]:
    raw, shape = _raw(batch, event)
    return {
        "quarantine_id": quarantine_id,
        "project_number": batch.rules.project_number,
        "receipt_number": number,
        "position": event.position,
        "source_position": batch.source_positions[event.position] if batch.source_positions else "",
        "raw": raw[:LARGEST_RAW_BYTES],
        "shape": shape,
        "sender": batch.sender.to_record(),
        "event_id": event.event_id or "",
        "event_name": event.event_name,
        "code": event.code,
        "pointer": event.pointer,
        "message": event.message,
        "received_at": batch.received_at,
        "sent_at": batch.sent_at,
    }


def _raw(batch: Batch, event: Rejected) -> tuple[bytes, str]:
    refused: RefusedRaw | None = next((one for one in batch.refused if one.rejected is event), None)
    if refused is not None:
        return refused.raw, refused.shape
    sent = batch.events[event.position]
    shape = batch.shape or (shape_of(sent) if isinstance(sent, dict) else Shape.ENVELOPE)
    return write_event(sent), shape.value


def write_event(event: Any) -> bytes:
    """Write an event as it was sent, for the quarantine.

    Args:
        event: any JSON value; numbers beyond a double came in as infinity.

    Returns:
        JSON that is read as the same value again; of events that are too large only the beginning.
    """
    try:
        written = orjson.dumps(event)
    except TypeError:  # a number of more than 64 bits
        written = _spelled_out(event)
    if len(written) > LARGEST_RAW_BYTES:
        return written[:LARGEST_RAW_BYTES]
    # Infinity comes out as null; only then is the event walked through.
    return _spelled_out(_without_infinity(event)) if b"null" in written or b"Infinity" in written else written


def _spelled_out(event: Any) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _without_infinity(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_infinity(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_infinity(item) for item in value]
    if isinstance(value, float) and math.isinf(value):
        return BEYOND if value > 0 else -BEYOND
    return value
