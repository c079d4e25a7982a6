"""The store of prepared logs: create, find, measure, clean, within 10 GiB of each counter."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from include.metrika_sandbox.behaviour.config import STORE_BYTES, SandboxConfig
from include.metrika_sandbox.behaviour.fault_board import FaultBoard
from include.metrika_sandbox.behaviour.faults import ALWAYS
from include.metrika_sandbox.columns.dialect import ENCODING_ERRORS, Dialect
from include.metrika_sandbox.logs.log_requests import PROCESSED, LogRequest, prepare
from include.metrika_sandbox.traffic.late import LateEdits
from include.metrika_sandbox.traffic.source import NO_EDITS, TrafficSource

logger = logging.getLogger(__name__)

FIRST_REQUEST_ID = 34_702_829
ESTIMATED_DAYS = 3  # days of a long range whose rows are counted for an estimate


@dataclass(frozen=True)
class LogOrder:
    """What a client asks a log of.

    Attributes:
        counter_id: the counter.
        source: visits or hits.
        date1: first local day.
        date2: last local day.
        fields: names in order.
        attribution: upper-case word.
    """

    counter_id: int
    source: str
    date1: dt.date
    date2: dt.date
    fields: tuple[str, ...]
    attribution: str = "LASTSIGN"


@dataclass(frozen=True)
class Evaluation:
    """Whether a log fits into the store.

    Attributes:
        expected_bytes: the (too low) estimate.
        stored_bytes: bytes in the store now.
        day_quantity: days that fit; 0 or less when nothing fits.
    """

    expected_bytes: int
    stored_bytes: int
    day_quantity: int

    @property
    def is_possible(self) -> bool:
        """The estimate fits into what is left."""
        return self.stored_bytes + self.expected_bytes <= STORE_BYTES


class LogStore:
    """All log requests of the sandbox.

    Args:
        config: sizes and delays.
        board: switches.
        traffic: where rows come from.
        late: late edits.
        folder: where prepared parts go.
    """

    def __init__(
        self, config: SandboxConfig, board: FaultBoard, traffic: TrafficSource, late: LateEdits, folder: Path
    ) -> None:
        self._config, self._board, self._traffic, self._late = config, board, traffic, late
        self._folder = folder
        self._lock = threading.Lock()
        self._requests: dict[int, LogRequest] = {}
        self._preparers = ThreadPoolExecutor(2, thread_name_prefix="sandbox-prepare")

    def close(self) -> None:
        """Stop preparing; unfinished logs are given up."""
        for request in self.all():
            request.final_status = request.final_status or "canceled"
        self._preparers.shutdown(cancel_futures=True)

    def all(self, counter_id: int | None = None) -> list[LogRequest]:
        """Every request of a counter (None: of all), oldest first."""
        with self._lock:
            requests = list(self._requests.values())
        return [one for one in requests if counter_id in (None, one.counter_id)]

    def find(self, counter_id: int, request_id: int) -> LogRequest | None:
        """One request of a counter, or None."""
        request = self._requests.get(request_id)
        return request if request is not None and request.counter_id == counter_id else None

    def stored_bytes(self, counter_id: int) -> int:
        """Bytes in a counter's store now, all logins together."""
        own = sum(request.stored_bytes for request in self.all(counter_id))
        return own + self._board.now().stored_bytes_preset

    def evaluate(self, order: LogOrder) -> Evaluation:
        """Estimate a log and how many of its days fit.

        Args:
            order: what would be asked.

        Returns:
            The evaluation; the quantity is floor((limit - stored) / expected bytes of one day).
        """
        days = (order.date2 - order.date1).days + 1
        expected = int(self._real_bytes(order, days) / self._board.now().expected_size_factor)
        stored = self.stored_bytes(order.counter_id)
        return Evaluation(expected, stored, (STORE_BYTES - stored) * days // max(expected, days))

    def _real_bytes(self, order: LogOrder, days: int) -> int:
        sample = min(days, ESTIMATED_DAYS)
        last = order.date1 + dt.timedelta(days=sample - 1)
        rows = self._traffic.row_estimate(order.source, order.counter_id, order.date1, last) * days // sample
        if not rows:
            return 0
        dialect = Dialect()
        for block in self._traffic.iter_blocks(order.source, order.counter_id, order.date1, last, NO_EDITS):
            columns = [block.column(name, dialect) for name in order.fields]
            sent = sum(len("".join(column).encode("utf-8", ENCODING_ERRORS)) for column in columns)
            return rows * (sent // block.row_count + len(columns))
        return 0

    def create(self, order: LogOrder, login: str) -> LogRequest:
        """Queue a log.

        Args:
            order: what is asked; already checked.
            login: who asks.

        Returns:
            The new request, being prepared in the background.
        """
        faults = self._board.now()
        if order.source == "visits":
            self._late.note_export(order.counter_id, order.date1, order.date2, faults.late_edits)
        path = faults.queue_path
        if path != PROCESSED and faults.queue_path_count != ALWAYS and not self._board.take("queue_path_count"):
            path = PROCESSED
        with self._lock:
            request_id = FIRST_REQUEST_ID + len(self._requests)
            request = LogRequest(
                request_id=request_id,
                counter_id=order.counter_id,
                login=login,
                source=order.source,
                date1=order.date1,
                date2=order.date2,
                fields=order.fields,
                attribution=order.attribution,
                faults=faults,
                edits=self._late.snapshot(order.counter_id, order.date1, order.date2),
                queue_seconds=self._config.queue_seconds + faults.slow_queue_seconds,
                folder=self._folder / str(request_id),
                path=path,
            )
            self._requests[request_id] = request
        self._preparers.submit(self._prepare, request).add_done_callback(partial(_note_failure, request))
        return request

    def _prepare(self, request: LogRequest) -> None:
        if request.final_status:
            return
        prepare(request, self._traffic, self._config.rows_per_part, self._config.parts)

    def change(self, request: LogRequest, allowed: Callable[[str], bool], status: str) -> bool:
        """Clean or cancel a request.

        Args:
            request: the request.
            allowed: whether its present status allows that.
            status: the new, final status.

        Returns:
            False when the present status does not allow it.
        """
        with request.lock:
            if not allowed(request.status):
                return False
            request.finish(status)
        return True


def _note_failure(request: LogRequest, preparing: Future[None]) -> None:
    """A log that cannot be made must end as a status, not as a silent thread."""
    if not preparing.cancelled() and (error := preparing.exception()):
        logger.error("log %d could not be prepared", request.request_id, exc_info=error)
        request.has_failed = True
