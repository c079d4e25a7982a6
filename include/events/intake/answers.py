"""Verdicts of a batch, and the answer kept for those who ask again."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import orjson
from isal import igzip
from sqlalchemy import RowMapping

from include.events.envelope.verdicts import Accepted, Rejected
from include.events.intake.batches import ACCEPTED, DUPLICATE, REJECTED, Outcome

LEVEL = 1  # of compression; higher ones cost more time than they save


def verdicts_of(
    accepted: Iterable[Accepted], duplicates: Iterable[Accepted], rejected: Mapping[str, Rejected]
) -> list[dict[str, Any]]:
    """Write the verdict of every event.

    Args:
        accepted: events stored now.
        duplicates: events stored before.
        rejected: events in quarantine, by quarantine id.

    Returns:
        The verdicts in the order of the batch.
    """
    found: list[dict[str, Any]] = [
        {
            "index": event.position,
            "event_id": str(event.event_id),
            "verdict": ACCEPTED,
            "warnings": list(event.warnings),
        }
        for event in accepted
    ]
    found += [{"index": event.position, "event_id": str(event.event_id), "verdict": DUPLICATE} for event in duplicates]
    found += [_rejection(event, quarantine_id) for quarantine_id, event in rejected.items()]
    found.sort(key=_index)
    return found


def pack(outcome: Outcome) -> bytes:
    """Write an outcome for later askers.

    Args:
        outcome: what became of the batch.

    Returns:
        gzip of a JSON document with status and verdicts.
    """
    return igzip.compress(orjson.dumps({"status": outcome.status, "verdicts": outcome.verdicts}), LEVEL)


def unpack(receipt: RowMapping) -> Outcome:
    """Read an outcome again.

    Args:
        receipt: the row of the receipt, with its answer.

    Returns:
        The outcome as it was, marked as replayed.
    """
    written: bytes = gzip.decompress(bytes(receipt["answer"]))
    kept = orjson.loads(written)
    return Outcome(
        kept["status"],
        UUID(receipt["receipt_id"]),
        receipt["received_at"],
        receipt["accepted_count"],
        receipt["duplicate_count"],
        receipt["rejected_count"],
        kept["verdicts"],
        is_replayed=True,
    )


def _rejection(event: Rejected, quarantine_id: str) -> dict[str, Any]:
    return {
        "index": event.position,
        "event_id": event.event_id,
        "verdict": REJECTED,
        "code": event.code,
        "pointer": event.pointer,
        "message": event.message,
        "quarantine_id": quarantine_id,
    }


def _index(verdict: dict[str, Any]) -> int:
    index: int = verdict["index"]
    return index
