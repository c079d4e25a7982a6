"""A small client of the local Airflow's REST interface."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests

from include.errors import ServiceError
from include.secret import Secret

HEALTH_PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
FINAL_STATES = frozenset({"success", "failed"})
REQUEST_SECONDS, POLL_SECONDS = 30.0, 0.5
PAGE_ROWS = 1000
UNAUTHENTICATED = frozenset({401, 403})  # 403 is what an expired token gets


@dataclass(frozen=True)
class TaskState:
    """One task of a run.

    Attributes:
        task_id: its id.
        map_index: number among mapped tasks; -1 when not mapped.
        state: Airflow's word, for example ``success``; empty before it is scheduled.
        try_number: attempts so far.
        duration_seconds: of the last attempt; None before it ends.
    """

    task_id: str
    map_index: int
    state: str
    try_number: int
    duration_seconds: float | None


class AirflowClient:
    """Speaks to one Airflow as one user.

    Args:
        ui_url: base address without a trailing slash.
        user: login.
        password: its password.
    """

    def __init__(self, ui_url: str, user: str, password: Secret) -> None:
        self.ui_url = ui_url.rstrip("/")
        self._user, self._password = user, password
        self._token: Secret | None = None
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy of the environment must not see loopback traffic

    def health(self) -> dict[str, str]:
        """Ask for the state of Airflow's four parts.

        Returns:
            State by part; empty while the API server does not answer.
        """
        try:
            answer = self._session.get(f"{self.ui_url}/api/v2/monitor/health", timeout=REQUEST_SECONDS)
            report = answer.json() if answer.ok else {}
        except (requests.RequestException, ValueError):
            return {}
        return {part: str((report.get(part) or {}).get("status")) for part in HEALTH_PARTS}

    def token(self) -> Secret:
        """Give a bearer token for the API and the plugin's routes, valid for a day."""
        if self._token is None:
            answer = self._session.post(
                f"{self.ui_url}/auth/token",
                json={"username": self._user, "password": self._password.value},
                timeout=REQUEST_SECONDS,
            )
            if not answer.ok:
                raise ServiceError(f"Airflow refused the login of {self._user} ({answer.status_code}).")
            self._token = Secret(answer.json()["access_token"])
        return self._token

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, **query: Any) -> Any:
        """Make one request.

        Args:
            method: HTTP method.
            path: path below ``/api/v2``, ids already quoted.
            body: JSON body.
            query: query parameters.

        Returns:
            The decoded answer; None when it has no body.

        Raises:
            ServiceError: Airflow refused or cannot be reached; the message is Airflow's own.
        """
        try:
            answer = self._send(method, path, body, query)
            if answer.status_code in UNAUTHENTICATED:
                self._token = None
                answer = self._send(method, path, body, query)
        except requests.RequestException as error:
            raise ServiceError(f"Airflow at {self.ui_url} cannot be reached: {type(error).__name__}.") from error
        if not answer.ok:
            raise ServiceError(f"Airflow answered {answer.status_code} to {method} {path}: {answer.text[:500]}")
        return answer.json() if answer.content else None

    def set_pool(self, name: str, slot_count: int, description: str) -> None:
        """Create a pool or change its size.

        Args:
            name: pool name.
            slot_count: how many tasks may use it at once.
            description: for people.
        """
        body = {"slots": slot_count, "description": description, "include_deferred": False}
        known = self.ask("GET", "/pools", limit=PAGE_ROWS)["pools"]
        if name in {pool["name"] for pool in known}:
            self.ask("PATCH", f"/pools/{_quoted(name)}", {"pool": name, **body})
        else:
            self.ask("POST", "/pools", {"name": name, **body})

    def dag_ids(self) -> list[str]:
        """Name the DAGs Airflow has read."""
        return [dag["dag_id"] for dag in self.ask("GET", "/dags", limit=PAGE_ROWS)["dags"]]

    def import_errors(self) -> dict[str, str]:
        """Give the last line of the error of each DAG file that cannot be read, by file."""
        entries = self.ask("GET", "/importErrors", limit=PAGE_ROWS)["import_errors"]
        return {entry["filename"]: (entry["stack_trace"].strip().splitlines() or [""])[-1] for entry in entries}

    def unpause(self, dag_id: str, *, is_paused: bool = False) -> None:
        """Let a DAG run, or stop it from starting new runs.

        Args:
            dag_id: which.
            is_paused: True pauses it.
        """
        self.ask("PATCH", f"/dags/{_quoted(dag_id)}", {"is_paused": is_paused})

    def trigger(self, dag_id: str, *, conf: dict[str, Any] | None = None, partition_key: str | None = None) -> str:
        """Start a run by hand.

        Args:
            dag_id: which DAG.
            conf: its parameters.
            partition_key: day, for DAGs with partitions.

        Returns:
            The run id.
        """
        body: dict[str, Any] = {"logical_date": None, "conf": conf or {}}
        if partition_key is not None:
            body["partition_key"] = partition_key
        return str(self.ask("POST", f"/dags/{_quoted(dag_id)}/dagRuns", body)["dag_run_id"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Give one run as Airflow describes it."""
        return dict(self.ask("GET", f"/dags/{_quoted(dag_id)}/dagRuns/{_quoted(run_id)}"))

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """Give the latest runs of a DAG, newest first."""
        path = f"/dags/{_quoted(dag_id)}/dagRuns"
        return list(self.ask("GET", path, limit=PAGE_ROWS, order_by="-run_after")["dag_runs"])

    def wait_for_run(self, dag_id: str, run_id: str, *, seconds: float) -> str:
        """Wait until a run has ended.

        Args:
            dag_id: which DAG.
            run_id: which run.
            seconds: longest wait.

        Returns:
            ``success`` or ``failed``.

        Raises:
            ServiceError: it has not ended in time.
        """
        deadline = time.monotonic() + seconds
        while (state := str(self.run(dag_id, run_id)["state"])) not in FINAL_STATES:
            if time.monotonic() >= deadline:
                tasks = ", ".join(f"{task.task_id} {task.state}" for task in self.task_instances(dag_id, run_id))
                raise ServiceError(
                    f"Run {run_id} of {dag_id} is still {state} after {seconds:.0f} seconds ({tasks}); "
                    f"look at {self.ui_url}/dags/{dag_id}/runs/{_quoted(run_id)}."
                )
            time.sleep(POLL_SECONDS)
        return state

    def task_instances(self, dag_id: str, run_id: str) -> list[TaskState]:
        """Give the tasks of a run.

        Args:
            dag_id: which DAG.
            run_id: which run.

        Returns:
            One entry per task and map index, in order of start.
        """
        path = f"/dags/{_quoted(dag_id)}/dagRuns/{_quoted(run_id)}/taskInstances"
        entries = self.ask("GET", path, limit=PAGE_ROWS)["task_instances"]
        entries.sort(key=lambda entry: (entry["start_date"] or "9", entry["task_id"], entry["map_index"]))
        return [
            TaskState(
                task_id=entry["task_id"],
                map_index=entry["map_index"],
                state=entry["state"] or "",
                try_number=entry["try_number"],
                duration_seconds=entry["duration"],
            )
            for entry in entries
        ]

    def backfill(
        self,
        dag_id: str,
        from_date: dt.date,
        to_date: dt.date,
        *,
        max_active_runs: int = 2,
        reprocess_behavior: str = "none",
        conf: dict[str, Any] | None = None,
    ) -> int:
        """Start a backfill over whole days.

        Args:
            dag_id: which DAG.
            from_date: first day, in the timetable's zone.
            to_date: last day, included.
            max_active_runs: runs at once.
            reprocess_behavior: ``none``, ``failed`` or ``completed``.
            conf: parameters of every run.

        Returns:
            The backfill's id.
        """
        body = {
            "dag_id": dag_id,
            "from_date": f"{from_date.isoformat()}T00:00:00Z",
            "to_date": f"{to_date.isoformat()}T00:00:00Z",
            "max_active_runs": max_active_runs,
            "reprocess_behavior": reprocess_behavior,
            "dag_run_conf": conf or {},
        }
        return int(self.ask("POST", "/backfills", body)["id"])

    def wait_for_backfill(self, backfill_id: int, *, seconds: float) -> None:
        """Wait until all runs of a backfill have ended, well or badly.

        Args:
            backfill_id: which.
            seconds: longest wait.

        Raises:
            ServiceError: it has not ended in time.
        """
        deadline = time.monotonic() + seconds
        while self.ask("GET", f"/backfills/{backfill_id}")["completed_at"] is None:
            if time.monotonic() >= deadline:
                raise ServiceError(f"Backfill {backfill_id} has not ended after {seconds:.0f} seconds.")
            time.sleep(POLL_SECONDS)

    def _send(self, method: str, path: str, body: dict[str, Any] | None, query: dict[str, Any]) -> requests.Response:
        return self._session.request(
            method,
            f"{self.ui_url}/api/v2{path}",
            json=body,
            params=query,
            headers={"Authorization": f"Bearer {self.token().value}"},
            timeout=REQUEST_SECONDS,
        )


def _quoted(identifier: str) -> str:
    return quote(identifier, safe="")  # run ids hold "+" and ":"
