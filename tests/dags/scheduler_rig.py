"""A real Airflow with its scheduler, the real engines, and the sandbox."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.metrika_sandbox.behaviour.config import SandboxConfig
from include.metrika_sandbox.serving.server import SandboxHandle, run_sandbox
from include.services.airflow.client import AirflowClient
from include.services.airflow.running import running_airflow
from include.services.airflow.settings import AirflowHome, AirflowPorts, airflow_environ
from include.services.engines.endpoints import Endpoints
from include.services.processes.files import read_record
from include.services.stack import running_engines
from tests.dags.rig import DAG_IDS, PROJECT, DagRig

TOKEN = "planted-token-5b1f0c77"
CHAIN = DAG_IDS[:3]
PORTS = ("api", "worker_log", "trigger_log")
READING_SECONDS = 5.0


@dataclass
class SchedulerRig:
    """A running Airflow and what its runs leave behind."""

    client: AirflowClient
    environ: dict[str, str]
    local_dir: Path
    stores: DagRig

    @property
    def sandbox(self) -> SandboxHandle:
        return self.stores.sandbox

    @classmethod
    @contextlib.contextmanager
    def open(cls, local_dir: Path) -> Iterator[SchedulerRig]:
        config = SandboxConfig(token=TOKEN, visits_per_day=200, queue_seconds=0.1, status_seconds=0.2)
        with run_sandbox(config) as sandbox, running_engines(local_dir, {}) as endpoints:
            given = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
            given |= {"METRIKA_API_URL": sandbox.url, "METRIKA_TOKEN": TOKEN, "METRIKA_COUNTER": "101,202"}
            given |= {"COUNTERFLOW_POKE_SECONDS": "1", "METRIKA_POLL_SECONDS": "0.2"}
            stores = DagRig.open(endpoints.environment(), local_dir, sandbox)
            airflow = running_airflow(local_dir, endpoints, given, wanted_dags=DAG_IDS)
            with stores as rig, airflow as access:
                yield cls(access.client(), _environ_of(local_dir, endpoints, given), local_dir, rig)

    def airflow(self, *arguments: str) -> str:
        ran = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=self.environ, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr[-3000:]
        return ran.stdout

    def runs(self, dag_id: str, day: dt.date) -> list[dict[str, Any]]:
        return [run for run in self.client.runs(dag_id) if run.get("partition_key") == day.isoformat()]

    def wait(self, is_done: Callable[[], bool], what: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not is_done():
            assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s\n{self.report()}"
            time.sleep(0.5)

    def answer_until_done(self, dag_id: str, run_id: str, task_id: str, answer: str, *, seconds: float) -> None:
        """A person answers whenever the task asks, until the run has ended.

        Airflow takes a task for lost, and asks again, when the answer comes before the scheduler has noted that the
        task's process ended by waiting: so there may be more than one question, each read for some seconds.
        """
        quoted = run_id.replace("+", "%2B").replace(":", "%3A")
        path = f"/dags/{dag_id}/dagRuns/{quoted}/taskInstances/{task_id}"

        def is_done() -> bool:
            if self.client.ask("GET", path)["state"] == "awaiting_input":
                time.sleep(READING_SECONDS)
                body = {"chosen_options": [answer], "params_input": {}}
                self.client.ask("PATCH", f"{path}/-1/hitlDetails", body)
            return self.client.run(dag_id, run_id)["state"] in ("success", "failed")

        self.wait(is_done, f"the end of {run_id} after the answer {answer}", seconds)

    def wait_for_chain(self, days: list[dt.date], seconds: float) -> None:
        """Until each day has come to the end of the last DAG, and nothing of these days runs any more."""
        names = {day.isoformat() for day in days}

        def states() -> list[tuple[str, str, str]]:
            return [
                (dag_id, run["partition_key"], run["state"])
                for dag_id in CHAIN
                for run in self.client.runs(dag_id)
                if run.get("partition_key") in names
            ]

        def is_done() -> bool:
            found = states()
            arrived = {key for dag_id, key, state in found if dag_id == CHAIN[-1] and state == "success"}
            return arrived == names and all(state in ("success", "failed") for _, _, state in found)

        self.wait(is_done, "the daily chain", seconds)
        assert [one for one in states() if one[2] != "success"] == []

    def kill_task(self, dag_id: str, task_id: str, day: dt.date, seconds: float = 60.0) -> None:
        """SIGKILL the process of a task as soon as it is at work."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for run in self.runs(dag_id, day):
                if self._kill_in(dag_id, run["dag_run_id"], task_id):
                    return
            time.sleep(0.02)
        raise AssertionError(f"{dag_id}.{task_id} was never seen at work\n{self.report()}")

    def _kill_in(self, dag_id: str, run_id: str, task_id: str) -> bool:
        path = f"/dags/{dag_id}/dagRuns/{run_id.replace('+', '%2B').replace(':', '%3A')}/taskInstances"
        for entry in self.client.ask("GET", path)["task_instances"]:
            if entry["task_id"] == task_id and entry["state"] == "running" and _kill_titled(entry["id"]):
                return True
        return False

    def tries(self, dag_id: str, run_id: str) -> dict[str, int]:
        found = self.client.task_instances(dag_id, run_id)
        return {task.task_id: max(one.try_number for one in found if one.task_id == task.task_id) for task in found}

    def report(self) -> str:
        lines = []
        for dag_id in CHAIN:
            for run in self.client.runs(dag_id):
                tasks = self.client.task_instances(dag_id, run["dag_run_id"])
                states = ", ".join(f"{task.task_id}[{task.map_index}]={task.state}" for task in tasks)
                lines.append(f"{dag_id} {run['dag_run_id']} {run.get('partition_key')} {run['state']}: {states}")
        return "\n".join(lines)


def _environ_of(local_dir: Path, endpoints: Endpoints, given: dict[str, str]) -> dict[str, str]:
    home = AirflowHome.below(local_dir)
    ports = AirflowPorts(**{name: read_record(home.folder / "ports.json")[name] for name in PORTS})
    return airflow_environ(home, ports, endpoints, given)


def _kill_titled(task_instance_id: str) -> bool:
    """Kill the process that runs the task's code; the title of its executor process is a longer one."""
    title = f"airflow worker -- {task_instance_id}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (folder / "cmdline").read_bytes().strip(b"\0 ") == title:
                os.kill(int(folder.name), signal.SIGKILL)
                return True
    return False
