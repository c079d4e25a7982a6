"""What became of a batch since it was answered."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine, RowMapping, exists, select

from include.state.engine import reachable
from include.state.tables import inbox_batches, projects, receipts

SPOOLED, LANDED, FAILED = "spooled", "landed", "failed"
LOST = "Its events are neither waiting nor loaded; run 'python -m include doctor' and send the batch again."


@dataclass(frozen=True)
class Receipt:
    """A batch that was stored.

    Attributes:
        receipt_id: its id.
        project: project of the events.
        owner: owner of the project; empty for ``default``.
        principal: who sent it.
        state: ``spooled``, ``landed`` or ``failed``.
        reason: why it failed; None otherwise.
        received: number of events.
        accepted: of them stored.
        duplicates: of them stored before.
        rejected: of them in quarantine.
        received_at: aware UTC.
        landed_at: aware UTC; None while accepted events wait.
        sha256: hex digest of the body.
    """

    receipt_id: str
    project: str
    owner: str
    principal: str
    state: str
    reason: str | None
    received: int
    accepted: int
    duplicates: int
    rejected: int
    received_at: dt.datetime
    landed_at: dt.datetime | None
    sha256: str

    @property
    def landed(self) -> int:
        """Number of accepted events that are in the warehouse."""
        return self.accepted if self.state == LANDED else 0


def read_receipt(engine: Engine, receipt_id: str) -> Receipt | None:
    """Find a receipt.

    Args:
        engine: the state engine.
        receipt_id: its id, as written by anybody.

    Returns:
        The receipt, or None when there is none.

    Raises:
        StoreUnavailable: PostgreSQL does not answer.
    """
    try:
        known_id = str(UUID(receipt_id))
    except ValueError:
        return None
    is_waiting = exists().where(inbox_batches.c.receipt_number == receipts.c.receipt_number)
    query = (
        select(receipts, projects.c.project, projects.c.owner, is_waiting.label("is_waiting"))
        .join(projects, projects.c.project_number == receipts.c.project_number)
        .where(receipts.c.receipt_id == known_id)
    )
    with reachable(engine), engine.connect() as connection:
        row = connection.execute(query).mappings().first()
    return None if row is None else _receipt(row)


def _receipt(row: RowMapping) -> Receipt:
    state = LANDED if row["landed_at"] is not None else SPOOLED if row["is_waiting"] else FAILED
    return Receipt(
        receipt_id=row["receipt_id"],
        project=row["project"],
        owner=row["owner"],
        principal=row["principal"],
        state=state,
        reason=LOST if state == FAILED else None,
        received=row["received_count"],
        accepted=row["accepted_count"],
        duplicates=row["duplicate_count"],
        rejected=row["rejected_count"],
        received_at=row["received_at"],
        landed_at=row["landed_at"],
        sha256=bytes(row["body_sha256"]).hex(),
    )
