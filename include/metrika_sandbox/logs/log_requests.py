"""Log requests: their life from created to cleaned, and the preparation of their parts."""

from __future__ import annotations

import datetime as dt
import logging
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from include.metrika_sandbox.behaviour.faults import Faults
from include.metrika_sandbox.columns.dialect import Dialect
from include.metrika_sandbox.columns.fields import field_type
from include.metrika_sandbox.logs.garbage import spoil_rows
from include.metrika_sandbox.logs.spool import PartFile, PartWriter
from include.metrika_sandbox.traffic.source import Edits, TrafficSource
from include.metrika_sandbox.visitors.zones import day_number

logger = logging.getLogger(__name__)

CREATED, PROCESSED, AWAITING_RETRY = "created", "processed", "awaiting_retry"
PROCESSING_FAILED, CANCELED, CLEANED_BY_USER = "processing_failed", "canceled", "cleaned_by_user"
UNKNOWN_WORD = "being_weighed"  # a status that no page names
FAILING_PATHS = frozenset({PROCESSING_FAILED, CANCELED, "cleaned_automatically_as_too_old", "unknown"})
SPREAD_OF_PARTS = 0.97  # estimated rows are cut a little, so that the last part is never missing


@dataclass
class LogRequest:
    """One log request.

    Attributes:
        request_id: its number.
        counter_id, login: whose it is.
        source: visits or hits.
        date1, date2: local days, both included.
        fields: requested names in order.
        attribution: upper-case word.
        faults: switches in force when it was created.
        edits: late edits the log shows.
        queue_seconds: time it stays in the queue.
        folder: where its parts are.
        path: what it becomes.
        created_seconds: monotonic time of creation.
        final_status: status set by a client's clean or cancel; empty before.
        parts: prepared parts, None until ready.
        rows_by_date, spoiled: rows and broken rows of the prepared log.
    """

    request_id: int
    counter_id: int
    login: str
    source: str
    date1: dt.date
    date2: dt.date
    fields: tuple[str, ...]
    attribution: str
    faults: Faults
    edits: Edits
    queue_seconds: float
    folder: Path
    path: str = PROCESSED
    created_seconds: float = field(default_factory=time.monotonic)
    final_status: str = ""
    parts: list[PartFile] | None = None
    rows_by_date: Counter[str] = field(default_factory=Counter)
    spoiled: Counter[str] = field(default_factory=Counter)
    has_failed: bool = False
    downloads: Counter[int] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def status(self) -> str:
        """The status as a client sees it now."""
        if self.final_status:
            return self.final_status
        waited = time.monotonic() - self.created_seconds
        if waited < self.queue_seconds:
            return CREATED
        if self.has_failed:
            return PROCESSING_FAILED
        if self.path in FAILING_PATHS:
            return UNKNOWN_WORD if self.path == "unknown" else self.path
        if self.path == AWAITING_RETRY and waited < 2 * self.queue_seconds + 0.1:
            return AWAITING_RETRY
        return CREATED if self.parts is None else PROCESSED

    @property
    def size_bytes(self) -> int:
        """Bytes of all rows, without headers; 0 until prepared."""
        return sum(part.tsv_bytes for part in self.parts or ())

    @property
    def stored_bytes(self) -> int:
        """Bytes it occupies in the counter's store now."""
        return self.size_bytes if self.status == PROCESSED else 0

    def as_json(self) -> dict[str, object]:
        """The ``log_request`` object of the API."""
        shown: dict[str, object] = {
            "request_id": self.request_id,
            "counter_id": self.counter_id,
            "source": [self.source] if self.faults.source_as_list else self.source,
            "date1": self.date1.isoformat(),
            "date2": self.date2.isoformat(),
            "fields": list(self.fields),
            "status": self.status,
            "size": 0,
            "attribution": self.attribution,
        }
        if shown["status"] in (PROCESSED, CLEANED_BY_USER) and self.parts is not None:
            shown["size"] = self.size_bytes
            parts = [{"part_number": place, "size": part.tsv_bytes} for place, part in enumerate(self.parts)]
            if parts or self.faults.empty_parts != "absent":
                shown["parts"] = parts
        return shown

    def finish(self, status: str) -> None:
        """Set the final status and free the disk."""
        self.final_status = status
        shutil.rmtree(self.folder, ignore_errors=True)


def prepare(request: LogRequest, traffic: TrafficSource, rows_per_part: int, parts: int | None) -> None:
    """Write the parts of a log request; a second thread compresses.

    Args:
        request: the request; gets its parts and counts.
        traffic: where the rows come from.
        rows_per_part: rows of a part.
        parts: number of parts to make of the log; None cuts by rows_per_part.
    """
    request.folder.mkdir(parents=True, exist_ok=True)
    if parts is not None:
        estimate = traffic.row_estimate(request.source, request.counter_id, request.date1, request.date2)
        rows_per_part = max(1, int(estimate * SPREAD_OF_PARTS) // parts)
    faults = request.faults
    writer = PartWriter(request.folder, "\t".join(request.fields), rows_per_part, parts, not faults.missing_trailing_lf)
    started = time.monotonic()
    for rows in _iter_rows(request, traffic):
        if request.final_status:
            break
        writer.write(rows)
    if not request.rows_by_date and faults.empty_parts == "one":
        writer.write_empty_part()
    with request.lock:
        request.parts = writer.close()
        if request.final_status:
            shutil.rmtree(request.folder, ignore_errors=True)
    logger.info(
        "log %d prepared: %s of counter %d, %s to %s, %d rows, %d bytes, %d parts, %.1f s",
        request.request_id, request.source, request.counter_id, request.date1, request.date2,
        request.rows_by_date.total(), request.size_bytes, len(request.parts), time.monotonic() - started,
    )  # fmt: skip


def _iter_rows(request: LogRequest, traffic: TrafficSource) -> Iterator[list[str]]:
    faults = request.faults
    dialect = Dialect(faults.quotes_wrapped, faults.extras, faults.pv_visit_id)
    types = [field_type(request.source, name) or "String" for name in request.fields]
    seed = [request.counter_id, day_number(request.date1), len(request.fields)]
    rng = np.random.default_rng(seed)
    span = (request.date1, request.date2)
    for block in traffic.iter_blocks(request.source, request.counter_id, *span, request.edits):
        columns = [block.column(name, dialect) for name in request.fields]
        rows = list(map("\t".join, zip(*columns, strict=True)))
        request.rows_by_date.update(block.dates())
        if faults.garbage_share:
            spoil_rows(rows, types, faults.garbage_share, rng, request.spoiled)
        yield rows
