"""What the API needs of whatever runs its jobs; the plugin module hands in Airflow's answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from include.secret import Secret

QUEUED, RUNNING, SUCCESS, FAILED = "queued", "running", "success", "failed"


@dataclass(frozen=True)
class Principal:
    """Who is asking.

    Attributes:
        name: login, for records.
        handle: the orchestrator's own idea of the caller; nobody else looks inside.
    """

    name: str
    handle: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class RunOrder:
    """A run that is to be started.

    Attributes:
        dag_id: which DAG.
        run_id: id the run gets.
        conf: its parameters; never a secret.
        partition_key: its day, ``YYYY-MM-DD``, for DAGs that carry days on to others; None for the rest.
        asked_by: login of who asked.
    """

    dag_id: str
    run_id: str
    conf: Mapping[str, Any]
    partition_key: str | None
    asked_by: str


@dataclass(frozen=True)
class RunState:
    """A run as it is now.

    Attributes:
        dag_id: its DAG.
        run_id: its id.
        state: queued, running, success or failed.
        step_count: task instances in all.
        finished_count: task instances that have ended, well or badly.
        running_steps: names of those at work, in order.
        started_at: aware UTC, None before it starts.
        ended_at: aware UTC, None before it ends.
        conf: its parameters.
        partition_key: its day, or None.
        interval_start: start of its data interval, or None.
    """

    dag_id: str
    run_id: str
    state: str
    step_count: int = 0
    finished_count: int = 0
    running_steps: tuple[str, ...] = ()
    started_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    conf: Mapping[str, Any] = field(default_factory=dict)
    partition_key: str | None = None
    interval_start: dt.datetime | None = None


@dataclass(frozen=True)
class FollowUp:
    """The run that another run's data sets off.

    Attributes:
        is_expected: data was published for it, so it runs or will run.
        run: the run, or None while it has not been created.
    """

    is_expected: bool
    run: RunState | None = None


@dataclass(frozen=True)
class SourceConnection:
    """A stored way to reach Metrika.

    Attributes:
        token: OAuth token, None when the connection has none.
        counter_ids: counters it names.
    """

    token: Secret | None
    counter_ids: tuple[int, ...] = ()


class Orchestrator(Protocol):
    """Who is asking, starting runs, and looking at runs."""

    async def authenticate(self, token: Secret) -> Principal | None:
        """Tell whose token this is.

        Args:
            token: bearer token or session cookie.

        Returns:
            The caller, or None for a token that is expired, revoked or not ours.
        """
        ...

    def may_edit(self, principal: Principal, dag_id: str) -> bool:
        """Say whether a caller may edit a DAG.

        Args:
            principal: the caller.
            dag_id: anchor DAG of a domain.

        Returns:
            True when the caller has the edit right.
        """
        ...

    def start_run(self, order: RunOrder) -> None:
        """Start a run; a run of that id that exists already is left alone.

        Args:
            order: what to start.

        Raises:
            StoreUnavailable: the DAG is not known yet, or the orchestrator's database does not answer.
            InputError: the DAG refuses the parameters.
        """
        ...

    def find_runs(self, run_id: str, dag_ids: tuple[str, ...]) -> tuple[RunState, ...]:
        """Find the runs of an id.

        Args:
            run_id: the id.
            dag_ids: DAGs to look in.

        Returns:
            One state per DAG that has such a run.

        Raises:
            StoreUnavailable: the orchestrator's database does not answer.
        """
        ...

    def follow_up(self, run: RunState, dag_id: str) -> FollowUp:
        """Find the run that a finished run's data set off in another DAG.

        Args:
            run: the earlier run.
            dag_id: the later DAG.

        Returns:
            The later run, as far as it exists.
        """
        ...

    def step_count(self, dag_id: str) -> int:
        """Count the tasks of a DAG, mapped ones once.

        Args:
            dag_id: the DAG.

        Returns:
            The count; 0 when the DAG is not known.
        """
        ...

    def last_error(self, run: RunState) -> str | None:
        """Give the message of the exception that a run failed with.

        Args:
            run: the run.

        Returns:
            The message of the first step that failed for good, or None when there is none to be found.
        """
        ...

    def connection(self, connection_id: str) -> SourceConnection | None:
        """Look up a stored connection to Metrika.

        Args:
            connection_id: its id.

        Returns:
            The connection, or None when there is no such one.
        """
        ...

    def encrypt(self, token: Secret) -> bytes:
        """Encrypt a token so that the tasks of a run can read it.

        Args:
            token: the token.

        Returns:
            Ciphertext.

        Raises:
            InputError: there is no key to encrypt with (code ``token_not_accepted``).
        """
        ...

    def is_scheduling(self) -> bool:
        """Say whether started runs will be worked on: the scheduler is alive."""
        ...

    def environment(self) -> Mapping[str, str]:
        """Give stored connections under the names of the settings; they win over the environment."""
        ...
