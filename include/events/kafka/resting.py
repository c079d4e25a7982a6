"""When not to ask a broker that has just failed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

REST_SECONDS = 5.0


class Rest:
    """Keeps requests from waiting for a broker that is away.

    After a failure nobody asks it for some seconds; then one request does, and the others follow when it succeeds.

    Args:
        seconds: how long nobody asks.
        clock: seconds that only grow.
    """

    def __init__(self, seconds: float = REST_SECONDS, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._until: float | None = None
        self._is_tried = False
        self._changing = threading.Lock()

    def may_ask(self) -> bool:
        """Ask for leave to ask the broker; who gets it must tell how it went.

        Returns:
            Whether to ask it.
        """
        with self._changing:
            if self._until is None:
                return True
            if self._is_tried or self._clock() < self._until:
                return False
            self._is_tried = True
            return True

    def end(self) -> None:
        """The broker answers."""
        with self._changing:
            self._until, self._is_tried = None, False

    def begin(self) -> bool:
        """The broker does not answer.

        Returns:
            Whether this is news: no rest was under way.
        """
        with self._changing:
            now = self._clock()
            is_news = self._until is None or now >= self._until
            self._until, self._is_tried = now + self.seconds, False
            return is_news
