"""One uploaded file of conversions: its rows, its status by time, its JSON."""

from __future__ import annotations

import csv
import datetime as dt
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from include.metrika_sandbox.behaviour.answers import Json, refusal
from include.metrika_sandbox.uploads.linkage import KINDS, Conversion

STATUSES = ("PREPARED", "UPLOADED", "EXPORTED", "MATCHED")
PROCESSED, LINKAGE_FAILURE = "PROCESSED", "LINKAGE_FAILURE"
PRICE = re.compile(r"\d+(\.\d+)?")
EPOCH = re.compile(r"\d{1,11}")
REQUIRED_COLUMNS = ("Target", "DateTime")


@dataclass
class Upload:
    """One uploaded file.

    Attributes:
        upload_id: its number.
        counter_id: the counter.
        comment: as sent; the client's batch token.
        kind: BASIC, CALLS or CHATS.
        client_id_type: as sent, or CLIENT_ID.
        created_at: aware UTC.
        file: the CSV as received.
        source_count: rows of the file.
        line_count: rows that passed the checks.
        fails: ends as LINKAGE_FAILURE whatever it holds.
        linked_count: rows whose visit was found; true once is_linked.
        goal_missing_count: rows whose target is no goal.
        user_missing_count: rows without a visit.
        is_linked: linking is over.
        created_seconds: monotonic time of arrival.
    """

    upload_id: int
    counter_id: int
    comment: str
    kind: str
    client_id_type: str
    created_at: dt.datetime
    file: Path
    source_count: int
    line_count: int
    fails: bool = False
    linked_count: int = 0
    goal_missing_count: int = 0
    user_missing_count: int = 0
    is_linked: bool = False
    created_seconds: float = field(default_factory=time.monotonic)

    def status(self, total_seconds: float) -> str:
        """The status now.

        Args:
            total_seconds: time from PREPARED to the final status.

        Returns:
            The word; it moves on with time and ends only after linking.
        """
        waited = time.monotonic() - self.created_seconds
        step = len(STATUSES) if total_seconds <= 0 else int(waited / total_seconds * len(STATUSES))
        if step < len(STATUSES) or not self.is_linked:
            return STATUSES[min(step, len(STATUSES) - 1)]
        return PROCESSED if self.linked_count else LINKAGE_FAILURE

    def rows(self) -> list[dict[str, str]]:
        """The rows as received, by column name."""
        return list(iter_rows(self.file))

    def as_json(self, status: str, *, has_newer_quantities: bool) -> Json:
        """The ``uploading`` object of the API."""
        is_final = status in (PROCESSED, LINKAGE_FAILURE)
        shown: Json = {
            "id": self.upload_id,
            "create_time": self.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "source_quantity": self.source_count,
            "line_quantity": self.line_count,
            "comment": self.comment,
            "client_id_type": self.client_id_type,
            "status": status,
        }
        if has_newer_quantities:
            shown |= {
                "type": self.kind,
                "goal_not_found_quantity": self.goal_missing_count if is_final else 0,
                "user_not_found_quantity": self.user_missing_count if is_final else 0,
                "linked_quantity": self.linked_count if is_final else 0,
            }
        return shown


def iter_rows(file: Path) -> Iterator[dict[str, str]]:
    """Read the rows of an upload.

    Args:
        file: the CSV as received.

    Yields:
        Rows by column name.

    Raises:
        SourceRejected: not UTF-8, or the first line lacks a required column.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, restval="")
            names = set(reader.fieldnames or ())
            if not names.issuperset(REQUIRED_COLUMNS) or not names & set(KINDS):
                raise refusal(
                    400, "invalid_uploading", "The first line must name an identifier, Target and DateTime.", "file"
                )
            for row in reader:
                row.pop(None, None)
                yield row
    except (UnicodeDecodeError, csv.Error) as error:
        raise refusal(400, "invalid_uploading", f"The file cannot be read: {error}.", "file") from None


def read_conversion(row: dict[str, str], now_epoch: int) -> Conversion | None:
    """Check one row.

    Args:
        row: fields by column name.
        now_epoch: Unix seconds of the upload; conversions lie strictly before.

    Returns:
        The conversion, or None when the row does not pass.
    """
    kind = next((name for name in KINDS if row.get(name)), "")
    time_text, price = row["DateTime"], row.get("Price", "")
    is_sound = kind and row["Target"] and EPOCH.fullmatch(time_text) and (not price or PRICE.fullmatch(price))
    if not is_sound or int(time_text) >= now_epoch:
        return None
    return Conversion(kind, row[kind], row["Target"], int(time_text))
