"""Taking jobs: one run per job, an equal open job instead of a second one, ids that a retry finds again."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Engine

from include.api.context import ApiContext
from include.api.gate.idempotency import Claim
from include.api.gate.locks import hold_lock
from include.api.gate.problems import Refusal
from include.api.orchestrator import RunOrder
from include.api.tasks.task_rows import CONVERSIONS, TaskRow, add_task, digest_of, drop_task, equal_tasks, read_task
from include.api.tasks.task_views import dag_of, find_task, look
from include.days import utc_now
from include.failpoints import failpoint
from include.secret import Secret
from include.state.engine import reachable

UPLOADS = UUID("6f0b7c1e-94a5-4c37-8a6e-2f1d5b8e7c43")  # name space of upload ids
SCHEDULER_SECONDS = 30  # what a scheduler needs to come back
JOB_FAILPOINTS = ("api.job_stored", "api.job_started")


@dataclass(frozen=True)
class Asker:
    """Who asks for a job.

    Attributes:
        login: who it is, as Airflow is told.
        claim: the Idempotency-Key held by the request, or None.
    """

    login: str
    claim: Claim | None


@dataclass(frozen=True)
class JobOrder:
    """A job that is asked for.

    Attributes:
        kind: visits, conversions or metrics.
        parameters: what is asked; equal parameters make equal jobs.
        conf: parameters of its run, without the task id.
        partition_key: day of its run, for DAGs that carry days on.
        token: token to hand to its tasks, or None when they find one by themselves.
    """

    kind: str
    parameters: Mapping[str, Any]
    conf: Mapping[str, Any]
    partition_key: str | None = None
    token: Secret | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Taken:
    """A job that is on its way.

    Attributes:
        row: the job.
        is_new: it was made by this request, or by an earlier try of it.
    """

    row: TaskRow
    is_new: bool


def upload_id_of(task_id: str) -> str:
    """Give the upload id that belongs to a conversions job.

    Args:
        task_id: the job.

    Returns:
        A UUID, always the same one.
    """
    return str(uuid5(UPLOADS, task_id))


def new_task_id(kind: str, claim: Claim | None) -> str:
    """Make the id of a job.

    Args:
        kind: kind of job.
        claim: the Idempotency-Key held by the request; every try under it gets the same id.

    Returns:
        ``api__<kind>__<UTC time>__<8 hex>``.
    """
    began_at = claim.began_at if claim else utc_now()
    tail = claim.seed[:8] if claim else secrets.token_hex(4)
    return f"api__{kind}__{began_at:%Y%m%dT%H%M%SZ}__{tail}"


def take_job(context: ApiContext, order: JobOrder, asker: Asker) -> Taken:
    """Start a job, or find the equal one that is waiting or working.

    Args:
        context: of the app.
        order: what is asked.
        asker: who asks.

    Returns:
        The job.

    Raises:
        Refusal: the scheduler does not work (503).
        InputError: the DAG refuses the parameters.
        StoreUnavailable: a store cannot be reached.
    """
    state, sha256 = context.stores.state, digest_of(order.kind, order.parameters)
    with hold_lock(context.locks.jobs, f"job:{sha256}"):
        task_id = new_task_id(order.kind, asker.claim)
        known = _known(state, task_id) if asker.claim else None
        found = known or _open_job(context, order.kind, sha256)
        row = found or store_job(context, order, asker, task_id)
        with ExitStack() as unless_started:
            if found is None:
                unless_started.callback(forget_job, state, row)
            start_job(context, row, order)
            unless_started.pop_all()
    failpoint("api.job_started")
    return Taken(row, is_new=found is None or known is not None)


def store_job(context: ApiContext, order: JobOrder, asker: Asker, task_id: str) -> TaskRow:
    """Write a job down before anything is started for it.

    Args:
        context: of the app.
        order: what is asked.
        asker: who asks.
        task_id: its id.

    Returns:
        The job.

    Raises:
        InputError: a token was given and there is no key to encrypt it with.
    """
    parameters = dict(order.parameters)
    if order.kind == CONVERSIONS:
        parameters["upload_id"] = upload_id_of(task_id)
    encrypted = context.orchestrator.encrypt(order.token) if order.token else None
    row = TaskRow(task_id, order.kind, parameters, 0, encrypted is not None, asker.login, utc_now(), None)
    state = context.stores.state
    with reachable(state), state.begin() as connection:
        add_task(connection, row, sha256=digest_of(order.kind, order.parameters), encrypted_token=encrypted)
    failpoint("api.job_stored")
    return row


def forget_job(state: Engine, row: TaskRow) -> None:
    """Take back a job for which nothing was started.

    Args:
        state: the state engine.
        row: the job.
    """
    with reachable(state), state.begin() as connection:
        drop_task(connection, row.task_id)


def start_job(context: ApiContext, row: TaskRow, order: JobOrder) -> None:
    """Start the run of a job that was written down; one that runs already is left alone.

    Args:
        context: of the app.
        row: the job.
        order: what is asked.

    Raises:
        Refusal: the scheduler does not work (503).
        InputError: the DAG refuses the parameters.
        StoreUnavailable: the orchestrator's database does not answer.
    """
    if context.orchestrator.find_runs(row.task_id, (dag_of(row),)):
        return
    if not context.orchestrator.is_scheduling():
        raise Refusal(
            503,
            "unavailable",
            "Airflow's scheduler is not running, so nothing would be done; try again when it is.",
            retry_after_seconds=SCHEDULER_SECONDS,
        )
    conf = {**order.conf, "task_id": row.task_id}
    if order.kind == CONVERSIONS:
        conf["upload_id"] = row.parameters["upload_id"]
    context.orchestrator.start_run(
        RunOrder(dag_of(row), row.task_id, conf, order.partition_key, asked_by=row.created_by)
    )


def _known(state: Engine, task_id: str) -> TaskRow | None:
    with reachable(state), state.connect() as connection:
        return read_task(connection, task_id)


def _open_job(context: ApiContext, kind: str, sha256: str) -> TaskRow | None:
    state = context.stores.state
    with reachable(state), state.connect() as connection:
        rows = equal_tasks(connection, kind, sha256)
    return next((row for row in rows if look(context, find_task(context, row.task_id)).is_open), None)
