"""One computation of a course at a time, from the reading of its events to the commit of its values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text

from include.state.engine import reachable

_LOCK = text("SELECT pg_advisory_lock(hashtextextended(:key, 0))")


@contextmanager
def course_lock(engine: Engine, project: str, course_id: str) -> Iterator[None]:
    """Hold a course alone; waits until whoever has it is done.

    Without it an older computation could overwrite a newer one that was faster. The lock lives in a session of
    PostgreSQL, so it is gone the moment its process dies.

    Args:
        engine: the state engine.
        project: project of the course.
        course_id: the course.

    Yields:
        Nothing.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    with reachable(engine):
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        with reachable(engine):
            connection.execute(_LOCK, {"key": f"metrics:{project}\n{course_id}"})
        yield
    finally:
        connection.invalidate()  # closes the session, and with it the lock
        connection.close()
