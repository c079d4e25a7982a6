"""How full the inbox is; above its cap nothing is taken in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine, func, select

from include.errors import StoreBusy
from include.events.intake.trouble import intake_trouble
from include.settings.intake import IntakeSettings
from include.state.tables import inbox_batches

FRESH_SECONDS = 1.0
COST_SHARE = 0.05  # counting a very long inbox may take this share of the time, so it is then done less often
RETRY_SECONDS = 30.0  # loading runs every minute


@dataclass
class Waiting:
    """What waits in the inbox.

    Attributes:
        size_bytes: of all payloads.
        events: number of events.
    """

    size_bytes: int = 0
    events: int = 0


class InboxRoom:
    """Knows about how full the inbox is, one second late at most.

    What this process adds is counted at once; what others add, and what loading takes away, with the next look.

    Args:
        settings: with the caps.
        clock: seconds that only grow.
    """

    def __init__(self, settings: IntakeSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._waiting = Waiting()
        self._good_until: float | None = None
        self._looking = threading.Lock()

    def require(self, engine: Engine) -> None:
        """Refuse when the inbox is full.

        Args:
            engine: the state engine.

        Raises:
            StoreBusy: it is (code ``inbox_full``).
            StoreUnavailable: PostgreSQL does not answer.
        """
        self._look(engine)
        waiting, settings = self._waiting, self._settings
        if waiting.size_bytes >= settings.inbox_max_bytes or waiting.events >= settings.inbox_max_events:
            raise StoreBusy(
                f"The inbox is full: {waiting.events} events in {waiting.size_bytes} bytes wait for loading.",
                code="inbox_full",
                wait_seconds=RETRY_SECONDS,
            )

    def add(self, size_bytes: int, events: int) -> None:
        """Count what this process has just stored.

        Args:
            size_bytes: of the payload.
            events: number of events.
        """
        with self._looking:
            self._waiting = Waiting(self._waiting.size_bytes + size_bytes, self._waiting.events + events)

    def _look(self, engine: Engine) -> None:
        with self._looking:
            started = self._clock()
            if self._good_until is not None and started < self._good_until:
                return
            with intake_trouble(engine), engine.connect() as connection:
                columns = (inbox_batches.c.size_bytes, inbox_batches.c.event_count)
                row = connection.execute(select(*(func.coalesce(func.sum(column), 0) for column in columns))).one()
            self._waiting = Waiting(int(row[0]), int(row[1]))
            cost = self._clock() - started
            self._good_until = self._clock() + max(FRESH_SECONDS, cost / COST_SHARE)
