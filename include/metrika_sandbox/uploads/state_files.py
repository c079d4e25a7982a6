"""What survives a restart of the sandbox: uploads and goals, in one folder."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import time
from pathlib import Path

from include.metrika_sandbox.behaviour.answers import Json
from include.metrika_sandbox.uploads.uploads import Upload

STATE_FILE = "sandbox-state.json"


class StateFiles:
    """The folder of the uploads.

    Args:
        folder: made when missing; kept when is_kept.
        is_kept: the folder is the user's; otherwise nothing is read from it.
    """

    def __init__(self, folder: Path, *, is_kept: bool) -> None:
        self.folder = folder
        self._is_kept = is_kept
        folder.mkdir(parents=True, exist_ok=True)

    def upload_file(self, upload_id: int) -> Path:
        """Where the CSV of an upload lies."""
        return self.folder / f"upload-{upload_id}.csv"

    def save(self, uploads: list[Upload], goals: dict[int, list[Json]]) -> None:
        """Write uploads and goals, whole or not at all.

        Args:
            uploads: every upload.
            goals: goals by counter.
        """
        if not self._is_kept:
            return
        records = [_record(upload) for upload in uploads]
        text = json.dumps({"uploads": records, "goals": {str(number): one for number, one in goals.items()}})
        partial = self.folder / f"{STATE_FILE}.new"
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, self.folder / STATE_FILE)

    def load(self, now: dt.datetime) -> tuple[list[Upload], dict[int, list[Json]]]:
        """Read what an earlier process wrote.

        Args:
            now: aware UTC, to go on with the age of each upload.

        Returns:
            Uploads and goals by counter; empty when there is nothing.
        """
        file = self.folder / STATE_FILE
        if not self._is_kept or not file.is_file():
            return [], {}
        saved = json.loads(file.read_text(encoding="utf-8"))
        uploads = [self._upload(record, now) for record in saved["uploads"]]
        return uploads, {int(number): goals for number, goals in saved["goals"].items()}

    def _upload(self, record: Json, now: dt.datetime) -> Upload:
        created_at = dt.datetime.fromisoformat(record["created_at"])
        age_seconds = max(0.0, (now - created_at).total_seconds())
        values = record | {
            "created_at": created_at,
            "file": self.upload_file(record["upload_id"]),
            "created_seconds": time.monotonic() - age_seconds,
        }
        return Upload(**values)


def _record(upload: Upload) -> Json:
    record = dataclasses.asdict(upload)
    del record["created_seconds"], record["file"]
    return record | {"created_at": upload.created_at.isoformat()}
