"""Finding the key a caller presents, fast: rows are kept for three seconds in each process."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, select, update

from include.accounts.key_shape import ApiKey, key_from, prefix_of
from include.secret import Secret
from include.state.engine import reachable
from include.state.tables import api_keys

KEPT_SECONDS = 3.0  # a revocation must act within 5 s in every process
MOST_KEPT = 10_000  # keys in memory, a few MB; beyond that all are read again


class KeyRing:
    """The keys of one database as one process sees them.

    Args:
        engine: the state engine.
        clock: seconds that never go back.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, ApiKey]] = {}
        self._used: dict[str, dt.datetime] = {}

    def find(self, presented: Secret, now: dt.datetime) -> ApiKey | None:
        """Find the key a caller presents and note that it was used.

        Args:
            presented: the whole key as sent.
            now: aware instant.

        Returns:
            The key; None when it is unknown, wrong, expired or revoked.

        Raises:
            StoreUnavailable: PostgreSQL cannot be reached.
        """
        prefix = prefix_of(presented)
        key = self._key(prefix) if prefix else None
        if key is None or not key.opens_with(presented) or not key.is_active(now):
            return None
        self._note_use(key, now.replace(second=0, microsecond=0))
        return key

    def _key(self, prefix: str) -> ApiKey | None:
        asked_at = self._clock()
        kept = self._kept.get(prefix)
        if kept and asked_at - kept[0] < KEPT_SECONDS:
            return kept[1]
        query = select(api_keys).where(api_keys.c.prefix == prefix)
        with reachable(self._engine), self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        key = key_from(row) if row else None
        with self._lock:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            if key:
                self._kept[prefix] = (asked_at, key)  # as old as the question, not as the answer
            else:
                self._kept.pop(prefix, None)
        return key

    def _note_use(self, key: ApiKey, minute: dt.datetime) -> None:
        with self._lock:
            if self._used.get(key.key_id) == minute:
                return
            if len(self._used) >= MOST_KEPT:
                self._used.clear()
            self._used[key.key_id] = minute
        c = api_keys.c
        is_older = c.last_used_at.is_(None) | (c.last_used_at < minute)
        statement = update(api_keys).where(c.key_id == key.key_id, is_older).values(last_used_at=minute)
        with reachable(self._engine), self._engine.begin() as connection:
            connection.execute(statement)


_rings: WeakKeyDictionary[Engine, KeyRing] = WeakKeyDictionary()
_rings_lock = threading.Lock()


def ring_of(engine: Engine) -> KeyRing:
    """The ring of a database in this process.

    Args:
        engine: the state engine.

    Returns:
        The same ring for the same engine.
    """
    with _rings_lock:
        return _rings.setdefault(engine, KeyRing(engine))
