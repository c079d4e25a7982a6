"""Routes of tasks: create one that scores visits; status and result of all kinds; uploads."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Query, Request, Response
from fastapi.responses import JSONResponse

from include.accounts.roles import ANYONE
from include.api.context import ApiContext
from include.api.gate.callers import Caller, CallerKind
from include.api.gate.policies import READ, VISITS_ANCHOR, Rules, write
from include.api.gate.problems import Refusal
from include.api.gate.routing import Routes
from include.api.tasks.jobs import Asker, JobOrder, take_job
from include.api.tasks.metric_results import calculated_slices
from include.api.tasks.shapes import (
    DEFAULT_LIMIT,
    LARGEST_OFFSET,
    LimitQuery,
    TaskBody,
    TaskCreated,
    TaskResult,
    TaskStatus,
    UploadView,
)
from include.api.tasks.sources import JobSource, resolve_source, zone_to_check
from include.api.tasks.task_rows import CONVERSIONS, METRICS, VISITS
from include.api.tasks.task_views import DONE, TaskRef, find_task, look, scored_parts
from include.api.tasks.upload_views import views_of_task
from include.days import parse_day, require_closed_day
from include.state.counters import read_counter
from include.state.engine import reachable
from include.visits.scoring.export import read_level4_page

POLL_SECONDS = 5  # a step of Airflow takes about a second, a day some dozens
DagQuery = Annotated[str | None, Query(max_length=250, description="DAG of the run, when several have this id.")]


def add_routes(routes: Routes, context: ApiContext) -> None:
    """Register the routes of this module.

    Args:
        routes: where to.
        context: of the app.
    """
    tasks = VisitTasks(context)
    reading, also_own = Rules(READ), Rules(READ.also(roles=ANYONE))
    options: dict[str, Any] = {"tags": ["visits"]}
    routes.add(
        "POST",
        "/tasks",
        tasks.create,
        Rules(write(VISITS_ANCHOR), is_idempotent=True),
        status_code=202,
        response_model=TaskCreated,
        responses={200: {"model": TaskCreated, "description": "An equal job is waiting or working"}},
        summary="Load and score a day",
        **options,
    )
    routes.add(
        "GET",
        "/tasks/{task_id}/status",
        tasks.status,
        also_own,
        errors=(404, 409),
        response_model=TaskStatus,
        summary="How a task is",
        **options,
    )
    routes.add(
        "GET",
        "/tasks/{task_id}/result",
        tasks.result,
        also_own,
        errors=(404, 409),
        response_model=TaskResult,
        responses={202: _NOT_FINISHED},
        summary="What a finished task made: level 4+ visits, uploads, or calculated periods",
        **options,
    )
    routes.add(
        "GET",
        "/tasks/{task_id}/conversions",
        tasks.conversions,
        reading,
        errors=(404, 409),
        response_model=list[UploadView],
        summary="Uploads of a task, oldest first",
        **options,
    )


_NOT_FINISHED: dict[str, Any] = {
    "description": "The task is not finished",
    "headers": {"Retry-After": {"schema": {"type": "integer"}}},
    "content": {
        "application/json": {
            "schema": {"type": "object", "required": ["detail"], "properties": {"detail": {"type": "string"}}},
            "example": {"detail": "Task not finished"},
        }
    },
}


class VisitTasks:
    """Endpoints of visit scoring tasks.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def create(self, body: TaskBody, request: Request, response: Response) -> dict[str, str]:
        """Start loading and scoring a day of one or more counters.

        Missing token and counter come from the connection or the environment. A job with equal parameters
        that is waiting or working is given back with status 200.
        """
        day = parse_day(body.date)
        source = resolve_source(self._context, body)
        for counter_id in source.counter_ids:
            require_closed_day(day, zone_to_check(self._context, source, counter_id))
        taken = take_job(self._context, _order(body, day, source), asker_of(request))
        response.status_code = 202 if taken.is_new else 200
        response.headers["Location"] = status_link(self._context, request, taken.row.task_id)
        return {"task_id": taken.row.task_id}

    def status(self, task_id: str, request: Request, dag_id: DagQuery = None) -> dict[str, Any]:
        """Tell how a task is: a run made here, or any run of the daily DAGs by its run id.

        An account sees the tasks it asked for itself.
        """
        ref = find_task(self._context, task_id, dag_id, asked_by=_account_of(request))
        view = look(self._context, ref)
        times = {"started_at": shown(view.started_at), "finished_at": shown(view.finished_at)}
        return {"task_id": task_id, "kind": ref.kind, **asdict(view), **times}

    def result(
        self,
        task_id: str,
        request: Request,
        limit: Annotated[LimitQuery, Query()] = DEFAULT_LIMIT,
        offset: Annotated[int, Query(ge=0, le=LARGEST_OFFSET)] = 0,
        dag_id: DagQuery = None,
    ) -> Any:
        """Give a page of what a task made.

        Of a visits task the level 4+ visits, ordered by local start and visit id; over several days or counters day by
        day, counter by counter. Of a conversions task its uploads, of a metrics task a row per metric and period with
        counts. An account sees the tasks it asked for itself.
        """
        ref = find_task(self._context, task_id, dag_id, asked_by=_account_of(request))
        view = look(self._context, ref)
        if view.is_open:
            return JSONResponse({"detail": "Task not finished"}, 202, {"Retry-After": str(POLL_SECONDS)})
        require_done(view.status, view.error)
        if ref.kind == CONVERSIONS:
            return _page([asdict(one) for one in views_of_task(self._context, task_id)], limit, offset)
        if ref.kind == METRICS:
            rows, total = calculated_slices(self._context, ref, limit, offset)
            return {"data": rows, "pagination": _pagination(total, limit, offset, len(rows))}
        return self._visits(ref, limit, offset)

    def conversions(self, task_id: str, dag_id: DagQuery = None) -> list[dict[str, Any]]:
        """Give the status of every upload that was asked for with this task."""
        find_task(self._context, task_id, dag_id)
        return [asdict(one) for one in views_of_task(self._context, task_id)]

    def _visits(self, ref: TaskRef, limit: int, offset: int) -> dict[str, Any]:
        stores, total = self._context.stores, 0
        rows: list[dict[str, Any]] = []
        for day, counter_id in scored_parts(self._context, ref):
            with reachable(stores.state), stores.state.connect() as connection:
                zone = read_counter(connection, counter_id).zone
            page = read_level4_page(
                stores.warehouse,
                counter_id=counter_id,
                day=day,
                zone=zone,
                limit=limit,
                offset=max(0, offset - total),
            )
            rows += page["data"][: limit - len(rows)]
            total += page["pagination"]["total"]
        return {"data": rows, "pagination": _pagination(total, limit, offset, len(rows))}


