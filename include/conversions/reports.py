"""Uploads as the API shows them: one status for everything that grew out of one call."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from include.conversions.ledger.drafts import UploadOrigin
from include.conversions.ledger.families import family_of
from include.conversions.ledger.standing import count_day, has_rows
from include.conversions.ledger.uploads import Upload, list_uploads
from include.conversions.rules.statuses import (
    DONE,
    FAILED_LINKAGE,
    GOAL_NOT_FOUND,
    PREPARED,
    PROCESSING,
    REFUSED,
    UNKNOWN,
    UPLOADED,
    api_status_of,
)
from include.state.tables import conversion_uploads, conversions

# The stage of several files is the first of these that one of them has.
STAGE_ORDER = (PREPARED, UPLOADED, UNKNOWN, PROCESSING, REFUSED, GOAL_NOT_FOUND, FAILED_LINKAGE, DONE)


@dataclass(frozen=True)
class UploadStatus:
    """One upload in the shape of the API.

    Attributes:
        upload_id: id given out for the call.
        status: pending, processed or failed.
        errors: sentences, or None.
        processed: rows linked to a visit, None while unknown.
        total: rows that Metrika counts in the files, None while unknown.
        stage: stage in the ledger.
        metrika_upload_ids: Metrika's ids as texts.
        held: visits of the same day that are held back.
        already_sent: visits of the same day that other uploads carry.
        goal_not_found: rows whose goal Metrika did not find.
        user_not_found: rows whose visitor Metrika did not find.
    """

    upload_id: str
    status: str
    errors: list[str] | None
    processed: int | None
    total: int | None
    stage: str
    metrika_upload_ids: list[str]
    held: int
    already_sent: int
    goal_not_found: int
    user_not_found: int


def upload_status(connection: Connection, upload_id: str) -> UploadStatus | None:
    """Show one upload, with further files, halves and repeats of it counted together.

    Args:
        connection: open connection.
        upload_id: id given out for the call.

    Returns:
        Its status, or None when there is no such upload.
    """
    family = family_of(connection, upload_id)
    return _status(connection, family) if family else None


def task_statuses(connection: Connection, task_id: str) -> list[UploadStatus]:
    """Show every upload of an API task.

    Args:
        connection: open connection.
        task_id: the task.

    Returns:
        One status per call, oldest first.
    """
    query = select(conversion_uploads).where(conversion_uploads.c.task_id == task_id)
    families = {upload.upload_id: family_of(connection, upload.upload_id) for upload in list_uploads(connection, query)}
    grown = {member.upload_id for family in families.values() for member in family[1:]}
    return [_status(connection, family) for upload_id, family in families.items() if upload_id not in grown]


def nothing_to_send(upload_id: str, *, held: int, already_sent: int) -> UploadStatus:
    """The status of a call that found nothing left to send.

    Args:
        upload_id: id given out for the call.
        held: visits held back.
        already_sent: visits sent before.

    Returns:
        Processed, with a total of 0.
    """
    return UploadStatus(upload_id, "processed", None, 0, 0, DONE, [], held, already_sent, 0, 0)


def _status(connection: Connection, family: list[Upload]) -> UploadStatus:
    owners = [upload for upload in family if has_rows(connection, upload.upload_id)] or family[:1]
    stage = min((upload.stage for upload in owners), key=STAGE_ORDER.index)
    held, already_sent = _rest_of_day(connection, family)
    return UploadStatus(
        upload_id=family[0].upload_id,
        status=api_status_of(stage),
        errors=list(dict.fromkeys(upload.error for upload in owners if upload.error)) or None,
        processed=_sum(upload.linked_quantity for upload in owners),
        total=_sum(upload.source_quantity for upload in owners),
        stage=stage,
        metrika_upload_ids=[str(upload.metrika_upload_id) for upload in family if upload.metrika_upload_id],
        held=held,
        already_sent=already_sent,
        goal_not_found=sum(upload.goal_not_found_quantity or 0 for upload in owners),
        user_not_found=sum(upload.user_not_found_quantity or 0 for upload in owners),
    )


def _sum(quantities: Iterable[int | None]) -> int | None:
    known = list(quantities)
    return None if None in known else sum(quantity or 0 for quantity in known)


def _rest_of_day(connection: Connection, family: list[Upload]) -> tuple[int, int]:
    """Held and already sent visits of the day this call was about; nothing for single conversions."""
    c, ids = conversions.c, [upload.upload_id for upload in family]
    query = select(c.day).where(c.upload_id.in_(ids), c.visit_id != 0).limit(1)
    day: dt.date | None = connection.execute(query).scalar()
    if day is None:
        return 0, 0
    first = family[0]
    origin = UploadOrigin(first.counter_id, first.target, first.kind, first.run_id, first.task_id, first.prepared_at)
    counts = count_day(connection, origin, day, ids)
    return counts.held, counts.already_sent
