"""The conversion ledger of a day against its scores, and the uploaded files against the ledger."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select

from include.conversions.ledger.drafts import UploadOrigin, write_upload
from include.conversions.ledger.standing import count_day
from include.conversions.ledger.uploads import Upload, list_uploads
from include.conversions.rules.file import batch_comment
from include.conversions.rules.identifiers import IdentifierKind
from include.conversions.rules.statuses import FAILED_STAGES
from include.provenance.day_checks.findings import NOTHING, Checked, Finding
from include.state.manifest import StageRecord
from include.state.tables import conversion_uploads, conversions
from include.warehouse.client import Warehouse, quoted

if TYPE_CHECKING:
    import pandas as pd

STAGE = "upload"
LEDGER, UPLOADS = "conversions", "conversion_uploads"
ADVICE = "Restore the ledger from a backup; nothing may be sent for this day before."
_LEDGER_ROWS = """
SELECT visit_id::text, identifier, extract(epoch FROM event_at)::bigint, sent_epoch_seconds, stage, upload_id,
    line_number, is_withdrawn, held_reason
FROM conversions
WHERE counter_id = %s AND target = %s AND identifier_kind = %s AND day = %s AND visit_id <> 0"""
_EXPECTED = """
SELECT toString(visit_id) AS visit, toString(client_id) AS identifier, toInt64(toUnixTimestamp(started_at)) AS epoch
FROM {scores} WHERE counter_id = %(counter_id)s AND date = %(day)s AND is_level4 = 1"""


@dataclass(frozen=True)
class SentDay:
    """A day's part of the ledger, read in one snapshot.

    Attributes:
        rows: conversions of visits under the day's goal: visit, identifier, epoch, sent_epoch, stage, upload,
            line, withdrawn, reason.
        uploads: every upload that owns conversions of the day, whatever its goal.
        owned: conversions per upload.
        digest: digest of what stands, as the record of the upload has it.
        later: an upload of the day was prepared or refused after the record was written.
    """

    rows: pd.DataFrame
    uploads: tuple[Upload, ...]
    owned: dict[str, int]
    digest: str
    later: bool


def read_sent_day(connection: Connection, record: StageRecord) -> SentDay:
    """Read a day's part of the ledger.

    Args:
        connection: connection in one snapshot.
        record: the sealed record of the upload.

    Returns:
        Rows and uploads.
    """
    c = conversions.c
    of_day = (c.counter_id == record.counter_id, c.day == record.day)
    owned = {
        str(upload_id): int(count)
        for upload_id, count in connection.execute(
            select(c.upload_id, func.count()).where(*of_day, c.upload_id.is_not(None)).group_by(c.upload_id)
        )
    }
    query = select(conversion_uploads).where(conversion_uploads.c.upload_id.in_(list(owned)))
    uploads = tuple(list_uploads(connection, query))
    origin = _origin(record)
    counts = count_day(connection, origin, record.day, [])
    later = any(
        one.prepared_at > record.finished_at
        or (one.stage in FAILED_STAGES and (one.finished_at or one.prepared_at) > record.finished_at)
        for one in uploads
    )
    return SentDay(_rows(connection, record), uploads, owned, counts.digest, later)


def _origin(record: StageRecord) -> UploadOrigin:
    kind = record.details.get("parameters", {}).get("identifier_kind", IdentifierKind.CLIENT_ID.value)
    goal = str(record.details["target"])
    return UploadOrigin(record.counter_id, goal, IdentifierKind(kind), record.run_id, "", record.finished_at)


def _rows(connection: Connection, record: StageRecord) -> pd.DataFrame:
    """Copied as a whole: a large day has hundreds of thousands of them."""
    import pandas as pd

    origin = _origin(record)
    names = ["visit", "identifier", "epoch", "sent_epoch", "stage", "upload", "line", "withdrawn", "reason"]
    cursor = connection.connection.cursor()
    values = (record.counter_id, origin.target, origin.kind.value, record.day)
    query = cursor.mogrify(_LEDGER_ROWS, values).decode()
    with TemporaryFile() as file:
        cursor.copy_expert(f"COPY ({query}) TO STDOUT WITH (FORMAT csv)", file)
        file.seek(0)
        numbers = {"epoch": "int64", "sent_epoch": "int64"}
        kinds = {name: numbers.get(name, "str") for name in names}
        rows = pd.read_csv(file, names=names, dtype=kinds, keep_default_na=False)
    return rows.assign(withdrawn=rows["withdrawn"] == "t")


def check_ledger(warehouse: Warehouse, record: StageRecord, sent: SentDay, *, scores_table: str) -> Checked:
    """Compare the ledger with the level 4+ visits, each of which must stand exactly once.

    Args:
        warehouse: the warehouse.
        record: the sealed record of the upload.
        sent: the ledger of the day.
        scores_table: table with the day's scores.

    Returns:
        The findings; a difference nobody can name is told as one of the whole day.
    """
    values = {"counter_id": record.counter_id, "day": record.day}
    expected = warehouse.frame(_EXPECTED.format(scores=quoted(scores_table)), values)
    found = [*_standing(sent.rows, expected), *_lines(sent.rows)]
    if not found and sent.digest != record.digest and not sent.later:
        found = list(_reasons(record, sent))
    return Checked.of(found)


def _standing(rows: pd.DataFrame, expected: pd.DataFrame) -> Iterator[Finding]:
    import pandas as pd

    if expected.empty:
        expected = pd.DataFrame({"visit": [], "identifier": [], "epoch": []}, dtype=object)
    standing = rows[~rows["withdrawn"].astype(bool)]
    twice = standing["visit"].duplicated(keep="first")
    for visit in standing.loc[twice, "visit"].unique():
        yield _found(visit, "", "several rows", "one row")
    both = standing[~twice].merge(expected, on="visit", how="outer", suffixes=("", "_due"), indicator="side")
    differs = (both["identifier"] != both["identifier_due"]) | (both["epoch"] != both["epoch_due"])
    for row in both[differs | (both["side"] != "both")].sort_values("visit").itertuples(index=False):
        yield from _one_visit(row, rows)


def _one_visit(row: Any, rows: pd.DataFrame) -> Iterator[Finding]:
    if row.side == "left_only":
        yield _found(row.visit, "is_withdrawn", "false", "true, for the visit is not level 4+")
    elif row.side == "right_only":
        is_there = (rows["visit"] == row.visit) & (rows["identifier"] == row.identifier_due)
        if bool(is_there.any()):
            yield _found(row.visit, "is_withdrawn", "true", "false, for the visit is level 4+")
        else:
            yield _found(row.visit, "", "no row", "one row")
    else:
        if row.identifier != row.identifier_due:
            yield _found(row.visit, "identifier", row.identifier, row.identifier_due)
        if row.epoch != row.epoch_due:
            yield _found(row.visit, "event_at", _instant(row.epoch), _instant(row.epoch_due))


def _lines(rows: pd.DataFrame) -> Iterator[Finding]:
    """Within one file every row is sent with the same offset after its visit."""
    placed = rows[rows["upload"] != ""]
    offsets = placed["sent_epoch"] - placed["epoch"]
    for upload, own in offsets.groupby(placed["upload"]):
        usual = int(own.mode().iloc[0])
        for at in own.index[own != usual]:
            row = rows.loc[at]
            due = int(row["epoch"]) + usual
            yield _found(row["visit"], "sent_epoch_seconds", str(row["sent_epoch"]), f"{due} as in upload {upload}")


def _reasons(record: StageRecord, sent: SentDay) -> Iterator[Finding]:
    standing = sent.rows[~sent.rows["withdrawn"].astype(bool) & (sent.rows["reason"] != "")]
    counted = standing["reason"].value_counts().to_dict()
    noted = dict(record.details.get("held_reasons", {}))
    for reason in sorted({*counted, *noted}):
        if counted.get(reason, 0) != noted.get(reason, 0):
            row = f"visits held because of {reason}"
            yield Finding(
                STAGE,
                LEDGER,
                row,
                "held_reason",
                f"{counted.get(reason, 0)} rows",
                f"{noted.get(reason, 0)} rows",
                ADVICE,
            )
    if counted == noted:
        yield Finding(STAGE, LEDGER, "", "held_reason", "other rows", "the rows with the recorded digest", ADVICE)


def check_files(connection: Connection, record: StageRecord, sent: SentDay, *, ledger_holds: bool) -> Checked:
    """Write every uploaded file again from the ledger and compare its digest.

    Args:
        connection: connection in one snapshot.
        record: the sealed record of the upload.
        sent: the ledger of the day.
        ledger_holds: no row of the ledger was found changed; otherwise those rows explain other files.

    Returns:
        The findings.
    """
    sealed = dict(record.details.get("files", {}))
    found = NOTHING
    for upload in sent.uploads:
        moved_on = upload.stage in FAILED_STAGES and sent.owned[upload.upload_id] != upload.row_count
        if not moved_on:
            found += Checked.of(_one_file(connection, upload, sealed.get(upload.upload_id), ledger_holds))
    return found


def _one_file(connection: Connection, upload: Upload, sealed: str | None, ledger_holds: bool) -> Iterator[Finding]:
    facts, name = write_upload(connection, upload, None), f"upload {upload.upload_id}"
    digest = sealed or (facts.sha256 if ledger_holds else upload.file_sha256)
    if upload.file_sha256 != digest:
        yield Finding(STAGE, UPLOADS, name, "file_sha256", upload.file_sha256, digest, ADVICE)
    elif facts.sha256 != digest and ledger_holds:
        yield Finding(STAGE, LEDGER, f"rows of {name}", "", f"file {facts.sha256}", f"file {digest}", ADVICE)
    if facts.row_count != upload.row_count and ledger_holds:
        yield Finding(STAGE, UPLOADS, name, "row_count", str(upload.row_count), str(facts.row_count), ADVICE)
    comment = batch_comment(upload.counter_id, upload.target, upload.kind, digest, upload.attempt)
    if upload.comment != comment:
        yield Finding(STAGE, UPLOADS, name, "comment", upload.comment, comment, ADVICE)


def _found(visit: str, column: str, stored: str, derived: str) -> Finding:
    return Finding(STAGE, LEDGER, f"visit {visit}", column, stored, derived, ADVICE)


def _instant(epoch: float) -> str:
    return dt.datetime.fromtimestamp(int(epoch), dt.UTC).isoformat()
