"""Threads for passwords: comparing one takes a core and 64 MiB, so a flood of them must not take all threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import anyio
from anyio import CapacityLimiter

from include.api.gate.problems import Refusal

Given = ParamSpec("Given")
Found = TypeVar("Found")
THREADS = 4
MOST_WAITING = 60  # some seconds of work; later ones would only wait in vain


class PasswordTurns:
    """Lets a few requests with passwords work at a time and some wait; refuses the rest."""

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(THREADS)
        self._waiting_count = 0

    async def take(self, work: Callable[Given, Found], *given: Given.args, **named: Given.kwargs) -> Found:
        """Do something in one of the threads.

        Args:
            work: what to do; it may block.
            given: its arguments.
            named: its arguments by name.

        Returns:
            What it returns.

        Raises:
            Refusal: too many are waiting (503).
        """
        if self._waiting_count >= THREADS + MOST_WAITING:
            raise Refusal(503, "overloaded", "Too many are signing in at once; try again.", retry_after_seconds=1)
        self._waiting_count += 1
        try:
            return await anyio.to_thread.run_sync(lambda: work(*given, **named), limiter=self._limiter)
        finally:
            self._waiting_count -= 1
