"""What can go wrong in PostgreSQL while a batch is stored, as the product's errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from include.errors import StoreBusy
from include.state.engine import reachable

# SQLSTATE: disk full, out of memory, too many connections, out of another resource
FULL = frozenset({"53000", "53100", "53200", "53300", "53400"})
# lock not available in time, deadlock, statement cancelled, serialization failure, stored by somebody else meanwhile
WAITED = frozenset({"55P03", "40P01", "57014", "40001", "23505"})
READ_ONLY = "25006"  # a standby that has not taken over yet
FULL_SECONDS, WAITED_SECONDS = 30.0, 1.0


@contextmanager
def intake_trouble(engine: Engine) -> Iterator[None]:
    """Turn what PostgreSQL refuses inside the block into an error that says when to try again.

    Args:
        engine: the state engine.

    Yields:
        Nothing.

    Raises:
        StoreBusy: it is full, or others were in the way for too long; nothing was stored.
        StoreUnavailable: it does not answer.
    """
    try:
        with reachable(engine):
            try:
                yield
            except DBAPIError as error:
                _refuse(str(getattr(error.orig, "pgcode", "") or ""))
                raise
    except PoolTimeout:
        raise StoreBusy(
            "All connections to PostgreSQL are in use.", code="overloaded", wait_seconds=WAITED_SECONDS
        ) from None


def _refuse(sqlstate: str) -> None:
    if sqlstate in FULL:
        raise StoreBusy(
            f"PostgreSQL has no room left (SQLSTATE {sqlstate}).", code="store_full", wait_seconds=FULL_SECONDS
        ) from None
    if sqlstate == READ_ONLY:
        raise StoreBusy(
            "PostgreSQL takes no writes right now.", code="unavailable", wait_seconds=FULL_SECONDS
        ) from None
    if sqlstate in WAITED:
        raise StoreBusy(
            "Another batch with the same events is still being stored.", code="busy", wait_seconds=WAITED_SECONDS
        ) from None
