"""Counter-days whose conversions wait for a person: what was found, who was asked, who let it pass."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from include.days import utc_now
from include.state.tables import upload_blocks

DRIFT = "drift"


@dataclass(frozen=True)
class Block:
    """One row of ``upload_blocks``.

    Attributes:
        counter_id: the counter.
        day: local day.
        cause: drift.
        details: what was found, and what persons approved so far.
        evidence_digest: digest of what was found.
        run_id: the run that found it.
        blocked_at: since when.
        asked_by: the run whose person is being asked; empty when nobody is.
        released_at: when it was let pass; None while it blocks.
        released_by: who let it pass.
    """

    counter_id: int
    day: dt.date
    cause: str
    details: Mapping[str, Any]
    evidence_digest: str
    run_id: str
    blocked_at: dt.datetime
    asked_by: str
    released_at: dt.datetime | None
    released_by: str


def read_blocks(
    connection: Connection, counter_id: int, days: Iterable[dt.date], *, is_open: bool = False, locked: bool = False
) -> list[Block]:
    """Read the blocks of some days.

    Args:
        connection: open connection.
        counter_id: the counter.
        days: local days.
        is_open: only those that nobody has let pass.
        locked: keep the rows from changing until the transaction ends.

    Returns:
        Blocks by day.
    """
    c = upload_blocks.c
    query = select(upload_blocks).where(c.counter_id == counter_id, c.day.in_(list(days))).order_by(c.day, c.cause)
    if is_open:
        query = query.where(c.released_at.is_(None))
    if locked:
        query = query.with_for_update()
    return [Block(**dict(row)) for row in connection.execute(query).mappings()]


def write_block(connection: Connection, block: Block) -> None:
    """Store a block, replacing the day's earlier one of the same cause; the caller commits.

    Args:
        connection: open transaction.
        block: the block.
    """
    values = {**vars(block), "details": dict(block.details)}
    statement = insert(upload_blocks).values(values)
    keys = [column.name for column in upload_blocks.primary_key]
    updates = {name: statement.excluded[name] for name in values if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=updates))


def claim_block(connection: Connection, block: Block, run_id: str) -> bool:
    """Let one run ask a person about a block; the same run may ask again.

    Args:
        connection: open transaction.
        block: an open block.
        run_id: the run that wants to ask.

    Returns:
        False when another run asks already, or the finding is another one by now.
    """
    c = upload_blocks.c
    claimed = (
        update(upload_blocks)
        .where(
            c.counter_id == block.counter_id,
            c.day == block.day,
            c.cause == block.cause,
            c.evidence_digest == block.evidence_digest,
            c.released_at.is_(None),
            c.asked_by.in_(["", run_id]),
        )
        .values(asked_by=run_id)
    )
    return connection.execute(claimed).rowcount > 0


def release_block(
    connection: Connection, block: Block, *, released_by: str, details: Mapping[str, Any] | None = None
) -> bool:
    """Let a day pass, if what was found is still what the person saw.

    Args:
        connection: open transaction.
        block: the block as it was shown.
        released_by: who lets it pass.
        details: new details, None to keep them.

    Returns:
        False when it was let pass before, or the finding is another one by now.
    """
    c = upload_blocks.c
    values: dict[str, Any] = {"released_at": utc_now(), "released_by": released_by}
    if details is not None:
        values["details"] = dict(details)
    released = (
        update(upload_blocks)
        .where(
            c.counter_id == block.counter_id,
            c.day == block.day,
            c.cause == block.cause,
            c.evidence_digest == block.evidence_digest,
            c.released_at.is_(None),
        )
        .values(**values)
    )
    return connection.execute(released).rowcount > 0
