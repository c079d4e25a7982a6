"""Why a held row has to be held, judged again for the moment it was judged at."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from sqlalchemy import Connection, Engine, select

from include.conversions.rules.holding import HeldReason, hold_visits
from include.conversions.rules.statuses import UNSENT_STAGES
from include.provenance.passport.cases import Evidence, LedgerRow
from include.provenance.passport.outcomes import DRIFT_NOT_APPROVED
from include.state.engine import reachable
from include.state.tables import conversions, upload_blocks

# What came from outside: nothing stored lets it be derived.
TOLD = (HeldReason.GOAL_NOT_FOUND.value, HeldReason.REFUSED.value)


def hold_again(state: Engine, evidences: Iterable[Evidence]) -> dict[str, str]:
    """Judge held rows again.

    Args:
        state: the state engine.
        evidences: the cases; rows that are not held back by our own rules are passed over.

    Returns:
        Reason by conversion id; empty for a row that need not be held.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    held = [one.row for one in evidences if one.row and one.row.upload_id is None and one.row.held_reason not in TOLD]
    if not held:
        return {}
    with reachable(state), state.connect() as connection:
        return {row.conversion_id: _reason(connection, row) for row in held}


def _reason(connection: Connection, row: LedgerRow) -> str:
    if row.held_reason == HeldReason.WITHDRAWN.value and row.is_withdrawn:
        return row.held_reason
    event_epoch = int(row.event_at.timestamp())
    reason = str(
        hold_visits(
            np.array([row.identifier.strip("0") != ""], np.uint64),  # all that counts is whether there is one
            np.array([event_epoch], np.int64),
            offset_seconds=row.sent_epoch_seconds - event_epoch,
            now=row.decided_at,
        )[0]
    )
    if not reason and row.held_reason == DRIFT_NOT_APPROVED and _was_blocked(connection, row):
        return DRIFT_NOT_APPROVED
    return reason or (HeldReason.SAME_MOMENT.value if _has_twin(connection, row) else "")


def _was_blocked(connection: Connection, row: LedgerRow) -> bool:
    """Whether its day waits or waited for a person; a released block stays on record."""
    b = upload_blocks.c
    query = select(b.cause).where(b.counter_id == row.counter_id, b.day == row.day)
    return connection.execute(query.limit(1)).first() is not None


def _has_twin(connection: Connection, row: LedgerRow) -> bool:
    """Another row of the client at that second that was sent, or comes first."""
    c = conversions.c
    query = select(c.conversion_id).where(
        c.counter_id == row.counter_id,
        c.target == row.target,
        c.identifier_kind == row.identifier_kind,
        c.identifier == row.identifier,
        c.event_at == row.event_at,
        c.conversion_id != row.conversion_id,
        c.stage.not_in(UNSENT_STAGES) | (c.visit_id < row.visit_id),
    )
    return connection.execute(query.limit(1)).first() is not None
