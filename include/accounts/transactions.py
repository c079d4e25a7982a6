"""Working inside the caller's transaction, or in one of our own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text

from include.state.engine import reachable


@contextmanager
def transaction(where: Engine | Connection) -> Iterator[Connection]:
    """Open a transaction of our own, unless the caller has one.

    Args:
        where: the state engine, or a connection whose transaction the caller ends.

    Yields:
        A connection inside a transaction.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    if isinstance(where, Connection):
        yield where
        return
    with reachable(where), where.begin() as connection:
        yield connection


def wait_in_line(connection: Connection, what: str) -> None:
    """Let one transaction at a time decide about something; the others wait until it ends.

    Args:
        connection: open transaction.
        what: name of what is decided about.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))"), {"what": what})
