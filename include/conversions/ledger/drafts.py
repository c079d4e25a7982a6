"""Preparing an upload: its row, its comment, and the bytes of its file, all from the ledger."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from sqlalchemy import Connection, func, insert, or_, select

from include.conversions.ledger.uploads import Upload, change_upload, read_upload
from include.conversions.rules.file import FileFacts, FileRow, batch_comment, write_file
from include.conversions.rules.identifiers import IdentifierKind
from include.conversions.rules.statuses import PREPARED
from include.days import utc_now
from include.state.tables import conversion_uploads, conversions

READ_ROWS = 10_000  # rows fetched from the server at a time


@dataclass(frozen=True)
class UploadOrigin:
    """What all files of one call have in common.

    Attributes:
        counter_id: the counter.
        target: goal identifier.
        kind: kind of identifier.
        run_id: the run that prepares them.
        task_id: API task they belong to, or an empty text.
        now: aware instant of the decision.
    """

    counter_id: int
    target: str
    kind: IdentifierKind
    run_id: str
    task_id: str
    now: dt.datetime


def open_upload(connection: Connection, origin: UploadOrigin, upload_id: str) -> None:
    """Add an upload whose rows follow in the same transaction; :func:`seal_upload` completes it.

    Args:
        connection: open transaction.
        origin: what it belongs to.
        upload_id: its id.
    """
    connection.execute(
        insert(conversion_uploads).values(
            upload_id=upload_id,
            counter_id=origin.counter_id,
            target=origin.target,
            identifier_kind=origin.kind.value,
            comment=upload_id,
            file_sha256="",
            row_count=0,
            stage=PREPARED,
            run_id=origin.run_id,
            task_id=origin.task_id,
            prepared_at=utc_now(),  # not origin.now: files of one call keep their order
        )
    )


def seal_upload(connection: Connection, upload_id: str) -> Upload:
    """Take the digest of the file that the upload's rows make, and give it its comment.

    The comment carries the first attempt number that no earlier upload of the same bytes has used.

    Args:
        connection: the transaction that placed the rows.
        upload_id: the upload.

    Returns:
        The upload, ready to be sent.
    """
    upload = read_upload(connection, upload_id)
    if upload is None:
        raise LookupError(f"upload {upload_id} is not in the ledger")
    facts = write_upload(connection, upload, None)
    attempt = 0
    taken: object = True
    while taken:
        attempt += 1
        comment = batch_comment(upload.counter_id, upload.target, upload.kind, facts.sha256, attempt)
        query = select(conversion_uploads.c.upload_id).where(
            conversion_uploads.c.comment == comment, conversion_uploads.c.upload_id != upload_id
        )
        taken = connection.execute(query).scalar()
    values = {"comment": comment, "attempt": attempt, "file_sha256": facts.sha256, "row_count": facts.row_count}
    return change_upload(connection, upload_id, **values)


def write_upload(connection: Connection, upload: Upload, stream: IO[bytes] | None) -> FileFacts:
    """Write an upload's file from the ledger; the same rows give the same bytes.

    Args:
        connection: open connection.
        upload: the upload.
        stream: binary stream; None only takes the digest.

    Returns:
        Digest, size and row count.
    """
    has_money = or_(conversions.c.price.is_not(None), conversions.c.currency != "")
    query = select(func.coalesce(func.bool_or(has_money), False)).where(conversions.c.upload_id == upload.upload_id)
    with_money = bool(connection.execute(query).scalar())
    rows = _iter_rows(connection, upload.upload_id)
    return write_file(stream, upload.kind, upload.target, rows, with_money=with_money)


def _iter_rows(connection: Connection, upload_id: str) -> Iterator[FileRow]:
    c = conversions.c
    query = (
        select(c.identifier, c.sent_epoch_seconds, c.price, c.currency)
        .where(c.upload_id == upload_id)
        .order_by(c.line_number)
    )
    with connection.execute(query, execution_options={"yield_per": READ_ROWS}) as rows:
        for identifier, epoch, price, currency in rows:
            yield FileRow(identifier, epoch, price, currency)
