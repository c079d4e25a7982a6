"""Advisory locks under a name; gone the moment their process dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text

from include.state.engine import reachable

WAIT = text("SELECT pg_advisory_lock(hashtextextended(:key, 0))")
TRY = text("SELECT pg_try_advisory_lock(hashtextextended(:key, 0))")


@contextmanager
def try_lock(engine: Engine, key: str) -> Iterator[bool]:
    """Take a lock if it is free.

    Args:
        engine: the state engine.
        key: name of the lock.

    Yields:
        True while the lock is held, False when another holds it.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    with _session(engine, key, wait=False) as is_held:
        yield is_held


@contextmanager
def hold_lock(engine: Engine, key: str) -> Iterator[None]:
    """Hold a lock; waits until it is free.

    Args:
        engine: the state engine.
        key: name of the lock.

    Yields:
        Nothing.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    with _session(engine, key, wait=True):
        yield


@contextmanager
def _session(engine: Engine, key: str, *, wait: bool) -> Iterator[bool]:
    with reachable(engine):
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        with reachable(engine):
            taken = connection.execute(WAIT if wait else TRY, {"key": key}).scalar()
        yield wait or bool(taken)
    finally:
        connection.invalidate()  # closes the session, and with it the lock
        connection.close()
