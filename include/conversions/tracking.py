"""Following uploads to their end at Metrika: one look at each, never a wait."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, func, or_, select

from include.conversions.ledger.uploads import Upload, change_upload, followed_uploads, list_uploads
from include.conversions.rules.statuses import DONE, FAILED_LINKAGE, FAILED_STAGES, TERMINAL_STAGES, UNKNOWN, stage_of
from include.days import utc_now
from include.errors import SourceRejected
from include.failpoints import failpoint
from include.metrika.client.conversions_api import ConversionsApi, Uploading
from include.settings import ConversionSettings
from include.state.engine import reachable
from include.state.tables import conversion_uploads, conversions

logger = logging.getLogger(__name__)

TRACK_FAILPOINTS = ("track.asked", "track.recorded")


@dataclass(frozen=True)
class TrackReport:
    """Where uploads stand; an upload whose rows all moved to another one is not counted.

    Attributes:
        processed: uploads that Metrika has processed.
        pending: uploads that are prepared or still in progress.
        failed: uploads that failed, were refused, or were given up.
        linked: conversions linked to a visit, over the processed uploads.
        alerts: sentences about uploads that need a person's eye.
        withdrawn: conversions of these uploads whose visit is no longer level 4+; Metrika keeps them.
    """

    processed: int
    pending: int
    failed: int
    linked: int
    alerts: tuple[str, ...]
    withdrawn: int = 0


def track(
    state: Engine,
    api: ConversionsApi,
    *,
    counter_ids: Iterable[int],
    settings: ConversionSettings,
    now: dt.datetime | None = None,
    day: dt.date | None = None,
) -> TrackReport:
    """Ask Metrika once about every upload that is not finished, and record what it says.

    Args:
        state: the state engine.
        api: Metrika.
        counter_ids: the counters.
        settings: how long to follow, when to raise an alert.
        now: aware instant instead of the clock.
        day: report on uploads of this local day; all that are open or ended inside the time of
            following when None.

    Returns:
        Where the uploads stand after this look.

    Raises:
        SourceRejected: Metrika refused to show an upload; all others have been recorded.
        SourceUnavailable: Metrika does not answer; what was asked before has been recorded.
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    instant, counters = now or utc_now(), list(counter_ids)
    with reachable(state):
        with state.connect() as connection:
            followed = followed_uploads(connection, counters)
        troubles = [error for upload in followed if (error := _check(state, api, upload, settings, instant))]
        if troubles:
            raise troubles[0]
        with state.connect() as connection:
            since = instant - dt.timedelta(hours=settings.track_hours)
            listed = _listed(connection, counters, day, since)
            return _report(listed, _withdrawn_count(connection, listed, day))


def _check(
    state: Engine, api: ConversionsApi, upload: Upload, settings: ConversionSettings, now: dt.datetime
) -> SourceRejected | None:
    """Ask about one upload; a refusal that is its own must not keep the others from being asked."""
    try:
        seen = api.uploading(upload.counter_id, upload.metrika_upload_id or 0)
    except SourceRejected as error:
        if error.status != 404:
            return error
        values = _given_up(f"Metrika no longer knows upload {upload.metrika_upload_id}.", now)
    else:
        values = judge(upload, seen, settings, now)
    failpoint("track.asked")
    with state.begin() as connection:
        changed = change_upload(connection, upload.upload_id, **values)
    failpoint("track.recorded")
    if changed.error:
        logger.warning("upload %s, counter %d: %s", changed.upload_id, changed.counter_id, changed.error)
    return None


def judge(upload: Upload, seen: Uploading, settings: ConversionSettings, now: dt.datetime) -> dict[str, Any]:
    """Decide what an upload has become.

    Args:
        upload: as the ledger has it.
        seen: as Metrika shows it.
        settings: how long to follow, when to raise an alert.
        now: aware instant.

    Returns:
        Columns of ``conversion_uploads`` to set.
    """
    stage = stage_of(seen.status)
    values: dict[str, Any] = {
        "stage": stage,
        "metrika_status": seen.status,
        "checked_at": now,
        "source_quantity": seen.source_quantity,
        "line_quantity": seen.line_quantity,
        "linked_quantity": seen.linked_quantity,
        "goal_not_found_quantity": seen.goal_not_found_quantity,
        "user_not_found_quantity": seen.user_not_found_quantity,
        "error": alert_of(upload.row_count, seen, settings.linked_share_alert) or None,
    }
    since = upload.sent_at or upload.prepared_at
    if stage in TERMINAL_STAGES:
        values["finished_at"] = now
    elif now - since >= dt.timedelta(hours=settings.track_hours):
        hours = f"{settings.track_hours:g}"
        values |= _given_up(f"Still {seen.status or 'without a status'} after {hours} h; no longer followed.", now)
    return values


def alert_of(row_count: int, seen: Uploading, linked_share_alert: float) -> str:
    """Say what about an upload needs a person's eye.

    Args:
        row_count: rows that were sent.
        seen: as Metrika shows it.
        linked_share_alert: share of linked rows (0-1) under which a processed upload is suspicious.

    Returns:
        Sentences, or an empty text.
    """
    source, line, linked = seen.source_quantity, seen.line_quantity, seen.linked_quantity
    stage, alerts = stage_of(seen.status), []
    if stage == FAILED_LINKAGE:
        alerts.append("Metrika matched no identifier of this upload.")
    if stage in TERMINAL_STAGES and source is not None and source != row_count:
        alerts.append(f"Metrika counts {source} rows, {row_count} were sent.")
    if source is not None and line is not None and line < source and stage in TERMINAL_STAGES:
        alerts.append(f"{source - line} of {source} rows did not pass Metrika's validation.")
    if stage == DONE and linked is not None and row_count and linked / row_count < linked_share_alert:
        alerts.append(f"Only {linked} of {row_count} rows were linked to a visit ({linked / row_count:.0%}).")
    return " ".join(alerts)


def _given_up(error: str, now: dt.datetime) -> dict[str, Any]:
    return {"stage": UNKNOWN, "error": error, "checked_at": now, "finished_at": now}


def _listed(connection: Connection, counter_ids: list[int], day: dt.date | None, since: dt.datetime) -> list[Upload]:
    """Uploads to report on: those that still own conversions."""
    u, c = conversion_uploads.c, conversions.c
    owned = select(c.upload_id).where(c.upload_id == u.upload_id)
    query = select(conversion_uploads).where(u.counter_id.in_(counter_ids))
    if day is None:
        query = query.where(or_(u.finished_at.is_(None), u.finished_at >= since))
    else:
        owned = owned.where(c.day == day)
    return list_uploads(connection, query.where(owned.exists()))


def _withdrawn_count(connection: Connection, uploads: list[Upload], day: dt.date | None) -> int:
    c = conversions.c
    query = select(func.count()).where(c.upload_id.in_([upload.upload_id for upload in uploads]), c.is_withdrawn)
    return int(connection.execute(query if day is None else query.where(c.day == day)).scalar_one())


def _report(uploads: list[Upload], withdrawn: int) -> TrackReport:
    processed = [upload for upload in uploads if upload.stage == DONE]
    failed = [
        upload
        for upload in uploads
        if upload.stage in FAILED_STAGES or (upload.stage == UNKNOWN and upload.finished_at is not None)
    ]
    return TrackReport(
        processed=len(processed),
        pending=len(uploads) - len(processed) - len(failed),
        failed=len(failed),
        linked=sum(upload.linked_quantity or 0 for upload in processed),
        alerts=tuple(f"Upload {upload.upload_id}: {upload.error}" for upload in uploads if upload.error),
        withdrawn=withdrawn,
    )
