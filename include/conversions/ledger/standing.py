"""The ledger of a day: what stands, what is withdrawn, what is held, what goes into which file.

Everything here happens in one transaction, beside the temporary table of candidates.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Select, func, select, text

from include.conversions.ledger.drafts import UploadOrigin, open_upload, seal_upload
from include.conversions.ledger.families import free_relative_id
from include.conversions.ledger.statements import statement
from include.conversions.ledger.uploads import Upload, change_upload, fail_upload, prepared_uploads, read_upload
from include.conversions.rules.file import rows_per_file
from include.conversions.rules.holding import MATCH_WINDOW_SECONDS
from include.conversions.rules.statuses import PLACED, REFUSED, UNSENT_STAGES
from include.state.tables import conversions

MANY_ROWS = 50_000  # added at once, they leave the planner with figures that no longer hold


@dataclass(frozen=True)
class DayCounts:
    """What became of the level 4+ visits of a day.

    Attributes:
        standing: level 4+ visits in the ledger.
        sent: in an upload of this run.
        already_sent: in an upload of an earlier run.
        held: in no upload that Metrika took.
        held_reasons: how many per reason.
        withdrawn: visits in the ledger that are no longer level 4+.
        withdrawn_sent: of them, in an upload that Metrika took.
        digest: digest of which visits stand and which are held; equal when nothing changed.
    """

    standing: int
    sent: int
    already_sent: int
    held: int
    held_reasons: Mapping[str, int]
    withdrawn: int
    withdrawn_sent: int
    digest: str


def lock_ledger(connection: Connection, counter_id: int, day: dt.date) -> None:
    """Let one transaction at a time decide about conversions of a counter-day.

    Args:
        connection: open transaction; its end frees the lock.
        counter_id: the counter.
        day: local day.
    """
    key = f"ledger:{counter_id}:{day.isoformat()}"
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def mark_withdrawn(connection: Connection, origin: UploadOrigin, day: dt.date) -> None:
    """Mark visits that are no longer among the candidates, unmark those that are back.

    Args:
        connection: the transaction with the candidates.
        origin: counter, target, kind.
        day: local day.
    """
    connection.execute(statement("mark_withdrawn"), _key(origin, day))
    connection.execute(statement("unmark_withdrawn"), _key(origin, day))


def hold_day(connection: Connection) -> None:
    """Hold every candidate that could be sent; what was or may have been sent before stays as it is.

    Args:
        connection: the transaction with the candidates.
    """
    connection.execute(statement("hold_day"))


def trim_unsent(
    connection: Connection, origin: UploadOrigin, day: dt.date, *, include_old: bool, is_blocked: bool
) -> None:
    """Take rows that must not be sent now out of files that were prepared but certainly never sent.

    Args:
        connection: the transaction with the candidates.
        origin: counter, target, now.
        day: local day.
        include_old: keep rows older than 21 days.
        is_blocked: take all visits out, because the day waits for a person.
    """
    oldest = 0.0 if include_old else origin.now.timestamp() - MATCH_WINDOW_SECONDS
    for upload in prepared_uploads(connection, origin.counter_id, target=origin.target, day=day):
        if upload.sent_at is not None:
            continue
        values = {"upload_id": upload.upload_id, "oldest_epoch": oldest, "is_blocked": is_blocked}
        released = connection.execute(statement("release_unsent"), {**values, "now": origin.now}).rowcount
        if released == upload.row_count:
            error = "Every visit of this file was withdrawn, became too old or was held before it was sent."
            fail_upload(connection, upload.upload_id, stage=REFUSED, error=error, now=origin.now)
        elif released:
            connection.execute(statement("renumber"), {"upload_id": upload.upload_id})
            seal_upload(connection, upload.upload_id)


def decide(connection: Connection, origin: UploadOrigin, day: dt.date, *, offset_seconds: int) -> int:
    """Compare the candidates with the ledger; hold what must be held.

    Args:
        connection: the transaction with the candidates.
        origin: what the decision belongs to.
        day: local day.
        offset_seconds: added to the time that is sent.

    Returns:
        How many conversions are to be placed into files.
    """
    values = {**_key(origin, day), "offset_seconds": offset_seconds, "now": origin.now}
    connection.execute(statement("decide"), {**_key(origin, day), "unsent_stages": list(UNSENT_STAGES)})
    connection.execute(text("ANALYZE decided"))
    connection.execute(statement("hold_new"), values)
    connection.execute(statement("hold_known"), values)
    return int(connection.execute(text("SELECT coalesce(max(position), 0) FROM decided")).scalar_one())


def place_files(
    connection: Connection,
    origin: UploadOrigin,
    day: dt.date,
    *,
    row_count: int,
    max_rows: int,
    offset_seconds: int,
    upload_id: str | None,
) -> list[Upload]:
    """Put the conversions that may be sent into files.

    Args:
        connection: the transaction with the decisions.
        origin: what the files belong to.
        day: local day.
        row_count: conversions to place.
        max_rows: most rows of one file.
        offset_seconds: added to the time that is sent.
        upload_id: id to give to the first file, unless it is taken; None for a new one.

    Returns:
        The uploads, prepared.
    """
    longest = connection.execute(text("SELECT coalesce(max(octet_length(identifier)), 0) FROM decided")).scalar_one()
    size = rows_per_file(origin.target, int(longest), max_rows)
    uploads: list[Upload] = []
    root = upload_id or str(uuid4())
    for first in range(1, row_count + 1, size):
        is_new = read_upload(connection, root) is None
        current = root if is_new else free_relative_id(connection, root)
        open_upload(connection, origin, current)
        values = {
            **_key(origin, day),
            "first": first,
            "last": min(first + size - 1, row_count),
            "upload_id": current,
            "offset_seconds": offset_seconds,
            "now": origin.now,
        }
        connection.execute(statement("place_new"), values)
        connection.execute(statement("place_known"), values)
        uploads.append(seal_upload(connection, current))
    if row_count > MANY_ROWS:
        connection.execute(text("ANALYZE conversions"))
    return uploads


def count_day(connection: Connection, origin: UploadOrigin, day: dt.date, sent_ids: Iterable[str]) -> DayCounts:
    """Count what the ledger says about a day.

    Args:
        connection: open connection.
        origin: counter, target, kind.
        day: local day.
        sent_ids: uploads that this run got into Metrika.

    Returns:
        The counts.
    """
    values = {**_key(origin, day), "unsent_stages": list(UNSENT_STAGES)}
    row = connection.execute(statement("count_day"), {**values, "upload_ids": list(sent_ids)}).one()
    reasons = connection.execute(statement("count_reasons"), values)
    return DayCounts(
        standing=row.standing_count,
        sent=row.sent_count,
        already_sent=row.already_sent_count,
        held=row.held_count,
        held_reasons={row.held_reason: row.held_count for row in reasons},
        withdrawn=row.withdrawn_count,
        withdrawn_sent=row.withdrawn_sent_count,
        digest=f"{int(row.digest_sum) % 2**128:032x}",
    )


def move_rows(connection: Connection, rows: Select[Any], upload_id: str) -> int:
    """Move conversions into another upload and number them.

    Args:
        connection: open transaction.
        rows: query of their ``conversion_id``.
        upload_id: the upload they go to.

    Returns:
        How many moved.
    """
    moved = connection.execute(
        conversions.update()
        .where(conversions.c.conversion_id.in_(rows))
        .values(upload_id=upload_id, stage=PLACED, held_reason="")
    ).rowcount
    connection.execute(statement("renumber"), {"upload_id": upload_id})
    return moved


def has_rows(connection: Connection, upload_id: str) -> bool:
    """Whether an upload still owns conversions; one whose rows all moved on is history.

    Args:
        connection: open connection.
        upload_id: the upload.

    Returns:
        True when at least one row points to it.
    """
    query = select(func.count()).select_from(
        select(conversions.c.conversion_id).where(conversions.c.upload_id == upload_id).limit(1).subquery()
    )
    return bool(connection.execute(query).scalar_one())


def begin_send(connection: Connection, upload_id: str, now: dt.datetime) -> Upload:
    """Note that a send is about to begin; from here on Metrika's list has to be asked before another one.

    Args:
        connection: open transaction.
        upload_id: the upload.
        now: aware instant.

    Returns:
        The upload after the change.
    """
    return change_upload(connection, upload_id, sent_at=now)


def _key(origin: UploadOrigin, day: dt.date) -> dict[str, Any]:
    return {
        "counter_id": origin.counter_id,
        "target": origin.target,
        "kind": origin.kind.value,
        "day": day,
    }
