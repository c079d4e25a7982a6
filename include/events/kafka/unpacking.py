"""Storing a block of messages: each becomes a batch of one event, all of them one transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError

from include.errors import InputError
from include.events.apps.rules import ProjectRules, RulesCache
from include.events.envelope.shapes import Shape
from include.events.envelope.verdicts import Rejected
from include.events.intake.batches import Batch, Outcome, RefusedRaw
from include.events.intake.taking_in import take_in_all
from include.events.kafka.blocks import Block
from include.events.kafka.messages import FOREIGN, Incoming
from include.settings.intake import IntakeSettings
from include.state.engine import reachable
from include.state.tables import DEFAULT_PROJECT, receipts

MESSAGE = "message"  # shape of what is no event, in the quarantine
UNFORESEEN = (DBAPIError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)

MoveOffsets = Callable[[Connection, Mapping[int, tuple[int, int]]], None]

logger = logging.getLogger(__name__)


@dataclass
class Taken:
    """What became of messages; they are the sum of the four.

    Attributes:
        accepted: new events.
        duplicates: events known from other messages or requests.
        rejected: messages and events in quarantine.
        repeated: messages that had been taken in before, and changed nothing.
    """

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    repeated: int = 0

    def add(self, other: Taken) -> None:
        """Add the counts of another block.

        Args:
            other: its counts.
        """
        self.accepted += other.accepted
        self.duplicates += other.duplicates
        self.rejected += other.rejected
        self.repeated += other.repeated


def take_block(
    engine: Engine, block: Block, *, rules: RulesCache, settings: IntakeSettings, also: MoveOffsets
) -> Taken:
    """Take the events of a block into the inbox; what is no event goes to the quarantine.

    A message that cannot be taken in for a reason nobody foresaw must not stop its partition: then the messages are
    taken one by one, and the one goes to the quarantine with its bytes.

    Args:
        engine: the state engine.
        block: as read.
        rules: of the projects.
        settings: of intake.
        also: moves offsets in the same transaction.

    Returns:
        What became of the messages.

    Raises:
        StoreBusy: PostgreSQL is full, or others were in the way for too long; nothing was stored.
        StoreUnavailable: PostgreSQL does not answer.
        StoreConflict: another process has read the partition meanwhile; nothing was stored.
    """
    take = partial(_take, engine, rules=rules, settings=settings, also=also)
    try:
        return take(block)
    except UNFORESEEN:
        logger.exception("a block of %d messages could not be stored; they are taken one by one", len(block.messages))
    taken = Taken()
    for single in block.singles():
        try:
            taken.add(take(single))
        except UNFORESEEN as error:
            taken.add(take(Block([_unforeseen(message, error) for message in single.messages], single.moves)))
    return taken


def _take(engine: Engine, block: Block, *, rules: RulesCache, settings: IntakeSettings, also: MoveOffsets) -> Taken:
    messages = block.messages
    fresh = _fresh(engine, messages)
    batches = [_batch(engine, message, rules) for message in fresh]
    outcomes = take_in_all(engine, batches, settings=settings, also=lambda connection: also(connection, block.moves))
    taken = Taken(repeated=len(messages) - len(fresh))
    for message, outcome in zip(fresh, outcomes, strict=True):
        taken.add(_counts(outcome))
        if outcome.rejected:
            verdict = outcome.verdicts[0]
            logger.warning("message %s is in quarantine: %s %s", message.place, verdict["code"], verdict["message"])
    return taken


def _unforeseen(message: Incoming, error: Exception) -> Incoming:
    fault = InputError(f"The message cannot be taken in ({type(error).__name__}); the log has more.", code="bad_type")
    return replace(message, fault=fault, sender=FOREIGN)


def _fresh(engine: Engine, messages: Sequence[Incoming]) -> list[Incoming]:
    """Leave out what was taken in before: its receipt is known, and says that it was for the same body.

    A receipt id that was given to another body - by a program that does not make new ones - is replaced by one that
    is derived from the place of the message, so that nothing is taken for known that is not.
    """
    wanted = {str(one) for message in messages for one in (message.receipt_id, message.derived_receipt_id)}
    query = select(receipts.c.receipt_id, receipts.c.body_sha256).where(receipts.c.receipt_id.in_(wanted))
    with reachable(engine), engine.connect() as connection:
        known = {UUID(str(row.receipt_id)): bytes(row.body_sha256) for row in connection.execute(query)}
    fresh = []
    for message in messages:
        own = message
        if known.get(message.receipt_id, message.body_sha256) != message.body_sha256:
            logger.warning("message %s came with the receipt id of another one; it gets its own", message.place)
            own = replace(message, receipt_id=message.derived_receipt_id)
        if own.receipt_id not in known:
            known[own.receipt_id] = own.body_sha256
            fresh.append(own)
    return fresh


def _batch(engine: Engine, message: Incoming, rules: RulesCache) -> Batch:
    own = rules.get(engine, message.project) if message.project else None
    fault = message.fault
    if own is None and fault is None:
        fault = InputError(
            "There is no such app; create it, or correct the project of the message.",
            code="project_mismatch",
            pointer="/project",
        )
    return Batch(
        rules=own or _default_rules(engine, rules),
        sender=message.sender,
        events=[] if fault else [message.event],
        shape=Shape.ENVELOPE,
        sent_at=message.sent_at,
        received_at=message.received_at,
        receipt_id=message.receipt_id,
        body_sha256=message.body_sha256,
        pointer=None,
        source_positions=[str(message.place)],
        refused=[_refused(message, fault)] if fault else [],
    )


def _refused(message: Incoming, fault: InputError) -> RefusedRaw:
    return RefusedRaw(Rejected(0, None, "", fault.code, fault.pointer, fault.message), message.value, MESSAGE)


def _default_rules(engine: Engine, rules: RulesCache) -> ProjectRules:
    found = rules.get(engine, DEFAULT_PROJECT)
    assert found is not None  # every installation has it, from its migrations
    return found


def _counts(outcome: Outcome) -> Taken:
    if outcome.is_replayed:
        return Taken(repeated=outcome.received)
    return Taken(outcome.accepted, outcome.duplicates, outcome.rejected)
