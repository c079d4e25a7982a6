"""Registers the API app in Airflow's API server and its page in Airflow's menu; nothing else lives in this folder.

The app itself is in ``include/api`` and knows no Airflow. What it needs of one is answered here with public
functions of Airflow: who is asking, start a run, state of a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from include.api.orchestrator import FollowUp, Principal, RunOrder, RunState, SourceConnection
    from include.secret import Secret

PREFIX = "/counterflow"
PAGES = {name: f"{PREFIX}/ui/{name.lower()}" for name in ("Models", "Events", "Metrics")}  # by name in the menu
ENDED_STATES = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
LONGEST_ERROR_CHARS = 500


class CounterflowPlugin(AirflowPlugin):
    """The product's routes below ``/counterflow``; made in the API server only, where the list is asked for."""

    name = "counterflow"

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The app with its prefix."""
        from include.api.app import create_app

        return [{"app": create_app(AirflowOrchestrator()), "url_prefix": PREFIX, "name": "Counterflow"}]

    @cached_property
    def external_views(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The pages, under Browse; shown in a frame of the same address, so the session serves them."""
        from urllib.parse import urlsplit

        from airflow.configuration import conf

        root = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
        place = {"destination": "nav", "category": "browse"}
        return [
            {"name": name, "href": root + page, "url_route": f"counterflow-{name.lower()}", **place}
            for name, page in PAGES.items()
        ]


class AirflowOrchestrator:
    """Airflow's answers to :class:`include.api.orchestrator.Orchestrator`, which documents the methods."""

    async def authenticate(self, token: Secret) -> Principal | None:
        """Ask the auth manager whose token this is; works alike under all of them."""
        from airflow.api_fastapi.app import get_auth_manager
        from jwt import InvalidTokenError
        from sqlalchemy.exc import NoResultFound

        from include.api.orchestrator import Principal

        try:
            with _reachable():
                user = await get_auth_manager().get_user_from_token(token.value)
        except (InvalidTokenError, NoResultFound):
            return None
        return Principal(str(user.get_name()), user) if user else None

    def may_edit(self, principal: Principal, dag_id: str) -> bool:
        """Ask the auth manager for the right to edit the DAG; never looks at roles."""
        from airflow.api_fastapi.app import get_auth_manager
        from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails

        with _reachable():
            return bool(
                get_auth_manager().is_authorized_dag(method="PUT", user=principal.handle, details=DagDetails(id=dag_id))
            )

    def start_run(self, order: RunOrder) -> None:
        """Trigger the DAG as a manual run."""
        from airflow.api.common.trigger_dag import trigger_dag
        from airflow.exceptions import DagNotFound, DagRunAlreadyExists
        from airflow.utils.types import DagRunTriggeredByType

        from include.errors import InputError, StoreUnavailable

        try:
            with _reachable():
                trigger_dag(
                    order.dag_id,
                    triggered_by=DagRunTriggeredByType.REST_API,
                    triggering_user_name=order.asked_by,
                    run_id=order.run_id,
                    conf=dict(order.conf),
                    partition_key=order.partition_key,
                )
        except DagRunAlreadyExists:
            return
        except DagNotFound:
            raise StoreUnavailable(f"Airflow has not read the DAG {order.dag_id} yet; try again.") from None
        except ValueError as error:
            raise InputError(f"The DAG {order.dag_id} refuses this: {error}", code="run_refused") from None

    def find_runs(self, run_id: str, dag_ids: tuple[str, ...]) -> tuple[RunState, ...]:
        """Read the runs and the states of their tasks."""
        from airflow.models.dagrun import DagRun
        from sqlalchemy import select

        query = select(DagRun).where(DagRun.run_id == run_id, DagRun.dag_id.in_(dag_ids)).order_by(DagRun.dag_id)
        with _session() as session:
            return tuple(_run_state(session, run) for run in session.scalars(query))

    def follow_up(self, run: RunState, dag_id: str) -> FollowUp:
        """Follow the run's asset events to the partitioned run they made or will make."""
        from airflow.models.asset import AssetEvent, AssetPartitionDagRun, PartitionedAssetKeyLog
        from airflow.models.dagrun import DagRun
        from sqlalchemy import select

        from include.api.orchestrator import FollowUp

        promised = (
            select(AssetPartitionDagRun.created_dag_run_id)
            .join(PartitionedAssetKeyLog, PartitionedAssetKeyLog.asset_partition_dag_run_id == AssetPartitionDagRun.id)
            .join(AssetEvent, AssetEvent.id == PartitionedAssetKeyLog.asset_event_id)
            .where(AssetEvent.source_dag_id == run.dag_id, AssetEvent.source_run_id == run.run_id)
            .where(AssetPartitionDagRun.target_dag_id == dag_id)
            .order_by(AssetPartitionDagRun.id.desc())
        )
        with _session() as session:
            made = list(session.scalars(promised))
            later = session.get(DagRun, made[0]) if made and made[0] is not None else None
            return FollowUp(bool(made), _run_state(session, later) if later else None)

    def step_count(self, dag_id: str) -> int:
        """Count the tasks of the DAG's latest version."""
        from airflow.models.dagbag import DBDagBag

        with _session() as session:
            dag = DBDagBag().get_latest_version_of_dag(dag_id, session=session)
            return len(dag.task_ids) if dag else 0

    def last_error(self, run: RunState) -> str | None:
        """Read the exception from the log of the task that failed first; later ones fail because of it."""
        from airflow.models.taskinstance import TaskInstance
        from airflow.utils.log.log_reader import TaskLogReader
        from sqlalchemy import select

        query = select(TaskInstance).where(
            TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id, TaskInstance.state == "failed"
        )
        with _session() as session:
            for task in session.scalars(query.order_by(TaskInstance.end_date)):
                messages, _ = TaskLogReader().read_log_chunks(task, task.try_number, {})
                if found := _last_exception(messages):
                    return found
        return None

    def connection(self, connection_id: str) -> SourceConnection | None:
        """Look the connection up in all of Airflow's secrets backends."""
        from airflow.sdk import Connection
        from airflow.sdk.exceptions import AirflowNotFoundException

        from include.api.orchestrator import SourceConnection
        from include.secret import Secret
        from include.settings import parse_counters

        try:
            found = Connection.get(connection_id)
        except AirflowNotFoundException:
            return None
        extra = found.extra_dejson
        counters = str(extra.get("counters") or extra.get("counter") or found.schema or "")
        return SourceConnection(Secret(found.password) if found.password else None, parse_counters(counters))

    def encrypt(self, token: Secret) -> bytes:
        """Encrypt with Airflow's Fernet key."""
        from airflow.models.crypto import get_fernet

        from include.errors import InputError

        fernet = get_fernet()
        if not fernet.is_encrypted:
            raise InputError(
                "Tokens cannot be taken here, for Airflow has no key to encrypt them with (core.fernet_key).",
                code="token_not_accepted",
                pointer="/token",
            )
        return fernet.encrypt(token.value.encode())

    def is_scheduling(self) -> bool:
        """Look at the scheduler's heartbeat."""
        from airflow.jobs.scheduler_job_runner import SchedulerJobRunner

        with _reachable():
            job = SchedulerJobRunner.most_recent_job()
            return job is not None and job.is_alive()

    def environment(self) -> Mapping[str, str]:
        """Give the default connections under the names of the settings, as the tasks see them."""
        from dags.wiring.connections import connection_environ

        return connection_environ()


