"""Taking in batches: check the events, then store everything in one transaction, and only then answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, Engine

from include.events.envelope.checking import check_events
from include.events.intake.batches import Batch, Outcome
from include.events.intake.storing import Checked, store_all
from include.events.intake.trouble import intake_trouble
from include.failpoints import failpoint
from include.settings.intake import IntakeSettings

logger = logging.getLogger(__name__)


def take_in(
    engine: Engine,
    batch: Batch,
    *,
    settings: IntakeSettings,
    also: Callable[[Connection], None] | None = None,
) -> Outcome:
    """Take in one batch; what it answers is durable.

    Args:
        engine: the state engine.
        batch: the batch.
        settings: how long answers are kept.
        also: work to do in the same transaction.

    Returns:
        What became of it; the first answer when it was stored before.

    Raises:
        InputError: its Idempotency-Key was used with another body (code ``idempotency_mismatch``).
        StoreBusy: PostgreSQL is full, or others were in the way for too long; nothing was stored.
        StoreUnavailable: PostgreSQL does not answer; send the same again, it is stored once.
    """
    return take_in_all(engine, [batch], settings=settings, also=also)[0]


def take_in_all(
    engine: Engine,
    batches: Sequence[Batch],
    *,
    settings: IntakeSettings,
    also: Callable[[Connection], None] | None = None,
) -> list[Outcome]:
    """Take in several batches in one transaction: all of them, or none.

    Args:
        engine: the state engine.
        batches: the batches, with different receipt ids.
        settings: how long answers are kept.
        also: work to do in the same transaction.

    Returns:
        What became of each.

    Raises:
        InputError: an Idempotency-Key was used with another body (code ``idempotency_mismatch``).
        StoreBusy: PostgreSQL is full, or others were in the way for too long; nothing was stored.
        StoreUnavailable: PostgreSQL does not answer.
    """
    started = time.perf_counter()
    checked = [_checked(batch) for batch in batches]
    failpoint("intake.checked")
    with intake_trouble(engine), engine.begin() as connection:
        outcomes = store_all(connection, checked, seen_days=settings.seen_days)
        if also is not None:
            also(connection)
            failpoint("intake.joined")
    failpoint("intake.committed")
    for batch, outcome in zip(batches, outcomes, strict=True):
        logger.debug(
            "batch %s of %s: received %d, accepted %d, duplicates %d, rejected %d, again %s, %.4f s",
            outcome.receipt_id,
            batch.rules.project,
            outcome.received,
            outcome.accepted,
            outcome.duplicates,
            outcome.rejected,
            outcome.is_replayed,
            time.perf_counter() - started,
        )
    return outcomes


def _checked(batch: Batch) -> Checked:
    verdicts = check_events(
        batch.events,
        shape=batch.shape,
        rules=batch.rules,
        sender=batch.sender,
        receipt_id=batch.receipt_id,
        received_at=batch.received_at,
        sent_at=batch.sent_at,
        pointer=batch.pointer,
    )
    return Checked(batch, verdicts)
