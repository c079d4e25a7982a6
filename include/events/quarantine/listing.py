"""Looking into the quarantine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, RowMapping, and_, func, select

from include.errors import InputError
from include.events.envelope.reading import read_json
from include.state.engine import reachable
from include.state.tables import event_quarantine, projects, receipts

OPEN, REPLAYED, DISCARDED = "open", "replayed", "discarded"
STATUSES = (OPEN, REPLAYED, DISCARDED)


@dataclass(frozen=True)
class Question:
    """Which rejected events to list.

    Attributes:
        project_numbers: projects the asker may see; None for all.
        code: code of the rejection; None for all.
        status: ``open``, ``replayed`` or ``discarded``; None for all.
        from_at: received at this instant or later; aware.
        to_at: received before this instant; aware.
        limit: at most so many, > 0.
        offset: leave out so many, >= 0.
    """

    project_numbers: Iterable[int] | None = None
    code: str | None = None
    status: str | None = None
    from_at: dt.datetime | None = None
    to_at: dt.datetime | None = None
    limit: int = 100
    offset: int = 0


@dataclass(frozen=True)
class Page:
    """Some of the rejected events.

    Attributes:
        items: rows, newest first, with ``project``, ``receipt_id`` and the parsed ``event``.
        total: number of all that match.
    """

    items: list[dict[str, Any]]
    total: int


def list_quarantine(engine: Engine, question: Question) -> Page:
    """List rejected events, newest first.

    Args:
        engine: the state engine.
        question: which ones.

    Returns:
        A page of them.

    Raises:
        StoreUnavailable: PostgreSQL does not answer.
    """
    c, matches = event_quarantine.c, and_(True, *conditions(question))
    query = (
        select(event_quarantine, projects.c.project, receipts.c.receipt_id)
        .join(projects, projects.c.project_number == c.project_number)
        .outerjoin(receipts, receipts.c.receipt_number == c.receipt_number)
        .where(matches)
        .order_by(c.received_at.desc(), c.quarantine_id)
        .limit(question.limit)
        .offset(question.offset)
    )
    with reachable(engine), engine.connect() as connection:
        total = connection.execute(select(func.count()).select_from(event_quarantine).where(matches)).scalar_one()
        items = [_item(row) for row in connection.execute(query).mappings()]
    return Page(items, total)


def event_of(raw: bytes) -> Any:
    """Read an event of the quarantine.

    Args:
        raw: its bytes as kept.

    Returns:
        The event; the bytes as text when they are not JSON; None when they were given up.
    """
    if not raw:
        return None
    try:
        return read_json(raw)
    except InputError:
        return raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def conditions(question: Question) -> list[ColumnElement[bool]]:
    """Write a question as conditions.

    Args:
        question: which rejected events.

    Returns:
        Conditions on ``event_quarantine``, all to be met.
    """
    c = event_quarantine.c
    found: list[ColumnElement[bool]] = []
    if question.project_numbers is not None:
        found.append(c.project_number.in_(list(question.project_numbers)))
    if question.code is not None:
        found.append(c.code == question.code)
    if question.status is not None:
        found.append(c.status == question.status)
    if question.from_at is not None:
        found.append(c.received_at >= question.from_at)
    if question.to_at is not None:
        found.append(c.received_at < question.to_at)
    return found


def _item(row: RowMapping) -> dict[str, Any]:
    kept = ("quarantine_id", "project", "receipt_id", "position", "source_position", "event_name", "code", "pointer")
    return {
        **{name: row[name] for name in (*kept, "message", "received_at", "status", "attempt_count", "ended_at")},
        "event_id": row["event_id"] or None,
        "event": event_of(bytes(row["raw"])),
    }
