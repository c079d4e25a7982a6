"""Uploaded files rebuilt from the ledger: bytes, lines, comments."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select

from include.conversions.ledger.drafts import write_upload
from include.conversions.ledger.families import family_of
from include.conversions.ledger.uploads import Upload
from include.conversions.rules.statuses import FAILED_STAGES
from include.provenance.passport.cases import Evidence
from include.state.engine import reachable
from include.state.tables import conversions


@dataclass(frozen=True)
class FileAgain:
    """A file as the ledger would write it now.

    Attributes:
        row_count: rows that are in it now.
        file_sha256: digest of its bytes; None when rows have left it for another upload, so that it cannot be rebuilt.
        offset_seconds: seconds between event and sent time that most of its rows share.
        lines: line by conversion id, counted anew, for the rows asked about.
    """

    row_count: int
    file_sha256: str | None
    offset_seconds: int
    lines: Mapping[str, int]


def rebuild_files(state: Engine, evidences: Iterable[Evidence]) -> dict[str, FileAgain]:
    """Rebuild the files that some rows are in; nothing is stored.

    Args:
        state: the state engine.
        evidences: the rows; those outside any file are passed over.

    Returns:
        By upload id.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    uploads: dict[str, Upload] = {}
    asked: dict[str, list[str]] = {}
    for one in evidences:
        if one.upload is not None and one.row is not None:
            uploads[one.upload.upload_id] = one.upload
            asked.setdefault(one.upload.upload_id, []).append(one.row.conversion_id)
    with reachable(state), state.connect() as connection:
        return {name: _rebuild(connection, upload, asked[name]) for name, upload in uploads.items()}


def _rebuild(connection: Connection, upload: Upload, conversion_ids: Sequence[str]) -> FileAgain:
    row = _summary(connection, upload.upload_id)
    if row.row_count != upload.row_count and _has_moved_on(connection, upload):
        return FileAgain(row.row_count, None, int(row.offset_seconds or 0), {})
    facts = write_upload(connection, upload, None)
    lines = _lines(connection, upload.upload_id, conversion_ids)
    return FileAgain(row.row_count, facts.sha256, int(row.offset_seconds or 0), lines)


def _lines(connection: Connection, upload_id: str, conversion_ids: Sequence[str]) -> dict[str, int]:
    """Lines counted anew: rows in front of each, plus one."""
    c = conversions.c
    lines = select(c.line_number).where(c.upload_id == upload_id, c.line_number.is_not(None)).order_by(c.line_number)
    in_order = list(connection.execute(lines).scalars())
    query = select(c.conversion_id, c.line_number).where(c.conversion_id.in_(list(conversion_ids)))
    return {
        name: len(in_order) + 1 if line is None else bisect_left(in_order, line) + 1
        for name, line in connection.execute(query)
    }


def _summary(connection: Connection, upload_id: str) -> Row[Any]:
    c = conversions.c
    offset = c.sent_epoch_seconds - func.extract("epoch", c.event_at)
    query = select(func.count().label("row_count"), func.mode().within_group(offset).label("offset_seconds")).where(
        c.upload_id == upload_id
    )
    return connection.execute(query).one()


def _has_moved_on(connection: Connection, upload: Upload) -> bool:
    """Rows of a failed file may go to another upload; the rest no longer makes the file that was sent."""
    return upload.stage in FAILED_STAGES or len(family_of(connection, upload.upload_id)) > 1
