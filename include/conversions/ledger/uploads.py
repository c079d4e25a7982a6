"""Store functions of uploads: one row per file ever prepared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, cast

from sqlalchemy import Connection, Row, Select, func, select, update

from include.conversions.rules.identifiers import IdentifierKind
from include.conversions.rules.statuses import FOLLOWED_STAGES, PREPARED
from include.state.tables import conversion_uploads, conversions


@dataclass(frozen=True)
class Upload:
    """One file, from preparation to its end at Metrika; fields as in table ``conversion_uploads``.

    Attributes:
        upload_id: our id.
        stage: prepared, uploaded, processing, unknown, done, failed_linkage, refused or goal_not_found.
        sent_at: when a send was last begun; None when nothing can have reached Metrika.
        finished_at: when it came to its end; None while it is followed.
    """

    upload_id: str
    counter_id: int
    target: str
    identifier_kind: str
    comment: str
    file_sha256: str
    row_count: int
    stage: str
    attempt: int
    metrika_upload_id: int | None
    metrika_status: str
    source_quantity: int | None
    line_quantity: int | None
    linked_quantity: int | None
    goal_not_found_quantity: int | None
    user_not_found_quantity: int | None
    error: str | None
    run_id: str
    task_id: str
    prepared_at: dt.datetime
    sent_at: dt.datetime | None
    checked_at: dt.datetime | None
    finished_at: dt.datetime | None

    @property
    def kind(self) -> IdentifierKind:
        """Kind of identifier of every row."""
        return IdentifierKind(self.identifier_kind)


def _upload_of(row: Row[Any]) -> Upload:
    values = row._mapping
    return Upload(**{field.name: values[field.name] for field in fields(Upload)})


def change_upload(connection: Connection, upload_id: str, **values: Any) -> Upload:
    """Change an upload; its conversions share its stage without being touched.

    Args:
        connection: open transaction.
        upload_id: the upload.
        values: columns to set.

    Returns:
        The upload after the change.
    """
    statement = update(conversion_uploads).where(conversion_uploads.c.upload_id == upload_id)
    return _upload_of(connection.execute(statement.values(**values).returning(conversion_uploads)).one())


def fail_upload(
    connection: Connection, upload_id: str, *, stage: str, error: str, now: dt.datetime, metrika_status: str = ""
) -> Upload:
    """End an upload that Metrika did not take; its conversions may be sent again later.

    Args:
        connection: open transaction.
        upload_id: the upload.
        stage: ``refused`` or ``goal_not_found``; becomes the held reason of its rows.
        error: one sentence for people.
        now: aware instant.
        metrika_status: last status word, when there was one.

    Returns:
        The upload after the change.
    """
    values = {"stage": stage, "error": error, "finished_at": now, "checked_at": now, "metrika_status": metrika_status}
    upload = change_upload(connection, upload_id, **values)
    rows = update(conversions).where(conversions.c.upload_id == upload_id)
    connection.execute(rows.values(stage=stage, held_reason=stage))
    return upload


def read_upload(connection: Connection, upload_id: str) -> Upload | None:
    """Read one upload.

    Args:
        connection: open connection.
        upload_id: our id.

    Returns:
        The upload, or None.
    """
    found = read_uploads(connection, [upload_id])
    return found[0] if found else None


def read_uploads(connection: Connection, upload_ids: Iterable[str]) -> list[Upload]:
    """Read some uploads.

    Args:
        connection: open connection.
        upload_ids: our ids; unknown ones are left out.

    Returns:
        The uploads, oldest first.
    """
    query = select(conversion_uploads).where(conversion_uploads.c.upload_id.in_(list(upload_ids)))
    return list_uploads(connection, query)


def prepared_uploads(
    connection: Connection, counter_id: int, *, target: str | None = None, day: dt.date | None = None
) -> list[Upload]:
    """Uploads that wait to be sent, or whose sending was interrupted.

    Args:
        connection: open connection.
        counter_id: the counter.
        target: only of this goal.
        day: only with conversions of this local day.

    Returns:
        The uploads, oldest first.
    """
    u, c = conversion_uploads.c, conversions.c
    query = select(conversion_uploads).where(u.counter_id == counter_id, u.stage == PREPARED)
    if target is not None:
        query = query.where(u.target == target)
    if day is not None:
        query = query.where(select(c.upload_id).where(c.upload_id == u.upload_id, c.day == day).exists())
    return list_uploads(connection, query)


def followed_uploads(connection: Connection, counter_ids: Iterable[int]) -> list[Upload]:
    """Uploads that Metrika has and has not finished.

    Args:
        connection: open connection.
        counter_ids: the counters.

    Returns:
        The uploads, oldest first.
    """
    u = conversion_uploads.c
    query = select(conversion_uploads).where(
        u.counter_id.in_(list(counter_ids)), u.finished_at.is_(None), u.stage.in_(FOLLOWED_STAGES)
    )
    return list_uploads(connection, query)


def list_uploads(connection: Connection, query: Select[Any]) -> list[Upload]:
    """Run a query for uploads.

    Args:
        connection: open connection.
        query: selects whole rows of ``conversion_uploads``.

    Returns:
        The uploads, oldest first.
    """
    ordered = query.order_by(conversion_uploads.c.prepared_at, conversion_uploads.c.upload_id)
    return [_upload_of(row) for row in connection.execute(ordered)]


def day_of(connection: Connection, upload_id: str) -> dt.date | None:
    """Local day of an upload's conversions; a file never mixes days.

    Args:
        connection: open connection.
        upload_id: the upload.

    Returns:
        The day, or None when all its rows have moved to another upload.
    """
    query = select(func.min(conversions.c.day)).where(conversions.c.upload_id == upload_id)
    return cast("dt.date | None", connection.execute(query).scalar())
