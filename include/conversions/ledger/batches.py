"""From scored visits to prepared files: everything decided and written in one transaction."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from include.conversions.ledger.candidates import copy_candidates
from include.conversions.ledger.drafts import UploadOrigin
from include.conversions.ledger.standing import (
    decide,
    hold_day,
    lock_ledger,
    mark_withdrawn,
    place_files,
    trim_unsent,
)
from include.conversions.ledger.statements import statement
from include.conversions.rules.statuses import PREPARED
from include.errors import DayNotReady, StoreConflict
from include.failpoints import failpoint
from include.progress import Progress
from include.settings import ConversionSettings
from include.state.blocks import read_blocks
from include.state.manifest import StageRecord, read_stage
from include.warehouse.client import Warehouse


@dataclass(frozen=True)
class DayPlan:
    """What is to be sent of a day, and how.

    Attributes:
        warehouse: ClickHouse with ``visit_scores``.
        origin: counter, target, run.
        day: local day.
        settings: offset, file size.
        include_old: send visits older than 21 days as well.
        upload_id: id of the first new file; None for a new one.
        progress: told what is being done.
        is_blocked: the day waits for a person; nothing new of it is placed into files.
    """

    warehouse: Warehouse
    origin: UploadOrigin
    day: dt.date
    settings: ConversionSettings
    include_old: bool
    upload_id: str | None
    progress: Progress
    is_blocked: bool = False


@dataclass(frozen=True)
class PreparedDay:
    """What was read.

    Attributes:
        level4: level 4+ visits of the day.
        scores_digest: digest of the scores they come from.
    """

    level4: int
    scores_digest: str


@dataclass(frozen=True)
class DayPreview:
    """What an upload of the day would do now.

    Attributes:
        to_send: conversions that would be sent, those of interrupted uploads included.
        held: conversions that would be held.
        already_sent: conversions that are at Metrika.
    """

    to_send: int
    held: int
    already_sent: int


def preview_day(connection: Connection, plan: DayPlan) -> DayPreview:
    """Say what an upload would do, for an approval or for an early answer; leaves no trace.

    Args:
        connection: connection without an open transaction.
        plan: what is to be sent; whether the day is blocked is read here.

    Returns:
        Counts that add up to the level 4+ visits of the day.

    Raises:
        DayNotReady: the day has no scores.
        StoreConflict: the scores changed while they were read.
        StoreUnavailable: ClickHouse cannot be reached.
    """
    with connection.begin() as transaction:
        blocks = read_blocks(connection, plan.origin.counter_id, [plan.day], is_open=True)
        _judge(connection, replace(plan, is_blocked=bool(blocks)))
        preview = DayPreview(*connection.execute(statement("preview_day"), {"prepared": PREPARED}).one())
        transaction.rollback()
    return preview


def prepare_day(connection: Connection, plan: DayPlan) -> PreparedDay:
    """Decide about every level 4+ visit and put the eligible ones into files.

    Args:
        connection: open transaction; the caller commits.
        plan: what is to be sent.

    Returns:
        What was read.

    Raises:
        DayNotReady: the day has no scores.
        StoreConflict: the scores changed while they were read.
        StoreUnavailable: ClickHouse cannot be reached.
    """
    origin = plan.origin
    prepared, row_count = _judge(connection, plan)
    failpoint("upload.decided")
    place_files(
        connection,
        origin,
        plan.day,
        row_count=row_count,
        max_rows=plan.settings.max_file_rows,
        offset_seconds=plan.settings.time_offset_seconds,
        upload_id=plan.upload_id,
    )
    failpoint("upload.placed")
    return prepared


def _judge(connection: Connection, plan: DayPlan) -> tuple[PreparedDay, int]:
    """Compare scores and ledger; gives the number of conversions to place into new files as well."""
    origin, day, offset = plan.origin, plan.day, plan.settings.time_offset_seconds
    lock_ledger(connection, origin.counter_id, day)
    scores = _scores_of(connection, plan)
    level4 = copy_candidates(
        connection,
        plan.warehouse,
        counter_id=origin.counter_id,
        day=day,
        offset_seconds=offset,
        now=origin.now,
        include_old=plan.include_old,
        progress=plan.progress,
    )
    failpoint("upload.read")
    if scores.counts.get("level4", level4) != level4 or _scores_of(connection, plan).digest != scores.digest:
        raise StoreConflict(
            f"The scores of day {day}, counter {origin.counter_id}, are not those of its manifest: they changed while "
            "they were read, or a scoring was interrupted; run score again, then the upload."
        )
    mark_withdrawn(connection, origin, day)
    trim_unsent(connection, origin, day, include_old=plan.include_old, is_blocked=plan.is_blocked)
    if plan.is_blocked:
        hold_day(connection)
    failpoint("upload.withdrawn")
    return PreparedDay(level4, scores.digest), decide(connection, origin, day, offset_seconds=offset)


def _scores_of(connection: Connection, plan: DayPlan) -> StageRecord:
    counter_id, day = plan.origin.counter_id, plan.day
    record = read_stage(connection, counter_id, day, "scores")
    if record is None:
        raise DayNotReady(
            f"Day {day} of counter {counter_id} has no scores; run 'python -m include score --date {day} "
            f"--counter {counter_id}' first.",
            code="day_not_scored",
            pointer="/date",
        )
    return record
