"""The job: level 4+ visits of a scored day -> conversions at Metrika, each once."""

from __future__ import annotations

import datetime as dt
import logging
import time
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine

from include.conversions.ledger.batches import DayPlan, PreparedDay, prepare_day
from include.conversions.ledger.drafts import UploadOrigin
from include.conversions.ledger.standing import DayCounts, count_day
from include.conversions.ledger.uploads import Upload, prepared_uploads
from include.conversions.rules.identifiers import IdentifierKind, check_target
from include.conversions.sending.delivery import Delivery, send_uploads
from include.conversions.sending.exactly_once import SETTLE_SECONDS, Route, reconcile_upload
from include.days import utc_now
from include.errors import StoreConflict
from include.failpoints import failpoint
from include.metrika.client.conversions_api import ConversionsApi
from include.progress import Progress, no_progress
from include.settings import ConversionSettings
from include.state.blocks import read_blocks
from include.state.code_version import code_version
from include.state.engine import reachable
from include.state.locks import day_lock
from include.state.manifest import StageRecord, write_stage
from include.warehouse.client import Warehouse

logger = logging.getLogger(__name__)

STAGE = "upload"
UPLOAD_CODE = ("conversions/ledger", "conversions/rules", "conversions/upload_day.py")  # what decides what is sent
# Every point of the job at which a crash is provoked in the tests, in order.
UPLOAD_FAILPOINTS = (
    "upload.locked",
    "upload.read",
    "upload.withdrawn",
    "upload.decided",
    "upload.placed",
    "upload.prepared",
    "upload.looked_up",
    "upload.goal_checked",
    "upload.file_written",
    "upload.marked",
    "upload.posted",
    "upload.recorded",
    "upload.delivered",
    "upload.counted",
    "upload.noted",
)
# One more of a day that waits for a person.
BLOCKED_FAILPOINTS = ("upload.reconciled",)


@dataclass(frozen=True)
class SentFile:
    """One file that this run got into Metrika.

    Attributes:
        upload_id: our id.
        metrika_upload_id: Metrika's id.
        rows: conversions in it.
        comment: token by which Metrika's list shows it.
    """

    upload_id: str
    metrika_upload_id: int
    rows: int
    comment: str


@dataclass(frozen=True)
class UploadReport:
    """What one run did; ``sent + held + already_sent`` is the number of level 4+ visits.

    Attributes:
        counter_id: the counter.
        day: local day, ``YYYY-MM-DD``.
        target: goal identifier.
        sent: conversions newly at Metrika.
        held: conversions not sent.
        already_sent: conversions that an earlier run sent.
        held_reasons: how many per reason.
        withdrawn: conversions of the day whose visit is no longer level 4+; beside the three counts.
        withdrawn_sent: of them, those that Metrika has and keeps.
        uploads: files of this run.
        is_blocked: the day waits for a person, so nothing new was sent.
    """

    counter_id: int
    day: str
    target: str
    sent: int
    held: int
    already_sent: int
    held_reasons: dict[str, int]
    withdrawn: int
    withdrawn_sent: int
    uploads: tuple[SentFile, ...]
    is_blocked: bool = False


def upload_day(
    warehouse: Warehouse,
    state: Engine,
    api: ConversionsApi,
    *,
    counter_id: int,
    day: dt.date,
    settings: ConversionSettings,
    run_id: str,
    task_id: str = "",
    target: str | None = None,
    include_old: bool = False,
    upload_id: str | None = None,
    settle_seconds: float = SETTLE_SECONDS,
    progress: Progress = no_progress,
) -> UploadReport:
    """Send the level 4+ visits of a day that have not been sent yet; safe to repeat at any time.

    A blocked day sends nothing new: what may be at Metrika already is looked up, the rest is held.

    Args:
        warehouse: ClickHouse with ``visit_scores``.
        state: the state engine.
        api: Metrika.
        counter_id: the counter.
        day: local day, scored.
        settings: target, offset, file size, goal creation.
        run_id: name of this run, for the records.
        task_id: API task the uploads belong to, or an empty text.
        target: goal identifier instead of the one in the settings.
        include_old: send visits older than 21 days as well.
        upload_id: id to give to the first new file; ids of further files follow from it.
        settle_seconds: how long after a send without answer the upload may still appear at Metrika.
        progress: told what is being done.

    Returns:
        Counts and files.

    Raises:
        DayNotReady: the day has no scores.
        InputError: the counter has no such goal (code ``goal_not_found``); nothing was sent.
        SourceRejected: Metrika refused; nothing of the refused files was taken.
        SourceUnavailable: Metrika does not answer; run again, nothing is sent twice.
        StoreConflict: the counts do not add up.
        StoreUnavailable: ClickHouse or PostgreSQL cannot be reached.
    """
    goal = check_target(settings.target if target is None else target)
    with reachable(state), day_lock(state, counter_id, [day], purpose=STAGE):
        failpoint("upload.locked")
        origin = UploadOrigin(counter_id, goal, IdentifierKind.CLIENT_ID, run_id, task_id, utc_now())
        with state.connect() as connection:
            is_blocked = bool(read_blocks(connection, counter_id, [day], is_open=True))
        plan = DayPlan(warehouse, origin, day, settings, include_old, upload_id, progress, is_blocked)
        return _run(plan, Route(state, api, settings.create_goal, settle_seconds))


