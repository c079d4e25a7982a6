"""The list of level 4+ visits: a file per counter and day, and pages for the API."""

from __future__ import annotations

import datetime as dt
import filecmp
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from include.errors import InputError
from include.failpoints import failpoint
from include.visits.tables import VISIT_SCORES
from include.warehouse.client import Warehouse, quoted

MAX_PAGE = 1000
DEFAULT_PAGE = 100

# Ordered by the text people see: in the hour that clocks repeat, instants are ordered otherwise.
_LEVEL4 = """
SELECT visit_id, toString(visit_id) AS visit, toString(client_id) AS client,
    toString(started_at, %(zone)s) AS started, duration_seconds
FROM {scores}
WHERE counter_id = %(counter_id)s AND date = %(day)s AND is_level4 = 1
ORDER BY started, visit_id"""


def export_path(exports_dir: Path, counter_id: int, day: dt.date) -> Path:
    """Where a day's list lies; each counter has a folder, so that two never share a file.

    Args:
        exports_dir: folder of exports.
        counter_id: the counter.
        day: the day.

    Returns:
        ``<exports_dir>/<counter_id>/level4_visits_<DATE>.json``.
    """
    return exports_dir / str(counter_id) / f"level4_visits_{day.isoformat()}.json"


def write_export(
    warehouse: Warehouse,
    exports_dir: Path,
    *,
    counter_id: int,
    day: dt.date,
    zone: ZoneInfo,
    scores_table: str = VISIT_SCORES.name,
) -> Path:
    """Write the list of a scored day; an equal file is left untouched.

    Args:
        warehouse: the warehouse.
        exports_dir: folder of exports; made when missing.
        counter_id: the counter.
        day: a scored day.
        zone: the counter's zone.
        scores_table: table of scores to read.

    Returns:
        The file.

    Raises:
        InputError: the folder cannot be written.
        StoreUnavailable: ClickHouse cannot be reached.
    """
    path = export_path(exports_dir, counter_id, day)
    temporary = path.with_name(f".{path.name}.tmp")  # one name: the day's lock keeps others out, a retry reuses it
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            visits = iter_level4(warehouse, counter_id=counter_id, day=day, zone=zone, scores_table=scores_table)
            _write(temporary, visits)
            failpoint("score.export_written")
            if not (path.is_file() and filecmp.cmp(temporary, path, shallow=False)):
                os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"The list of {day} cannot be written to {path} ({error.strerror}); make the folder writable and "
            "run score again.",
            code="export_not_writable",
        ) from None
    return path


def iter_level4(
    warehouse: Warehouse,
    *,
    counter_id: int,
    day: dt.date,
    zone: ZoneInfo,
    limit: int | None = None,
    offset: int = 0,
    scores_table: str = VISIT_SCORES.name,
) -> Iterator[dict[str, Any]]:
    """Read the level 4+ visits of a day, ordered by local start, then visit id.

    Args:
        warehouse: the warehouse.
        counter_id: the counter.
        day: the day.
        zone: the counter's zone.
        limit: most visits to read; None for all.
        offset: visits to pass over.
        scores_table: table of scores to read.

    Yields:
        ``visitId`` and ``clientId`` as text, ``dateTime`` counter-local, ``visitDuration`` in seconds.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    page = "" if limit is None else "\nLIMIT %(limit)s OFFSET %(offset)s"
    values = {"counter_id": counter_id, "day": day, "zone": zone.key, "limit": limit, "offset": offset}
    for block in warehouse.iter_frames(_LEVEL4.format(scores=quoted(scores_table)) + page, values):
        columns = (block[name].tolist() for name in ("visit", "client", "started", "duration_seconds"))
        for visit, client, started, duration in zip(*columns, strict=True):
            yield {"visitId": visit, "clientId": client, "dateTime": started, "visitDuration": int(duration)}


def read_level4_page(
    warehouse: Warehouse,
    *,
    counter_id: int,
    day: dt.date,
    zone: ZoneInfo,
    limit: int = DEFAULT_PAGE,
    offset: int = 0,
) -> dict[str, Any]:
    """Read one page of the level 4+ visits of a day.

    Args:
        warehouse: the warehouse.
        counter_id: the counter.
        day: the day.
        zone: the counter's zone.
        limit: most visits on the page, 1-1000.
        offset: visits before the page, 0 or more.

    Returns:
        ``data`` (as :func:`iter_level4`) and ``pagination`` with total, limit, offset, has_more.

    Raises:
        InputError: limit or offset out of range.
        StoreUnavailable: ClickHouse cannot be reached.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise InputError(f"limit is {limit}; give 1 to {MAX_PAGE}.", code="out_of_range", pointer="/limit")
    if offset < 0:
        raise InputError(f"offset is {offset}; give 0 or more.", code="out_of_range", pointer="/offset")
    total = int(
        warehouse.scalar(
            f"SELECT count() FROM {VISIT_SCORES.name} "
            "WHERE counter_id = %(counter_id)s AND date = %(day)s AND is_level4 = 1",
            {"counter_id": counter_id, "day": day},
        )
    )
    data = list(iter_level4(warehouse, counter_id=counter_id, day=day, zone=zone, limit=limit, offset=offset))
    has_more = offset + len(data) < total
    return {"data": data, "pagination": {"total": total, "limit": limit, "offset": offset, "has_more": has_more}}


def _write(path: Path, visits: Iterator[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        separator = "[\n  "
        for visit in visits:
            file.write(separator + json.dumps(visit))
            separator = ",\n  "
        file.write("[]\n" if separator.startswith("[") else "\n]\n")
        file.flush()
        os.fsync(file.fileno())


def drop_old_exports(exports_dir: Path, keep_days: int) -> int:
    """Delete exported lists that nobody has written for a long time.

    Args:
        exports_dir: folder of exports.
        keep_days: age in days from which a file goes.

    Returns:
        How many files were deleted.
    """
    limit = time.time() - keep_days * 86_400
    old = [path for path in exports_dir.glob("*/level4_visits_*.json") if path.stat().st_mtime < limit]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)
