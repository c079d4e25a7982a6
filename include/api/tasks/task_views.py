"""Tasks as callers see them: one task is a run, or a load and the scoring run it sets off."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from include.api.context import ApiContext
from include.api.gate.problems import Refusal
from include.api.orchestrator import FAILED, QUEUED, RUNNING, SUCCESS, FollowUp, RunState
from include.api.tasks.task_rows import CONVERSIONS, METRICS, VISITS, TaskRow, raise_progress, read_task
from include.days import resolve_run_days, utc_now
from include.errors import InputError
from include.state.api_tasks import forget_token
from include.state.counters import read_counter
from include.state.engine import reachable
from include.state.manifest import read_stages

LOADING, SCORING, UPLOADING = "metrika_logs", "visit_scoring", "conversion_upload"
CALCULATING = "learning_metrics"
KINDS = {LOADING: VISITS, SCORING: VISITS, UPLOADING: CONVERSIONS, CALCULATING: METRICS}
ONE_DAG = {CONVERSIONS: UPLOADING, METRICS: CALCULATING}  # visits begin with loading, or with scoring
PENDING, DONE = "pending", "done"  # running and failed are called as the orchestrator calls them
START_SECONDS = 60  # a job whose run does not exist after this was lost at its start
ALMOST, COMPLETE = 99, 100
NOT_SCORED = "The day was loaded but nothing of it was scored; look at the run of visit_scoring."
NEVER_STARTED = "The job was taken but its run was never started; send the request again."


@dataclass(frozen=True)
class TaskRef:
    """A task that exists.

    Attributes:
        task_id: its id.
        kind: visits, conversions or metrics.
        dag_id: DAG of its first run.
        row: what was asked through the API; None for runs of others.
        run: its first run; None while it has none.
    """

    task_id: str
    kind: str
    dag_id: str
    row: TaskRow | None
    run: RunState | None

    @property
    def progress_key(self) -> str:
        """Name under which its progress is kept."""
        return self.task_id if self.row else f"{self.dag_id}/{self.task_id}"


@dataclass(frozen=True)
class TaskView:
    """A task as it is now.

    Attributes:
        status: pending, running, done or failed.
        progress: finished steps of all, percent.
        message: what is going on.
        started_at: aware UTC or None.
        finished_at: aware UTC or None.
        error: message of the last exception, or None.
    """

    status: str
    progress: int
    message: str
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    error: str | None

    @property
    def is_open(self) -> bool:
        """Whether it waits or works."""
        return self.status in (PENDING, RUNNING)


def dag_of(row: TaskRow) -> str:
    """Name the DAG of a job's first run.

    Args:
        row: the job.

    Returns:
        The DAG id.
    """
    if row.kind in ONE_DAG:
        return ONE_DAG[row.kind]
    return LOADING if row.parameters.get("reload", True) else SCORING


def find_task(context: ApiContext, task_id: str, dag_id: str | None = None, *, asked_by: str | None = None) -> TaskRef:
    """Find a task by its id.

    Args:
        context: of the app.
        task_id: id of a run.
        dag_id: its DAG, when several have a run of that id.
        asked_by: only a task that was asked for by this login; None for any.

    Returns:
        The task.

    Raises:
        Refusal: no such task (404), or several (409).
    """
    if not task_id.isprintable():
        raise _unknown()
    state = context.stores.state
    with reachable(state), state.connect() as connection:
        row = read_task(connection, task_id)
    if asked_by is not None and (row is None or row.created_by != asked_by):
        raise _unknown()
    if row is not None and dag_id in (None, dag_of(row)):
        runs = context.orchestrator.find_runs(task_id, (dag_of(row),))
        return TaskRef(task_id, row.kind, dag_of(row), row, runs[0] if runs else None)
    wanted = tuple(KINDS) if dag_id is None else tuple(known for known in KINDS if known == dag_id)
    runs = context.orchestrator.find_runs(task_id, wanted)
    if not runs:
        raise _unknown()
    if len(runs) > 1:
        names = ", ".join(run.dag_id for run in runs)
        raise Refusal(409, "ambiguous_task", f"Several DAGs have a run of this id; add dag_id, one of {names}.")
    return TaskRef(task_id, KINDS[runs[0].dag_id], runs[0].dag_id, None, runs[0])


def look(context: ApiContext, ref: TaskRef) -> TaskView:
    """See how a task is; notes the end of one that has ended.

    Args:
        context: of the app.
        ref: the task.

    Returns:
        The view; its progress is never lower than one given before.
    """
    if ref.run is None:
        view = _without_run(ref)
    elif ref.run.state == SUCCESS and ref.dag_id == LOADING:
        view = _two_runs(context, ref, ref.run)
    else:
        planned = context.orchestrator.step_count(SCORING) if ref.dag_id == LOADING else 0
        view = _view(context, [ref.run], ref.run.state, planned)
    view = _with_progress(context, ref, view)
    if not view.is_open and ref.row is not None and (ref.row.has_token or ref.row.finished_at is None):
        forget_token(context.stores.state, ref.task_id)
    return view


def parts_of(context: ApiContext, ref: TaskRef) -> list[tuple[dt.date, int]]:
    """Name the days and counters a visits task is for.

    Args:
        context: of the app.
        ref: the task.

    Returns:
        Pairs of local day and counter, in order.
    """
    parameters = ref.row.parameters if ref.row else ref.run.conf if ref.run else {}
    counter_ids = tuple(parameters.get("counters") or context.settings.metrika.counter_ids)
    key, start = (ref.run.partition_key, ref.run.interval_start) if ref.run else (None, None)
    return sorted(
        (day, int(counter_id))
        for counter_id in counter_ids
        for day in _days(context, parameters, key, start, counter_id)
    )


def scored_parts(context: ApiContext, ref: TaskRef) -> list[tuple[dt.date, int]]:
    """Name those days and counters of a task that have scores.

    Args:
        context: of the app.
        ref: the task.

    Returns:
        Pairs of local day and counter, in order.
    """
    parts, state = parts_of(context, ref), context.stores.state
    with reachable(state), state.connect() as connection:
        return [
            (day, counter_id) for day, counter_id in parts if read_stages(connection, counter_id, [day], ["scores"])
        ]


def _days(
    context: ApiContext, parameters: Any, key: str | None, start: dt.datetime | None, counter_id: int
) -> Sequence[dt.date]:
    state = context.stores.state
    try:
        with reachable(state), state.connect() as connection:
            zone = read_counter(connection, counter_id).zone
        return resolve_run_days(parameters, key, start, zone)
    except InputError:
        return ()  # the run itself refused for the same reason, or knows no such counter


def _without_run(ref: TaskRef) -> TaskView:
    is_lost = ref.row is None or (utc_now() - ref.row.created_at).total_seconds() > START_SECONDS
    if is_lost:
        return TaskView(FAILED, 0, "never started", None, ref.row.created_at if ref.row else None, NEVER_STARTED)
    return TaskView(PENDING, 0, "about to start", None, None, None)


def _two_runs(context: ApiContext, ref: TaskRef, load: RunState) -> TaskView:
    follow_up: FollowUp = context.orchestrator.follow_up(load, SCORING)
    if follow_up.run is not None:
        state = RUNNING if follow_up.run.state == QUEUED else follow_up.run.state
        return _view(context, [load, follow_up.run], state, 0)
    planned = context.orchestrator.step_count(SCORING)
    if follow_up.is_expected:
        return _view(context, [load], RUNNING, planned)
    if scored_parts(context, ref):
        return _view(context, [load], SUCCESS, 0)
    ended = load.ended_at
    return TaskView(FAILED, 0, "loaded, not scored", load.started_at, ended, NOT_SCORED)


def _view(context: ApiContext, runs: Sequence[RunState], state: str, planned_count: int) -> TaskView:
    """Put runs together; steps of a run that does not exist yet count as planned."""
    finished = sum(run.finished_count for run in runs)
    total = max(1, planned_count + sum(run.step_count for run in runs))
    percent = COMPLETE if state == SUCCESS else min(ALMOST, COMPLETE * finished // total)
    working = ", ".join(step for run in runs for step in run.running_steps)
    done = f"{finished} of {total} steps done"
    message = {
        QUEUED: "waiting to start",
        RUNNING: f"{working} running, {done}" if working else done,
        SUCCESS: "finished",
        FAILED: f"failed in {runs[-1].dag_id}, {done}",
    }[state]
    is_over = state in (SUCCESS, FAILED)
    return TaskView(
        status={QUEUED: PENDING, SUCCESS: DONE}.get(state, state),
        progress=percent,
        message=message,
        started_at=runs[0].started_at,
        finished_at=runs[-1].ended_at if is_over else None,
        error=_error(context, runs[-1]) if state == FAILED else None,
    )


def _error(context: ApiContext, run: RunState) -> str:
    return context.orchestrator.last_error(run) or f"Run {run.run_id} of {run.dag_id} failed; its log says why."


def _with_progress(context: ApiContext, ref: TaskRef, view: TaskView) -> TaskView:
    state = context.stores.state
    with reachable(state), state.begin() as connection:
        highest = raise_progress(connection, ref.progress_key, ref.kind, view.progress)
    return TaskView(view.status, highest, view.message, view.started_at, view.finished_at, view.error)


def _unknown() -> Refusal:
    return Refusal(404, "task_unknown", "Task not found")
