"""Holding events of the quarantine against the rules of today, as if they had just come in when they did."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import groupby
from typing import Any
from uuid import uuid4

from sqlalchemy import RowMapping

from include.errors import InputError
from include.events.apps.rules import ProjectRules
from include.events.envelope.checking import check_events
from include.events.envelope.reading import read_json
from include.events.envelope.sender import Sender
from include.events.envelope.shapes import PLACES, Shape
from include.events.envelope.verdicts import Rejected
from include.events.intake.batches import Batch
from include.events.intake.storing import Checked

PRINCIPAL = "replay"


@dataclass(frozen=True)
class Tried:
    """Events that came with one batch and are tried again together.

    Attributes:
        rows: their rows of the quarantine; the n-th event of the batch is of the n-th row.
        checked: what the rules say of them.
    """

    rows: list[RowMapping]
    checked: Checked


def try_again(
    rows: Iterable[RowMapping], rules: Mapping[int, ProjectRules], corrections: Mapping[str, dict[str, Any]]
) -> tuple[list[Tried], dict[str, Rejected]]:
    """Hold events against the rules again.

    They keep the time of reception, the sender's rights and the id they had.

    Args:
        rows: open rows of the quarantine.
        rules: rules of their projects, by number.
        corrections: corrected events by quarantine id.

    Returns:
        Events that can be read, grouped by the batch they came with; and what cannot even be read.
    """
    readable: list[tuple[RowMapping, dict[str, Any]]] = []
    unreadable: dict[str, Rejected] = {}
    for row in rows:
        quarantine_id = str(row["quarantine_id"])
        try:
            readable.append((row, _event(row, corrections.get(quarantine_id))))
        except InputError:
            unreadable[quarantine_id] = _rejected_as_before(row)
    readable.sort(key=lambda pair: _group(pair[0]))
    groups = (list(found) for _, found in groupby(readable, key=lambda pair: _group(pair[0])))
    return [_tried(found, rules[found[0][0]["project_number"]]) for found in groups], unreadable


def pointer_of(row: RowMapping, rejected: Rejected) -> str:
    """Give the place of a fault in the body the event came with.

    Args:
        row: row of the quarantine.
        rejected: the rejection; its pointer starts at the event.

    Returns:
        The JSON pointer.
    """
    for place in (f"/events/{row['position']}", f"/{row['position']}"):
        if row["pointer"] == place or row["pointer"].startswith(f"{place}/"):
            return place + rejected.pointer
    return rejected.pointer


def _tried(found: list[tuple[RowMapping, dict[str, Any]]], rules: ProjectRules) -> Tried:
    rows, events = [row for row, _ in found], [event for _, event in found]
    first = rows[0]
    batch = Batch(
        rules=rules,
        sender=replace(Sender.from_record(first["sender"]), principal=PRINCIPAL),
        events=events,
        shape=_shape(first),
        sent_at=first["sent_at"],
        received_at=first["received_at"],
        receipt_id=uuid4(),
        body_sha256=sha256(b"\n".join(bytes(row["raw"]) for row in rows)).digest(),
        pointer=None,
    )
    verdicts = check_events(
        events,
        shape=batch.shape,
        rules=rules,
        sender=batch.sender,
        receipt_id=batch.receipt_id,
        received_at=batch.received_at,
        sent_at=batch.sent_at,
        pointer=None,
    )
    return Tried(rows, Checked(batch, verdicts))


def _event(row: RowMapping, correction: dict[str, Any] | None) -> dict[str, Any]:
    event = correction if correction is not None else read_json(bytes(row["raw"]))
    if not isinstance(event, dict):
        raise InputError("This is no event.", code="not_object")
    if not row["event_id"]:
        return event
    return {**event, PLACES[_shape(row)].own_id[1:]: row["event_id"]}


def _shape(row: RowMapping) -> Shape:
    # What was no event when it came - a message that is not JSON - can only be corrected into an envelope.
    return Shape(row["shape"]) if row["shape"] in list(Shape) else Shape.ENVELOPE


def _group(row: RowMapping) -> tuple[Any, ...]:
    sender = json.dumps(row["sender"], sort_keys=True)
    sent_at = row["sent_at"]
    return row["project_number"], row["received_at"], sent_at.isoformat() if sent_at else "", _shape(row).value, sender


def _rejected_as_before(row: RowMapping) -> Rejected:
    return Rejected(row["position"], None, row["event_name"], row["code"], row["pointer"], row["message"])
