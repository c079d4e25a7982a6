"""Rows of jobs: what was asked, by whom, and the highest progress shown."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from include.days import utc_now
from include.state.tables import api_tasks

VISITS, CONVERSIONS, METRICS = "visits", "conversions", "metrics"
LATEST = 3  # at most one equal job is open, and it is the newest or close to it


@dataclass(frozen=True)
class TaskRow:
    """A job that was created through the API.

    Attributes:
        task_id: id of its run.
        kind: visits, conversions or metrics.
        parameters: what was asked; never a token.
        progress: highest percent ever shown.
        has_token: a token of the caller is still stored for it.
        created_by: login of the caller.
        created_at: aware UTC.
        finished_at: when its end was noticed, or None.
    """

    task_id: str
    kind: str
    parameters: Mapping[str, Any]
    progress: int
    has_token: bool
    created_by: str
    created_at: dt.datetime
    finished_at: dt.datetime | None


def digest_of(kind: str, parameters: Mapping[str, Any]) -> str:
    """Give the digest under which equal jobs are found.

    Args:
        kind: kind of job.
        parameters: what was asked.

    Returns:
        Hexadecimal SHA-256.
    """
    return hashlib.sha256(json.dumps([kind, parameters], sort_keys=True).encode()).hexdigest()


def add_task(connection: Connection, row: TaskRow, *, sha256: str, encrypted_token: bytes | None) -> None:
    """Store a new job; the caller commits.

    Args:
        connection: open transaction.
        row: the job.
        sha256: digest of its parameters.
        encrypted_token: ciphertext of the caller's token, or None.
    """
    values = {
        "task_id": row.task_id,
        "kind": row.kind,
        "parameters": dict(row.parameters),
        "parameters_sha256": sha256,
        "encrypted_token": encrypted_token,
        "created_by": row.created_by,
        "created_at": row.created_at,
    }
    connection.execute(insert(api_tasks).values(values))


def drop_task(connection: Connection, task_id: str) -> None:
    """Delete a job whose run could not be started.

    Args:
        connection: open transaction.
        task_id: the job.
    """
    connection.execute(delete(api_tasks).where(api_tasks.c.task_id == task_id))


def read_task(connection: Connection, task_id: str) -> TaskRow | None:
    """Read a job.

    Args:
        connection: open connection.
        task_id: the job.

    Returns:
        The job, or None when it was not created through the API.
    """
    return next(iter(_rows(connection, select(api_tasks).where(api_tasks.c.task_id == task_id))), None)


def equal_tasks(connection: Connection, kind: str, sha256: str) -> list[TaskRow]:
    """Find the latest jobs with equal parameters; whether one is still open, its runs say.

    Args:
        connection: open connection.
        kind: kind of job.
        sha256: digest of the parameters.

    Returns:
        The jobs, newest first.
    """
    c = api_tasks.c
    query = select(api_tasks).where(c.kind == kind, c.parameters_sha256 == sha256)
    return _rows(connection, query.order_by(c.created_at.desc()).limit(LATEST))


def uploads_for(connection: Connection, task_id: str) -> list[TaskRow]:
    """Find the conversion jobs that send what a task made.

    Args:
        connection: open connection.
        task_id: the visits task, or a conversion job itself.

    Returns:
        The jobs, oldest first.
    """
    c = api_tasks.c
    of_task = (c.parameters["task_id"].astext == task_id) | (c.task_id == task_id)
    query = select(api_tasks).where(c.kind == CONVERSIONS, of_task)
    return _rows(connection, query.order_by(c.created_at, c.task_id))


def task_of_upload(connection: Connection, upload_id: str) -> TaskRow | None:
    """Find the job of an upload.

    Args:
        connection: open connection.
        upload_id: the upload.

    Returns:
        The job, or None.
    """
    c = api_tasks.c
    query = select(api_tasks).where(c.kind == CONVERSIONS, c.parameters["upload_id"].astext == upload_id)
    return next(iter(_rows(connection, query)), None)


def raise_progress(connection: Connection, key: str, kind: str, percent: int) -> int:
    """Remember the highest progress of a run; one that the API did not create gets a row of its own.

    Args:
        connection: open transaction.
        key: task id, or DAG and run id of a run of others.
        kind: kind of job.
        percent: 0-100.

    Returns:
        The highest so far.
    """
    c = api_tasks.c
    change = update(api_tasks).where(c.task_id == key).values(progress=func.greatest(c.progress, percent))
    known = connection.execute(change.returning(c.progress)).scalar()
    if known is not None:
        return int(known)
    values = {"task_id": key, "kind": kind, "parameters": {}, "parameters_sha256": "", "created_by": ""}
    statement = insert(api_tasks).values(**values, progress=percent, created_at=utc_now())
    connection.execute(statement.on_conflict_do_nothing())
    return percent


def _rows(connection: Connection, query: Select[Any]) -> list[TaskRow]:
    return [_row(row) for row in connection.execute(query)]


def _row(row: Row[Any]) -> TaskRow:
    return TaskRow(
        row.task_id,
        row.kind,
        row.parameters,
        row.progress,
        row.encrypted_token is not None,
        row.created_by,
        row.created_at,
        row.finished_at,
    )
