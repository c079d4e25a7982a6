"""Advisory locks: one worker at a time on a counter-day or another thing, across processes and machines.

The lock lives in a PostgreSQL session, so it is gone the moment its process dies.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text

from include.state.engine import reachable

PATIENCE_SECONDS, LOOK_SECONDS = 1.0, 0.05


@contextmanager
def day_lock(engine: Engine, counter_id: int, days: Iterable[dt.date], *, purpose: str) -> Iterator[None]:
    """Hold the locks of some days of a counter; waits until they are free.

    Args:
        engine: the state engine.
        counter_id: the counter.
        days: the days; taken in order, so that two workers never wait for each other.
        purpose: what is locked, for example ``load``; different purposes do not block each other.

    Yields:
        Nothing.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    with held(engine, *(f"{purpose}:{counter_id}:{day.isoformat()}" for day in sorted(set(days)))):
        yield


@contextmanager
def held(engine: Engine, *names: str) -> Iterator[None]:
    """Hold some locks; waits until they are free.

    Args:
        engine: the state engine.
        names: what only one process may do at a time, in an order that every process keeps to.

    Yields:
        Nothing.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    with reachable(engine):
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        with reachable(engine):
            for name in names:
                connection.execute(text("SELECT pg_advisory_lock(hashtextextended(:key, 0))"), {"key": name})
        yield
    finally:
        connection.invalidate()  # closes the session, and with it every lock
        connection.close()


@contextmanager
def only_one(engine: Engine, name: str, *, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[bool]:
    """Hold a lock if nobody else does.

    Args:
        engine: the state engine.
        name: what only one process may do at a time.
        patience_seconds: how long to wait for it; PostgreSQL takes a moment to notice that its owner was killed.

    Yields:
        Whether the lock was free, and is ours until the block ends.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    with reachable(engine):
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        with reachable(engine):
            deadline = time.monotonic() + patience_seconds
            while not (is_ours := _try_lock(connection, name)) and time.monotonic() < deadline:
                time.sleep(LOOK_SECONDS)
        yield is_ours
    finally:
        connection.invalidate()
        connection.close()


def _try_lock(connection: Connection, name: str) -> bool:
    query = text("SELECT pg_try_advisory_lock(hashtextextended(:key, 0))")
    return bool(connection.execute(query, {"key": name}).scalar())
