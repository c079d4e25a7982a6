"""One shared quota for every process that talks to Metrika, kept in PostgreSQL.

Two limits are kept, each so that Metrika can never count one request too many:

* **In flight.** Each of the login's three slots is a session-level advisory lock on a connection
  of the process's own, so a slot is free the moment its process dies, and no transaction is open
  while a request runs. A slot stays taken a few milliseconds after the answer, until Metrika has
  seen the end of the request as well.
* **Per second.** Each permission of the address's rate is a row with the instant at which it is
  free again. It is taken before a request is sent and comes back one second after its answer
  began, not one second after it was sent. All requests that Metrika counts in one rolling second
  therefore held different rows at the same time, however late any of them arrived, and their
  number cannot exceed the number of rows. A token bucket filled by time alone cannot promise
  that: requests that were held up on the way arrive together.

Source:
    "Quotas" page: 3 parallel requests per login; 10 requests a second (Logs API) or 30 per address.
"""

from __future__ import annotations

import hashlib
import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from sqlalchemy import Engine

from include.errors import QuotaExceeded
from include.metrika.client.quota_session import QuotaSession
from include.settings import MetrikaSettings

logger = logging.getLogger(__name__)

LOGS, MANAGEMENT = "logs", "management"
PARALLEL_REQUESTS = 3
RATES = {LOGS: 9, MANAGEMENT: 20}  # of 10 and 30: room for a person using the same address
POLL_SECONDS = 0.05  # between looks at taken slots
SLOT_PATIENCE_SECONDS = 1800.0  # a slot may be busy with the download of a large part
RATE_PATIENCE_SECONDS = 300.0
BUSY_SECONDS = 300.0  # longer than one call's patience: the caller decides about another try
NOTICE_SECONDS = 5.0  # waits longer than this are logged
HASH_KEY = b"counterflow metrika login"


class QuotaGate(Protocol):
    """What a client asks before it sends a request."""

    def slot(self) -> AbstractContextManager[None]:
        """Hold one of the login's parallel requests."""
        ...

    def rate(self, family: str) -> AbstractContextManager[None]:
        """Hold one permission of the rate while a request is sent and its answer begins."""
        ...

    def wait_for_slot_end(self, limit_seconds: float) -> None:
        """Wait until some request of the login ends, at most so long."""
        ...


def login_key(token: str) -> str:
    """A name for the token that does not give it away.

    Args:
        token: the OAuth token.

    Returns:
        16 hexadecimal characters of a keyed hash.
    """
    return hashlib.blake2b(token.encode(), key=HASH_KEY, digest_size=8).hexdigest()


@dataclass
class _Wait:
    """One bounded wait with a notice in the log."""

    what: str
    patience_seconds: float
    started: float = 0.0
    is_noticed: bool = False

    def pause(self, seconds: float) -> None:
        """Sleep a little, or give up when patience is over."""
        now = time.monotonic()
        self.started = self.started or now
        waited = now - self.started
        if waited >= self.patience_seconds:
            raise QuotaExceeded(
                f"No {self.what} of Metrika's quota became free in {waited:.0f} s; other runs are using it, "
                "try again later.",
                wait_seconds=BUSY_SECONDS,
            )
        if waited >= NOTICE_SECONDS and not self.is_noticed:
            self.is_noticed = True
            logger.info("waiting for a %s of Metrika's quota, %.0f s so far", self.what, waited)
        time.sleep(min(seconds, self.patience_seconds - waited) * random.uniform(0.8, 1.2))


class StateQuotaGate:
    """The quota of one login and one address, shared through PostgreSQL.

    Args:
        engine: the state engine.
        login_key: from :func:`login_key`.
        address: host and port of Metrika; the rate is counted per address.
        slot_patience_seconds: longest wait for one of the parallel requests.
    """

    def __init__(
        self,
        engine: Engine,
        login_key: str,
        *,
        address: str = "metrika",
        slot_patience_seconds: float = SLOT_PATIENCE_SECONDS,
    ) -> None:
        self._session = QuotaSession(engine, f"metrika/{address}/{login_key}", PARALLEL_REQUESTS)
        self._address = address
        self._slot_patience_seconds = slot_patience_seconds

    @classmethod
    def for_settings(cls, engine: Engine, settings: MetrikaSettings) -> StateQuotaGate:
        """The gate of the configured token and address.

        Args:
            engine: the state engine.
            settings: Metrika side; without a token the gate is one of an unnamed login.

        Returns:
            The gate.
        """
        token = settings.token.value if settings.token else ""
        return cls(engine, login_key(token), address=urlsplit(settings.api_url).netloc.rpartition("@")[2])

    def close(self) -> None:
        """Give everything back and close the connection."""
        self._session.close()

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one of the login's parallel requests.

        Yields:
            Nothing.

        Raises:
            QuotaExceeded: none became free in time.
            StoreUnavailable: PostgreSQL cannot be reached.
        """
        wait = _Wait("parallel request", self._slot_patience_seconds)
        number = self._until(self._session.try_slot, wait)
        try:
            yield
        finally:
            self._session.release_slot(number)

    @contextmanager
    def rate(self, family: str) -> Iterator[None]:
        """Hold one permission of the rate.

        Args:
            family: LOGS or MANAGEMENT.

        Yields:
            Nothing; leave when the answer has begun.

        Raises:
            QuotaExceeded: none became free in time.
            StoreUnavailable: PostgreSQL cannot be reached.
        """
        prefix = f"{self._address}/{family}/"
        wait = _Wait("place in this second", RATE_PATIENCE_SECONDS)
        while True:
            key, pause_seconds = self._session.take_permission(prefix, RATES[family])
            if key:
                break
            wait.pause(pause_seconds)
        try:
            yield
        finally:
            self._session.return_permission(key)

    def wait_for_slot_end(self, limit_seconds: float) -> None:
        """Wait until fewer requests of the login are in flight than now.

        Args:
            limit_seconds: longest wait; also the wait when none of ours is in flight.
        """
        taken = self._session.taken_slots()
        deadline = time.monotonic() + limit_seconds
        while time.monotonic() < deadline and not (taken and self._session.taken_slots() < taken):
            time.sleep(min(POLL_SECONDS, limit_seconds))

    @staticmethod
    def _until(attempt: Callable[[], int | None], wait: _Wait) -> int:
        while (number := attempt()) is None:
            wait.pause(POLL_SECONDS)
        return number
