"""The time that one answer may take, over all its queries to both stores."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from include.errors import StoreUnavailable
from include.state.engine import reachable

QUERY_CANCELED = "57014"  # SQLSTATE of a statement that ran into statement_timeout
_TOO_LONG = "The answer took too long; ask for less, or raise CLICKHOUSE_TIMEOUT_SECONDS."


class Deadline:
    """Counts down the seconds of one answer.

    Args:
        seconds: what all its queries may take together.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left_seconds(self) -> float:
        """What is left for the next query.

        Returns:
            Seconds, positive.

        Raises:
            StoreUnavailable: nothing is left.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise StoreUnavailable(_TOO_LONG)
        return left

    @contextmanager
    def reading(self, engine: Engine) -> Iterator[Connection]:
        """Open a transaction that reads PostgreSQL as of one moment.

        Args:
            engine: the state engine.

        Yields:
            The connection; none of its statements outlives the deadline.

        Raises:
            StoreUnavailable: PostgreSQL cannot be reached, or the time is over.
        """
        milliseconds = max(1, int(self.left_seconds() * 1000))
        with reachable(engine), engine.connect() as plain:
            connection = plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                connection.execute(
                    text("SELECT set_config('statement_timeout', :limit, true)"), {"limit": f"{milliseconds}ms"}
                )
                try:
                    yield connection
                except OperationalError as error:
                    if getattr(error.orig, "pgcode", "") == QUERY_CANCELED:
                        raise StoreUnavailable(_TOO_LONG) from None
                    raise
