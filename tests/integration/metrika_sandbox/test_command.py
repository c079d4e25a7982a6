"""The sandbox as a command: served with switches, changed while it runs, stopped cleanly (M26)."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from include.metrika_sandbox.behaviour.config import DEMO_TOKEN

PROJECT = Path(__file__).parents[3]
DAY = "2025-11-04"
COMMAND = (sys.executable, "-m", "include", "sandbox")
OWN = {"Authorization": f"OAuth {DEMO_TOKEN}"}


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], cwd=PROJECT, capture_output=True, text=True, timeout=60)


@contextlib.contextmanager
def served(*words: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A sandbox process and its address."""
    with subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", *words],
        cwd=PROJECT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found is not None
            yield found[0], process
        finally:
            process.terminate()
            process.wait(20)


def get(url: str, path: str) -> requests.Response:
    return requests.get(f"{url}/management/v1/counter/101{path}", headers=OWN, timeout=10)


class TestM26Serve:
    def test_should_serve_counters_with_their_zones(self) -> None:
        with served("--counters", "101:Europe/Berlin,7") as (url, _):
            assert get(url, "").json()["counter"]["time_zone_name"] == "Europe/Berlin"

    def test_should_start_with_the_faults_named(self) -> None:
        with served("--faults", "quota_420=0,daily_quota=5000") as (url, _):
            assert get(url, "/goals").status_code == 420

    def test_should_change_every_switch_while_it_runs(self) -> None:
        with served() as (url, _):
            switch = f"{url}/sandbox/faults"
            statuses = [get(url, "/goals").status_code]
            for faults in ("server_errors_503=1", ""):
                requests.post(switch, data=faults, timeout=10).raise_for_status()
                statuses.append(get(url, "/goals").status_code)
            assert statuses == [200, 503, 200]

    def test_should_say_which_fault_it_does_not_know_while_it_runs(self) -> None:
        with served() as (url, _):
            answer = requests.post(f"{url}/sandbox/faults", data="no_such", timeout=10)
            assert (answer.status_code, "no_such" in answer.json()["message"]) == (400, True)

    def test_should_fail_the_next_request_it_is_told_to(self) -> None:
        with served() as (url, _):
            requests.post(f"{url}/sandbox/fail-next", json={"path_part": "/goals", "status": 504}, timeout=10)
            assert [get(url, "/goals").status_code for _ in range(2)] == [504, 200]

    def test_should_change_visits_late_when_told_to(self) -> None:
        with served("--visits", "50") as (url, _):
            given = {"counter": "101", "date": DAY, "visits": "5"}
            assert requests.post(f"{url}/sandbox/late-edits", params=given, timeout=10).json() == {"edited": 5}

    def test_should_have_no_visits_on_an_empty_date(self) -> None:
        with served("--visits", "50", "--empty-dates", f"{DAY},2025-11-05") as (url, _):
            answer = requests.get(f"{url}/sandbox/labels", params={"counter": "101", "date": DAY}, timeout=10)
            assert answer.json() == {"labels": []}

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_should_stop_cleanly_when_asked_to(self, number: signal.Signals) -> None:
        with served() as (_, process):
            process.send_signal(number)
            assert process.wait(20) == 0


class TestM26OtherProcesses:
    def test_should_tell_the_same_labels_as_the_server(self) -> None:
        printed = run("labels", "--date", DAY, "--counter", "101", "--visits", "40").stdout.splitlines()[1:]
        with served("--visits", "40") as (url, _):
            answer = requests.get(f"{url}/sandbox/labels", params={"counter": "101", "date": DAY}, timeout=10)
        assert [f"{visit},{label}" for visit, label in answer.json()["labels"]] == printed

    def test_should_say_which_port_is_taken(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            done = run("serve", "--port", port)
        assert (done.returncode, f":{port}" in done.stderr, "another --port" in done.stderr) == (2, True, True)
