"""Replaying rejected events: what the rules of today accept goes into the inbox, the rest stays.

Events and quarantine change in one transaction, and a row is locked while it is tried, so that an event gets in
once however often, and however many at a time, it is replayed.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, bindparam, insert, select, update

from include.days import utc_now
from include.events.apps.rules import ProjectRules, read_rules
from include.events.envelope.verdicts import Accepted, Rejected
from include.events.intake.answers import verdicts_json
from include.events.intake.batches import STORED_STATUS, Outcome
from include.events.intake.deduplicating import Candidate, Sorting, remember
from include.events.intake.receipt_rows import begin, limit_waits, receipt_row
from include.events.intake.storing import conflict_of, inbox_row
from include.events.intake.trouble import intake_trouble
from include.events.quarantine.choosing import Chosen
from include.events.quarantine.listing import DISCARDED, OPEN, REPLAYED
from include.events.quarantine.trying import Tried, pointer_of, try_again
from include.failpoints import failpoint
from include.progress import Progress, no_progress
from include.state.tables import event_quarantine, inbox_batches, projects, receipts

logger = logging.getLogger(__name__)

CHUNK = 500  # events of one transaction: locks are held shortly


@dataclass
class ReplayReport:
    """What became of events that were replayed.

    Attributes:
        replayed: events that are accepted now, or were by an earlier replay.
        still_rejected: events that still break a rule.
        not_found: ids that are not in quarantine, or no longer.
        already_stored: events that came in another way meanwhile; they leave the quarantine.
        receipt_ids: receipts of what was accepted now.
    """

    replayed: int = 0
    still_rejected: int = 0
    not_found: int = 0
    already_stored: int = 0
    receipt_ids: list[str] = field(default_factory=list)


@dataclass
class _Changes:
    """What one transaction writes."""

    receipts: list[dict[str, Any]] = field(default_factory=list)
    inbox: list[dict[str, Any]] = field(default_factory=list)
    ended: list[dict[str, Any]] = field(default_factory=list)
    tried: list[dict[str, Any]] = field(default_factory=list)


def replay(
    engine: Engine,
    chosen: Chosen,
    *,
    corrections: Mapping[str, dict[str, Any]] | None = None,
    progress: Progress = no_progress,
) -> ReplayReport:
    """Replay rejected events; safe to repeat at any time.

    Args:
        engine: the state engine.
        chosen: which ones.
        corrections: corrected events by quarantine id, taken in place of those kept.
        progress: told after each transaction.

    Returns:
        What became of them.

    Raises:
        StoreBusy: PostgreSQL is full, or another replay is in the way for too long; done so far stays done.
        StoreUnavailable: PostgreSQL does not answer.
    """
    report = ReplayReport(replayed=chosen.replayed, not_found=chosen.not_found)
    ids = list(chosen.open_ids)
    for start in range(0, len(ids), CHUNK):
        with intake_trouble(engine), engine.begin() as connection:
            _replay_some(connection, ids[start : start + CHUNK], corrections or {}, report)
            failpoint("replay.marked")
        failpoint("replay.committed")
        progress("replay", min(start + CHUNK, len(ids)), len(ids))
    logger.info(
        "replayed %d, still rejected %d, not found %d, already stored %d",
        report.replayed,
        report.still_rejected,
        report.not_found,
        report.already_stored,
    )
    return report


def _replay_some(
    connection: Connection, ids: Sequence[str], corrections: Mapping[str, dict[str, Any]], report: ReplayReport
) -> None:
    limit_waits(connection)
    rows = _locked(connection, ids)
    failpoint("replay.locked")
    report.not_found += len(ids) - len(rows)  # somebody else ended them meanwhile
    tried, unreadable = try_again(rows, _rules(connection, rows), corrections)
    numbers = begin(connection, [one.checked.batch for one in tried])
    candidates = [
        Candidate(one.checked.batch.rules.project_number, number, event)
        for number, one in zip(numbers, tried, strict=True)
        for event in one.checked.verdicts
        if isinstance(event, Accepted)
    ]
    sorting = remember(connection, candidates)
    failpoint("replay.remembered")
    changes, now = _Changes(), utc_now()
    changes.tried += [_attempt(quarantine_id, rejected) for quarantine_id, rejected in unreadable.items()]
    for number, one in zip(numbers, tried, strict=True):
        _sort_out(changes, one, number, sorting, now)
    _write(connection, changes)
    _count(report, changes)


def _locked(connection: Connection, ids: Sequence[str]) -> list[RowMapping]:
    c = event_quarantine.c
    query = (
        select(event_quarantine)
        .where(c.quarantine_id.in_(ids), c.status == OPEN)
        .order_by(c.quarantine_id)
        .with_for_update()
    )
    return list(connection.execute(query).mappings())


def _rules(connection: Connection, rows: Iterable[RowMapping]) -> dict[int, ProjectRules]:
    numbers = {row["project_number"] for row in rows}
    query = select(projects.c.project).where(projects.c.project_number.in_(numbers))
    found = [read_rules(connection, project) for project in connection.execute(query).scalars().all()]
    return {rules.project_number: rules for rules in found if rules is not None}


def _sort_out(changes: _Changes, one: Tried, number: int, sorting: Sorting, now: dt.datetime) -> None:
    new: list[Accepted] = []
    for row, verdict in zip(one.rows, one.checked.verdicts, strict=True):
        quarantine_id = str(row["quarantine_id"])
        if isinstance(verdict, Accepted) and (number, verdict.position) in sorting.new:
            new.append(verdict)
            changes.ended.append(_end(quarantine_id, REPLAYED, now, number))
        elif isinstance(verdict, Accepted) and (number, verdict.position) in sorting.equal:
            changes.ended.append(_end(quarantine_id, DISCARDED, now, None))
        else:
            rejected = conflict_of(verdict, None) if isinstance(verdict, Accepted) else verdict
            changes.tried.append(_attempt(quarantine_id, rejected._replace(pointer=pointer_of(row, rejected))))
    if new:
        batch = one.checked.batch
        outcome = Outcome(
            STORED_STATUS, batch.receipt_id, batch.received_at, len(new), 0, 0, verdicts_json(new, [], {})
        )
        changes.receipts.append(receipt_row(batch, number, outcome))
        changes.inbox.append(inbox_row(batch, number, new) | {"received_at": now})  # it waits from now on


def _write(connection: Connection, changes: _Changes) -> None:
    if changes.receipts:
        connection.execute(insert(receipts), changes.receipts)
        connection.execute(insert(inbox_batches), changes.inbox)
    failpoint("replay.spooled")
    c = event_quarantine.c
    is_this = c.quarantine_id == bindparam("this_id")
    if changes.ended:
        connection.execute(update(event_quarantine).where(is_this), changes.ended)
    if changes.tried:
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in ("code", "pointer", "message")}
        connection.execute(
            update(event_quarantine).where(is_this).values(attempt_count=c.attempt_count + 1, **values), changes.tried
        )


def _end(quarantine_id: str, status: str, now: dt.datetime, number: int | None) -> dict[str, Any]:
    return {"this_id": quarantine_id, "status": status, "ended_at": now, "replay_receipt_number": number}


def _attempt(quarantine_id: str, rejected: Rejected) -> dict[str, Any]:
    return {
        "this_id": quarantine_id,
        "new_code": rejected.code,
        "new_pointer": rejected.pointer,
        "new_message": rejected.message,
    }


def _count(report: ReplayReport, changes: _Changes) -> None:
    replayed = sum(one["status"] == REPLAYED for one in changes.ended)
    report.replayed += replayed
    report.already_stored += len(changes.ended) - replayed
    report.still_rejected += len(changes.tried)
    report.receipt_ids += [row["receipt_id"] for row in changes.receipts]
