"""The PostgreSQL side of the quota: one connection of the process's own, short statements only."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Row, TextClause, text
from sqlalchemy.exc import DBAPIError

from include.errors import StoreError
from include.state.engine import reachable

SETTLE_SECONDS = 0.03  # Metrika learns of the end of a request a moment after we do
WINDOW_SECONDS = 1.02  # a rolling second, and a little for clocks of different grain
LEASE_SECONDS = 10.0  # a permission whose process died comes back after this

_TRY_LOCK = text("SELECT pg_try_advisory_lock(hashtextextended(:key, 0))")
_UNLOCK = text("SELECT pg_advisory_unlock(hashtextextended(:key, 0))")
_TAKEN = text(
    """
    SELECT count(*)
    FROM pg_locks AS held
    JOIN unnest(CAST(:keys AS text[])) AS slot(key)
      ON ((held.classid::bigint << 32) | held.objid::bigint) = hashtextextended(slot.key, 0)
    WHERE held.locktype = 'advisory' AND held.objsubid = 1 AND held.granted
      AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    """
)
_MAKE_PERMISSIONS = text(
    """
    INSERT INTO quota_buckets (bucket_key, tokens, filled_at)
    SELECT :prefix || number, 1, clock_timestamp() FROM generate_series(1, :count) AS number
    ON CONFLICT (bucket_key) DO NOTHING
    """
)
# One row is one permission; filled_at is the instant at which it is free again.
_TAKE_PERMISSION = text(
    """
    WITH chosen AS (
        SELECT bucket_key FROM quota_buckets
        WHERE bucket_key = ANY(CAST(:keys AS text[])) AND filled_at <= clock_timestamp()
        ORDER BY filled_at LIMIT 1
        FOR UPDATE SKIP LOCKED
    )
    UPDATE quota_buckets AS bucket
    SET filled_at = clock_timestamp() + make_interval(secs => :lease)
    FROM chosen WHERE bucket.bucket_key = chosen.bucket_key
    RETURNING bucket.bucket_key
    """
)
_NEXT_PERMISSION = text(
    """
    SELECT count(*), EXTRACT(EPOCH FROM min(filled_at) - clock_timestamp())
    FROM quota_buckets WHERE bucket_key = ANY(CAST(:keys AS text[]))
    """
)
_RETURN_PERMISSION = text(
    "UPDATE quota_buckets SET filled_at = clock_timestamp() + make_interval(secs => :window) WHERE bucket_key = :key"
)


@dataclass
class _Own:
    """What this process holds; made anew in a forked child."""

    pid: int = field(default_factory=os.getpid)
    connection: Connection | None = None
    used: set[int] = field(default_factory=set)
    settling: set[int] = field(default_factory=set)  # no longer used, not yet given back


# Connections of a parent process: kept, because closing one here would end the parent's session.
_inherited: list[Connection] = []


class QuotaSession:
    """Slots and permissions of one login, seen from one process; safe with threads and forks.

    Args:
        engine: the state engine.
        name: names the login's slots.
        slot_count: how many slots there are.
    """

    def __init__(self, engine: Engine, name: str, slot_count: int) -> None:
        self._engine = engine
        self._keys = [f"{name}/slot/{number}" for number in range(slot_count)]
        self._lock = threading.RLock()
        self._own = _Own()

    def try_slot(self) -> int | None:
        """Take a slot that is free now.

        Returns:
            Its number, or None when all are taken.
        """
        with self._mutex():
            own = self._own
            for number, key in enumerate(self._keys):
                if number in own.used or number in own.settling:
                    continue
                if self._values(_TRY_LOCK, key=key)[0]:
                    own.used.add(number)
                    return number
            return None

    def release_slot(self, number: int) -> None:
        """Give a slot back, once Metrika has seen the request's end too.

        Args:
            number: from :meth:`try_slot`.
        """
        with self._mutex():
            own = self._own
            if number not in own.used:
                return  # the connection was lost, and the slot with it
            own.used.discard(number)
            own.settling.add(number)
        timer = threading.Timer(SETTLE_SECONDS, self._unlock, args=(own, number))
        timer.daemon = True
        timer.start()

    def taken_slots(self) -> int:
        """How many slots of the login are taken, by any process."""
        with self._mutex():
            return int(self._values(_TAKEN, keys=self._keys)[0])

    def take_permission(self, prefix: str, count: int) -> tuple[str, float]:
        """Take a permission to send one request.

        Args:
            prefix: names the group of permissions.
            count: how many the group has.

        Returns:
            The permission's key, or an empty text and the seconds until one is free.
        """
        keys = [f"{prefix}{number}" for number in range(1, count + 1)]
        with self._mutex():
            taken = self._row(_TAKE_PERMISSION, keys=keys, lease=LEASE_SECONDS)
            if taken is not None:
                return str(taken[0]), 0.0
            existing, seconds = self._values(_NEXT_PERMISSION, keys=keys)
            if existing < count:
                self._row(_MAKE_PERMISSIONS, prefix=prefix, count=count)
                return "", 0.0
            return "", max(0.005, float(seconds))

    def return_permission(self, key: str) -> None:
        """Let a permission come back one second from now.

        Args:
            key: from :meth:`take_permission`.
        """
        with self._mutex():
            self._row(_RETURN_PERMISSION, key=key, window=WINDOW_SECONDS)

    def close(self) -> None:
        """Close the connection; every slot of this process is free then."""
        with self._mutex():
            own, self._own = self._own, _Own()
            if own.connection is not None:
                own.connection.close()

    def _unlock(self, own: _Own, number: int) -> None:
        with self._mutex():
            if own is not self._own or number not in own.settling:
                return
            own.settling.discard(number)
            with suppress(StoreError):  # a lost session has given the slot back already
                self._row(_UNLOCK, key=self._keys[number])

    def _mutex(self) -> threading.RLock:
        if self._own.pid != os.getpid():  # the parent's lock may have been held when we were forked
            if self._own.connection is not None:
                _inherited.append(self._own.connection)
            self._own, self._lock = _Own(), threading.RLock()
        return self._lock

    def _row(self, statement: TextClause, **values: object) -> Row[Any] | None:
        with reachable(self._engine):
            try:
                result = self._connected().execute(statement, values)
                return result.first() if result.returns_rows else None
            except DBAPIError as error:
                if error.connection_invalidated:
                    self._own = _Own()  # the session is gone, and its locks with it
                raise

    def _values(self, statement: TextClause, **values: object) -> tuple[Any, ...]:
        row = self._row(statement, **values)
        return tuple(row) if row is not None else ()

    def _connected(self) -> Connection:
        if self._own.connection is None:
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            connection.detach()  # never back into the pool: its session holds our slots
            self._own.connection = connection
        return self._own.connection