def _run(plan: DayPlan, route: Route) -> UploadReport:
    started, origin = time.monotonic(), plan.origin
    arrived = _reconcile(plan, route) if plan.is_blocked else []
    with route.state.begin() as connection:
        prepared = prepare_day(connection, plan)
    failpoint("upload.prepared")
    with route.state.connect() as connection:
        waiting = prepared_uploads(connection, origin.counter_id, target=origin.target, day=plan.day)
    delivery = send_uploads(route, waiting, run_id=origin.run_id, progress=plan.progress)
    delivery = replace(delivery, sent=(*arrived, *delivery.sent))
    failpoint("upload.delivered")
    if delivery.refused is not None and not delivery.sent:
        raise delivery.refused
    with route.state.begin() as connection:
        counts = count_day(connection, origin, plan.day, [upload.upload_id for upload in delivery.sent])
        _check(plan, prepared, counts)
        failpoint("upload.counted")
        _note(connection, plan, prepared, counts, delivery, time.monotonic() - started)
    failpoint("upload.noted")
    return _report(plan, counts, delivery)


def _reconcile(plan: DayPlan, route: Route) -> list[Upload]:
    """Files whose send was interrupted: at Metrika after all, or from now on as good as never sent."""
    with route.state.connect() as connection:
        waiting = prepared_uploads(connection, plan.origin.counter_id, target=plan.origin.target, day=plan.day)
    found = [reconcile_upload(route, upload) for upload in waiting if upload.sent_at is not None]
    failpoint("upload.reconciled")
    return [upload for upload in found if upload is not None]


def _check(plan: DayPlan, prepared: PreparedDay, counts: DayCounts) -> None:
    level4, accounted = prepared.level4, counts.sent + counts.held + counts.already_sent
    if not level4 == accounted == counts.standing:
        raise StoreConflict(
            f"Day {plan.day}, counter {plan.origin.counter_id}: {level4} level 4+ visits, but {counts.sent} sent, "
            f"{counts.held} held and {counts.already_sent} already sent; the ledger and the scores disagree."
        )


def _note(
    connection: Connection,
    plan: DayPlan,
    prepared: PreparedDay,
    counts: DayCounts,
    delivery: Delivery,
    duration_seconds: float,
) -> None:
    record = StageRecord(
        counter_id=plan.origin.counter_id,
        day=plan.day,
        stage=STAGE,
        digest=counts.digest,
        input_digest=prepared.scores_digest,
        run_id=plan.origin.run_id,
        duration_seconds=duration_seconds,
        finished_at=utc_now(),
        counts={
            "level4": counts.standing,
            "sent": counts.sent,
            "held": counts.held,
            "already_sent": counts.already_sent,
            "withdrawn": counts.withdrawn,
            "withdrawn_sent": counts.withdrawn_sent,
        },
        details={
            "target": plan.origin.target,
            "is_blocked": plan.is_blocked,
            "held_reasons": dict(counts.held_reasons),
            "uploads": [upload.upload_id for upload in delivery.sent],
            "files": {upload.upload_id: upload.file_sha256 for upload in delivery.sent},
            "parameters": {
                "identifier_kind": plan.origin.kind.value,
                "time_offset_seconds": plan.settings.time_offset_seconds,
                "max_file_rows": plan.settings.max_file_rows,
                "include_old": plan.include_old,
            },
            "code": code_version(*UPLOAD_CODE),
        },
    )
    write_stage(connection, record)


def _report(plan: DayPlan, counts: DayCounts, delivery: Delivery) -> UploadReport:
    logger.info(
        "conversions sent %d, held %d %s, already sent %d, withdrawn %d (%d of them sent), day %s, counter %d",
        counts.sent,
        counts.held,
        dict(counts.held_reasons),
        counts.already_sent,
        counts.withdrawn,
        counts.withdrawn_sent,
        plan.day,
        plan.origin.counter_id,
    )
    files = (
        SentFile(upload.upload_id, upload.metrika_upload_id or 0, upload.row_count, upload.comment)
        for upload in delivery.sent
    )
    return UploadReport(
        counter_id=plan.origin.counter_id,
        day=plan.day.isoformat(),
        target=plan.origin.target,
        sent=counts.sent,
        held=counts.held,
        already_sent=counts.already_sent,
        held_reasons=dict(counts.held_reasons),
        withdrawn=counts.withdrawn,
        withdrawn_sent=counts.withdrawn_sent,
        uploads=tuple(files),
        is_blocked=plan.is_blocked,
    )
