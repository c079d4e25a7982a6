"""One batch sent in a process of its own, which a failpoint may kill; and a replay of the quarantine."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Mapping
from typing import Any

from include.events.quarantine.choosing import choose_open
from include.events.quarantine.replaying import replay
from include.failpoints import VARIABLE
from include.settings import Settings
from include.state.engine import connect_state
from tests.api_client import Api, InMemoryOrchestrator

PROCESS_SECONDS = 120
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


def send_and_die(
    environ: Mapping[str, str], kill_at: str, key: str, events: list[Any], headers: dict[str, str]
) -> bool:
    """Send a batch; say whether the process was killed before it could answer."""
    return _died(_send, {**environ, VARIABLE: kill_at}, key, events, headers)


def replay_and_die(environ: Mapping[str, str], kill_at: str, project_number: int) -> bool:
    """Replay what is open in a project; say whether the process was killed."""
    return _died(_replay, {**environ, VARIABLE: kill_at}, project_number)


def _died(target: Any, *arguments: Any) -> bool:
    process = PROCESSES.Process(target=target, args=arguments)
    process.start()
    process.join(PROCESS_SECONDS)
    if process.exitcode not in (0, -signal.SIGKILL):
        process.kill()
        raise AssertionError(f"the process ended with {process.exitcode}")
    return process.exitcode == -signal.SIGKILL


def _send(environ: dict[str, str], key: str, events: list[Any], headers: dict[str, str]) -> None:
    os.environ.update(environ)
    api = Api(InMemoryOrchestrator(), environ)
    answer = api.post("/api/v1/events", token=key, json=events, headers=headers)
    assert answer.status_code == 202, answer.text
    api.close()


def _replay(environ: dict[str, str], project_number: int) -> None:
    os.environ.update(environ)
    url = Settings.from_env(environ).database_url
    assert url is not None
    engine = connect_state(url)
    replay(engine, choose_open(engine, project_number))
    engine.dispose()
