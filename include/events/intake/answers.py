"""Verdicts of a batch as JSON, and the answer kept for those who ask again.

Verdicts are written straight to text: of hundreds of dictionaries per batch the collector of garbage would have
more work than all the rest of the answer.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import orjson
from isal import igzip
from sqlalchemy import RowMapping

from include.events.envelope.verdicts import Accepted, Rejected
from include.events.intake.batches import ACCEPTED, DUPLICATE, REFUSED_STATUS, REJECTED, STORED_STATUS, Outcome

LEVEL = 1  # of compression; higher ones cost more time than they save


def verdicts_json(
    accepted: Iterable[Accepted], duplicates: Sequence[Accepted], rejected: Mapping[str, Rejected]
) -> bytes:
    """Write the verdict of every event.

    Args:
        accepted: events stored now, in the order of the batch.
        duplicates: events stored before.
        rejected: events in quarantine, by quarantine id.

    Returns:
        JSON list of the verdicts in the order of the batch.
    """
    tails: dict[tuple[str, ...], str] = {}
    found = [(event.position, _accepted(event, tails)) for event in accepted]
    if duplicates or rejected:
        found += [(event.position, _duplicate(event)) for event in duplicates]
        found += [(event.position, _rejected(event, quarantine_id)) for quarantine_id, event in rejected.items()]
        found.sort()
    return f"[{','.join([verdict for _, verdict in found])}]".encode()


def pack(outcome: Outcome) -> bytes:
    """Write an outcome for later askers.

    Args:
        outcome: what became of the batch.

    Returns:
        gzip of the verdicts; all the rest is in the receipt itself.
    """
    return igzip.compress(outcome.verdicts_json, LEVEL)


def unpack(receipt: RowMapping) -> Outcome:
    """Read an outcome again.

    Args:
        receipt: the row of the receipt, with its answer.

    Returns:
        The outcome as it was, marked as replayed; without verdicts when they were forgotten.
    """
    accepted, duplicates, answer = receipt["accepted_count"], receipt["duplicate_count"], receipt["answer"]
    verdicts: bytes = b"[]" if answer is None else gzip.decompress(bytes(answer))
    return Outcome(
        STORED_STATUS if accepted or duplicates else REFUSED_STATUS,
        UUID(str(receipt["receipt_id"])),
        receipt["received_at"],
        accepted,
        duplicates,
        receipt["rejected_count"],
        verdicts,
        is_replayed=True,
    )


def _accepted(event: Accepted, tails: dict[tuple[str, ...], str]) -> str:
    warnings = event.warnings
    tail = tails.get(warnings)
    if tail is None:
        tail = tails[warnings] = f'","verdict":"{ACCEPTED}","warnings":{orjson.dumps(warnings).decode()}}}'
    return f'{{"index":{event.position},"event_id":"{event.event_id}{tail}'


def _duplicate(event: Accepted) -> str:
    return f'{{"index":{event.position},"event_id":"{event.event_id}","verdict":"{DUPLICATE}"}}'


def _rejected(event: Rejected, quarantine_id: str) -> str:
    said = {
        "index": event.position,
        "event_id": event.event_id,
        "verdict": REJECTED,
        "code": event.code,
        "pointer": event.pointer,
        "message": event.message,
        "quarantine_id": quarantine_id,
    }
    return orjson.dumps(said).decode()
