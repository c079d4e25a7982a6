"""What housekeeping asks of the state: who still has something open, and what is too old to keep."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Engine, delete, select

from include.days import utc_now
from include.state.engine import reachable
from include.state.tables import api_replays, conversion_uploads, log_requests

REPLAY_LIFETIME = dt.timedelta(hours=24)  # how long a repeated request gets its first answer


def counters_with_open_requests(engine: Engine) -> tuple[int, ...]:
    """Counters for which own log requests may still exist at Metrika.

    Args:
        engine: the state engine.

    Returns:
        Counter ids in order.
    """
    c = log_requests.c
    query = select(c.counter_id).where(c.released_at.is_(None)).distinct().order_by(c.counter_id)
    with reachable(engine), engine.connect() as connection:
        return tuple(connection.execute(query).scalars())


def counters_with_uploads(engine: Engine) -> tuple[int, ...]:
    """Counters for which conversions were ever prepared.

    Args:
        engine: the state engine.

    Returns:
        Counter ids in order.
    """
    c = conversion_uploads.c
    with reachable(engine), engine.connect() as connection:
        return tuple(connection.execute(select(c.counter_id).distinct().order_by(c.counter_id)).scalars())


def drop_old_replays(engine: Engine) -> int:
    """Forget stored answers of API requests with an Idempotency-Key whose time is over.

    Args:
        engine: the state engine.

    Returns:
        How many.
    """
    statement = delete(api_replays).where(api_replays.c.created_at < utc_now() - REPLAY_LIFETIME)
    with reachable(engine), engine.begin() as connection:
        return int(connection.execute(statement).rowcount)