@contextmanager
def _reachable() -> Iterator[None]:
    from sqlalchemy.exc import InterfaceError, OperationalError

    from include.errors import StoreUnavailable

    try:
        yield
    except (OperationalError, InterfaceError):
        raise StoreUnavailable("Airflow's database does not answer; try again.") from None


@contextmanager
def _session() -> Iterator[Any]:
    from airflow.utils.session import create_session

    with _reachable(), create_session() as session:
        yield session


def _run_state(session: Any, run: Any) -> RunState:
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import select

    from include.api.orchestrator import RunState

    query = select(TaskInstance.task_id, TaskInstance.state).where(
        TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id
    )
    steps = [(task_id, str(getattr(state, "value", state))) for task_id, state in session.execute(query)]
    return RunState(
        dag_id=run.dag_id,
        run_id=run.run_id,
        state=str(getattr(run.state, "value", run.state)),
        step_count=len(steps),
        finished_count=sum(state in ENDED_STATES for _, state in steps),
        running_steps=tuple(sorted({task_id for task_id, state in steps if state == "running"})),
        started_at=run.start_date,
        ended_at=run.end_date,
        conf=dict(run.conf or {}),
        partition_key=run.partition_key,
        interval_start=run.data_interval_start,
    )


def _last_exception(messages: Any) -> str | None:
    """The message of the last exception in a task's log, secrets masked as Airflow masks them."""
    from airflow._shared.secrets_masker import redact

    found = None
    for message in messages:
        details = getattr(message, "error_detail", None)
        if details:
            first = details[0]  # the exception that ended the task; the others are its causes
            found = str(first.get("exc_value") or first.get("exc_type"))
    return str(redact(found)).strip()[:LONGEST_ERROR_CHARS] if found else None