def status_link(context: ApiContext, request: Request, task_id: str) -> str:
    """Give the address of a task's status.

    Args:
        context: of the app.
        request: the request.
        task_id: the task.

    Returns:
        The address.
    """
    return context.api.link(request.scope.get("root_path", ""), f"/tasks/{task_id}/status")


def asker_of(request: Request) -> Asker:
    """Say who asks for a job, as the guard found.

    Args:
        request: the request.

    Returns:
        Who asks.
    """
    return Asker(request.state.caller.login, getattr(request.state, "claim", None))


def shown(instant: dt.datetime | None) -> str | None:
    """Write an instant as the API does.

    Args:
        instant: aware UTC, or None.

    Returns:
        RFC 3339 in milliseconds, or None.
    """
    if instant is None:
        return None
    return instant.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def require_done(status: str, error: str | None) -> None:
    """Refuse to go on with a task that is not done.

    Args:
        status: status of the task.
        error: why it failed, when it did.

    Raises:
        Refusal: it is not finished, or it failed (409).
    """
    if status == DONE:
        return
    if status == "failed":
        raise Refusal(409, "task_failed", f"The task failed: {error}")
    raise Refusal(409, "task_not_finished", "Task not finished", retry_after_seconds=POLL_SECONDS)


def _account_of(request: Request) -> str | None:
    """The account that asks; None for users of Airflow, who see all tasks."""
    caller: Caller = request.state.caller
    return caller.login if caller.kind is CallerKind.ACCOUNT else None


def _order(body: TaskBody, day: dt.date, source: JobSource) -> JobOrder:
    asked = {"date": day.isoformat(), "counters": list(source.counter_ids)}
    parameters = {**asked, "reload": body.reload, "connection_id": source.connection_id}
    token = source.token if source.is_own_token else None
    if not body.reload:
        return JobOrder(VISITS, parameters, asked, token=token)
    conf = {**asked, "refresh": False, **({"connection_id": body.connection_id} if body.connection_id else {})}
    return JobOrder(VISITS, parameters, conf, partition_key=day.isoformat(), token=token)


def _page(rows: list[dict[str, Any]], limit: int, offset: int) -> dict[str, Any]:
    chosen = rows[offset : offset + limit]
    return {"data": chosen, "pagination": _pagination(len(rows), limit, offset, len(chosen))}


def _pagination(total: int, limit: int, offset: int, shown_count: int) -> dict[str, Any]:
    return {"total": total, "limit": limit, "offset": offset, "has_more": offset + shown_count < total}
