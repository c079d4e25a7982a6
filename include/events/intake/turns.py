"""How many batches of one process are worked on at once; the rest waits a little, or is sent away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from include.errors import StoreBusy

MOST_RUNNING = 2  # one is checked while another is stored; more only take the interpreter from each other
MOST_PRESENT = 32  # running and waiting
WAIT_SECONDS = 5.0  # a sender waits longer only to time out
RETRY_SECONDS = 1.0


class Turns:
    """Turns of batches in one process.

    Args:
        running: batches worked on at once.
        present: batches running or waiting; more are refused at once.
        wait_seconds: how long one waits for its turn.
    """

    def __init__(
        self, *, running: int = MOST_RUNNING, present: int = MOST_PRESENT, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        self._running = threading.Semaphore(running)
        self._present = threading.Semaphore(present)
        self._wait_seconds = wait_seconds

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn and hold it.

        Yields:
            Nothing.

        Raises:
            StoreBusy: too many batches are here already, or the turn did not come in time.
        """
        if not self._present.acquire(blocking=False):
            raise _overloaded()
        try:
            if not self._running.acquire(timeout=self._wait_seconds):
                raise _overloaded()
            try:
                yield
            finally:
                self._running.release()
        finally:
            self._present.release()


def _overloaded() -> StoreBusy:
    return StoreBusy(
        "Too many batches are being taken in at once; send this one again.",
        code="overloaded",
        wait_seconds=RETRY_SECONDS,
    )
