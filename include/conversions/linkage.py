"""Sending again what Metrika could not link, while it still may."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, Select, select

from include.conversions.ledger.drafts import UploadOrigin, open_upload, seal_upload
from include.conversions.ledger.families import free_relative_id
from include.conversions.ledger.standing import lock_ledger, move_rows
from include.conversions.ledger.uploads import Upload, day_of, list_uploads, prepared_uploads
from include.conversions.rules.holding import MATCH_WINDOW_SECONDS
from include.conversions.rules.statuses import FAILED_LINKAGE
from include.conversions.sending.delivery import send_uploads
from include.conversions.sending.exactly_once import SETTLE_SECONDS, Route
from include.days import utc_now
from include.failpoints import failpoint
from include.metrika.client.conversions_api import ConversionsApi
from include.settings import ConversionSettings
from include.state.blocks import read_blocks
from include.state.engine import reachable
from include.state.locks import day_lock
from include.state.tables import conversion_uploads, conversions

logger = logging.getLogger(__name__)

LINKAGE_FAILPOINTS = ("linkage.moved", "linkage.prepared")


@dataclass(frozen=True)
class RetryReport:
    """What was sent again.

    Attributes:
        uploads: uploads got into Metrika in this run, ours ids.
        conversions: rows in them.
    """

    uploads: tuple[str, ...]
    conversions: int


def retry_linkage(
    state: Engine,
    api: ConversionsApi,
    *,
    counter_ids: Iterable[int],
    settings: ConversionSettings,
    run_id: str,
    now: dt.datetime | None = None,
    settle_seconds: float = SETTLE_SECONDS,
) -> RetryReport:
    """Send the conversions of LINKAGE_FAILURE uploads again, each as a new upload with its own comment.

    Rows that are withdrawn, or older than the 21 days of linking, stay with the failed upload. Uploads
    that an interrupted run left prepared are finished as well. Days that wait for a person are left alone.

    Args:
        state: the state engine.
        api: Metrika.
        counter_ids: the counters.
        settings: the delay after the failure.
        run_id: name of this run, for the records.
        now: aware instant instead of the clock.
        settle_seconds: how long after a send without answer the upload may still appear at Metrika.

    Returns:
        What was sent.

    Raises:
        SourceError: Metrika refused or does not answer; safe to run again.
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    instant, sent = now or utc_now(), list[Upload]()
    route = Route(state, api, settings.create_goal, settle_seconds)
    with reachable(state):
        for counter_id in counter_ids:
            for day in _days_to_retry(state, counter_id, settings, instant):
                with day_lock(state, counter_id, [day], purpose="upload"):
                    with state.connect() as connection:
                        if read_blocks(connection, counter_id, [day], is_open=True):
                            continue
                    _prepare_again(state, counter_id, day, settings, run_id, instant)
                    failpoint("linkage.prepared")
                    with state.connect() as connection:
                        waiting = prepared_uploads(connection, counter_id, day=day)
                    sent.extend(send_uploads(route, waiting, run_id=run_id).sent)
    return RetryReport(tuple(upload.upload_id for upload in sent), sum(upload.row_count for upload in sent))


def _days_to_retry(state: Engine, counter_id: int, settings: ConversionSettings, now: dt.datetime) -> list[dt.date]:
    with state.connect() as connection:
        due = _failed(connection, counter_id, settings, now)
        waiting = prepared_uploads(connection, counter_id)
        days = {day_of(connection, upload.upload_id) for upload in (*due, *waiting)}
    return sorted(day for day in days if day is not None)


def _failed(connection: Connection, counter_id: int, settings: ConversionSettings, now: dt.datetime) -> list[Upload]:
    """Failed uploads whose delay is over and that still own rows worth sending."""
    u = conversion_uploads.c
    latest = now - dt.timedelta(hours=settings.retry_linkage_hours)
    query = select(conversion_uploads).where(
        u.counter_id == counter_id, u.stage == FAILED_LINKAGE, u.finished_at <= latest
    )
    return list_uploads(connection, query.where(_rows_worth(u.upload_id, now).exists()))


def _rows_worth(upload_id: object, now: dt.datetime) -> Select[tuple[str]]:
    c, oldest = conversions.c, now - dt.timedelta(seconds=MATCH_WINDOW_SECONDS)
    return select(c.conversion_id).where(c.upload_id == upload_id, c.event_at >= oldest, c.is_withdrawn.is_(False))


def _prepare_again(
    state: Engine, counter_id: int, day: dt.date, settings: ConversionSettings, run_id: str, now: dt.datetime
) -> None:
    with state.begin() as connection:
        lock_ledger(connection, counter_id, day)
        for failed in _failed(connection, counter_id, settings, now):
            if day_of(connection, failed.upload_id) == day:
                _repeat(connection, failed, run_id, now)


def _repeat(connection: Connection, failed: Upload, run_id: str, now: dt.datetime) -> None:
    origin = UploadOrigin(failed.counter_id, failed.target, failed.kind, run_id, failed.task_id, now)
    again = free_relative_id(connection, failed.upload_id)
    open_upload(connection, origin, again)
    moved = move_rows(connection, _rows_worth(failed.upload_id, now), again)
    failpoint("linkage.moved")
    seal_upload(connection, again)
    logger.info("upload %s is repeated as %s, rows %d", failed.upload_id, again, moved)
