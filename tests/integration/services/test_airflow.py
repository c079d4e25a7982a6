"""The life of the local Airflow: a real one, minutes long."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest

from include.services.airflow.client import HEALTH_PARTS
from include.services.airflow.running import access_of, access_path, running_airflow
from include.services.command import service_states
from include.services.doctor import check_installation
from include.services.processes.group import group_record
from include.services.stack import running_engines
from tests.integration.services.conftest import wait_until_gone

STOP_SECONDS = 90


def processes_of(local_dir: Path) -> list[int]:
    """The supervisor of this Airflow and everything below it."""
    supervisor = group_record(local_dir, "airflow").supervisor()
    assert supervisor is not None
    return [supervisor.pid, *(one.pid for one in psutil.Process(supervisor.pid).children(recursive=True))]


@pytest.mark.scheduler
@pytest.mark.timeout(600)
class TestRunningAirflow:
    def test_should_leave_nothing_running_when_the_block_ends(self, local_dir: Path) -> None:
        with running_engines(local_dir, {}) as endpoints, running_airflow(local_dir, endpoints, {}) as access:
            client = access.client()
            health = client.health()
            pools = {pool["name"]: pool["slots"] for pool in client.ask("GET", "/pools")["pools"]}
            written = json.loads(access_path(local_dir).read_text())
            mode = access_path(local_dir).stat().st_mode & 0o777
            wrong = [check for check in check_installation(local_dir, {}) if not check.is_ok]
            running = processes_of(local_dir)
        assert health == dict.fromkeys(HEALTH_PARTS, "healthy")
        assert pools["metrika_api"] == 3
        assert (written["user"], written["api_url"], mode) == ("admin", f"{written['ui_url']}/counterflow", 0o600)
        assert [check.name for check in wrong] == ["migrations"]  # nobody has used the product's database yet
        assert len(running) > 4
        assert wait_until_gone(running, 1) == []
        assert access_of(local_dir) is None

    def test_should_leave_nothing_running_when_the_caller_is_killed(self, local_dir: Path, hold) -> None:
        holder, report = hold("airflow", local_dir)
        running = processes_of(local_dir)
        holder.kill()
        left = wait_until_gone([*running, *report["pids"].values(), report["supervisor"]], STOP_SECONDS)
        assert (len(running) > 4, left) == (True, [])
        assert {one.state for one in service_states(local_dir)} == {"stopped"}
