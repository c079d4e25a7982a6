"""Tasks created through the API: the token a caller gave, kept encrypted until the run ends."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Engine, select, update

from include.days import utc_now
from include.state.engine import reachable
from include.state.tables import api_tasks

TOKEN_LIFETIME = dt.timedelta(days=2)  # the longest a run follows its uploads, and a day


def read_encrypted_token(engine: Engine, task_id: str) -> bytes | None:
    """The encrypted token of a task.

    Args:
        engine: the state engine.
        task_id: the task.

    Returns:
        The ciphertext, or None when the task is unknown or brought none.
    """
    query = select(api_tasks.c.encrypted_token).where(api_tasks.c.task_id == task_id)
    with reachable(engine), engine.connect() as connection:
        found: bytes | None = connection.execute(query).scalar()
    return bytes(found) if found is not None else None


def forget_token(engine: Engine, task_id: str) -> None:
    """Delete the token of a task that has ended.

    Args:
        engine: the state engine.
        task_id: the task; unknown is fine.
    """
    statement = update(api_tasks).where(api_tasks.c.task_id == task_id)
    with reachable(engine), engine.begin() as connection:
        connection.execute(statement.values(encrypted_token=None, finished_at=utc_now()))


def forget_old_tokens(engine: Engine) -> int:
    """Delete tokens of tasks that never came to their end.

    Args:
        engine: the state engine.

    Returns:
        How many.
    """
    old = api_tasks.c.created_at < utc_now() - TOKEN_LIFETIME
    statement = update(api_tasks).where(old, api_tasks.c.encrypted_token.is_not(None)).values(encrypted_token=None)
    with reachable(engine), engine.begin() as connection:
        return int(connection.execute(statement).rowcount)
