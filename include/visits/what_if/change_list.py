"""The visits that change, as a CSV file for spreadsheets or as the first few for a screen."""

from __future__ import annotations

import csv
import datetime as dt
import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from include.csv_cells import safe_cell
from include.errors import InputError
from include.visits.what_if.comparing import device_name
from include.visits.what_if.value import CENTS

if TYPE_CHECKING:
    import pandas as pd

ChangeSink = Callable[[Mapping[str, Any]], None]
"""Called with each changed visit, in order: a row with the keys ``COLUMNS``."""

COLUMNS = (
    "counter_id", "day", "visit_id", "client_id", "started_at", "device", "change", "old_reason", "new_reason",
    "old_score", "new_score", "old_threshold", "new_threshold", "old_version", "new_version", "value", "conversion",
)  # fmt: skip


def iter_rows(counter_id: int, zone: ZoneInfo, day: dt.date, block: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Turn a block of changed visits into rows for people.

    Args:
        counter_id: the counter.
        zone: its zone, for the local start.
        day: the day.
        block: from :func:`include.visits.what_if.comparing.iter_changes`.

    Yields:
        A row with the keys ``COLUMNS``: ids as text, absent scores and an unknown value as None.
    """
    for row in block.to_dict("records"):
        started = dt.datetime.fromtimestamp(int(row["epoch"]), zone)
        yield {
            "counter_id": counter_id,
            "day": day.isoformat(),
            "visit_id": str(row["visit_id"]),
            "client_id": str(row["client"]),
            "started_at": started.isoformat(sep=" "),
            "device": device_name(row["device"]),
            **{name: row[name] for name in ("change", "old_reason", "new_reason")},
            **{name: _number(row[name]) for name in ("old_score", "new_score", "old_threshold", "new_threshold")},
            **{name: row[name] for name in ("old_version", "new_version")},
            "value": None if math.isnan(row["cents"]) else int(row["cents"]) / CENTS,
            "conversion": row["conversion"],
        }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


@contextmanager
def change_file(path: Path) -> Iterator[ChangeSink]:
    """Write changed visits into a CSV file, whole or not at all.

    Args:
        path: the file; one that exists is replaced at the end.

    Yields:
        Called with each row.

    Raises:
        InputError: the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            with temporary.open("w", encoding="utf-8", newline="") as stream:
                writer = csv.DictWriter(stream, COLUMNS)
                writer.writeheader()

                def write(row: Mapping[str, Any]) -> None:
                    """Write one row."""
                    writer.writerow({name: safe_cell(row[name]) for name in COLUMNS})

                yield write
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"The list cannot be written to {path} ({error.strerror}); name a file in a folder you may write to.",
            code="list_not_writable",
            pointer="/list",
        ) from None
