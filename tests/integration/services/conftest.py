"""Folders and processes of tests that start engines of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from include.services.airflow.running import stop_airflow
from include.services.engines.endpoints import Endpoints
from include.services.processes.group import PROJECT_ROOT, child_environ
from include.services.stack import down
from include.settings import Settings

HOLDER = Path(__file__).with_name("hold_services.py")
HOLDER_START_SECONDS = 240


@pytest.fixture
def local_dir() -> Iterator[Path]:
    """Give an empty folder for engines; whatever runs below it is stopped afterwards."""
    with tempfile.TemporaryDirectory(prefix="counterflow-services-") as folder:
        path = Path(folder) / "local"
        yield path
        stop_airflow(path)
        down(path)


@pytest.fixture
def hold() -> Iterator[Callable[..., tuple[psutil.Process, dict[str, Any]]]]:
    """Start a process that holds services until it is killed; it reports what it holds."""
    started: list[subprocess.Popen[str]] = []

    def start(what: str, local_dir: Path) -> tuple[psutil.Process, dict[str, Any]]:
        process = subprocess.Popen(
            [sys.executable, str(HOLDER), what, str(local_dir)],
            cwd=PROJECT_ROOT,
            env=child_environ(),
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the holder of {what} ended with {process.wait(HOLDER_START_SECONDS)}"
        return psutil.Process(process.pid), json.loads(line)

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
def occupied() -> Iterator[Callable[[int], None]]:
    """Listen on a port until the test ends."""
    listeners: list[socket.socket] = []

    def occupy(port: int) -> None:
        listener = socket.create_server(("127.0.0.1", port))
        listeners.append(listener)

    yield occupy
    for listener in listeners:
        listener.close()


def ask_clickhouse(endpoints: Endpoints, statement: str, *, is_anonymous: bool = False) -> requests.Response:
    """Send one statement over HTTP."""
    settings = Settings.from_env(endpoints.environment()).clickhouse
    assert settings is not None
    login = {"X-ClickHouse-User": settings.user, "X-ClickHouse-Key": settings.password.value}
    with requests.Session() as session:
        session.trust_env = False
        return session.post(
            f"http://{settings.host}:{settings.http_port}/",
            params={"database": "system"},
            data=statement.encode(),
            headers={} if is_anonymous else login,
            timeout=30,
        )


def kill(pid: int) -> None:
    """End a process without giving it a chance."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def wait_until_gone(pids: list[int], seconds: float) -> list[int]:
    """Wait until processes have ended; give those that have not."""
    deadline = time.monotonic() + seconds
    while left := [pid for pid in pids if _is_alive(pid)]:
        if time.monotonic() >= deadline:
            return left
        time.sleep(0.05)
    return []


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
