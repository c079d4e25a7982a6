"""Where the time of a load goes: asking, waiting in Metrika's queue, downloading, storing."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

REQUESTING, QUEUE, DOWNLOADING, STORING = "requesting", "queue", "downloading", "storing"
PHASES = (REQUESTING, QUEUE, DOWNLOADING, STORING)


class PhaseClock:
    """Adds up the seconds of each phase; the phases do not overlap."""

    def __init__(self) -> None:
        self._seconds = dict.fromkeys(PHASES, 0.0)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the time of a block, also of one that fails.

        Args:
            name: one of PHASES.

        Yields:
            Nothing.
        """
        started = time.monotonic()
        try:
            yield
        finally:
            self._seconds[name] += time.monotonic() - started

    def note_waited(self, ordered_at: Iterable[dt.datetime], since: dt.datetime) -> None:
        """Count how long logs were in the queue before the load began: a scheduler waits without a worker.

        Args:
            ordered_at: aware instants at which the logs were ordered.
            since: aware start of the load.
        """
        waited = [(since - ordered).total_seconds() for ordered in ordered_at]
        self._seconds[QUEUE] += max(0.0, *waited) if waited else 0.0

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by phase so far."""
        return {name: round(seconds, 3) for name, seconds in self._seconds.items()}
