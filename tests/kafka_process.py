"""Sending and reading in a process of its own, to be killed there."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Mapping

from include.events.kafka.consuming import consume_available
from include.events.kafka.messages import Outgoing
from include.events.kafka.sending import send
from include.failpoints import VARIABLE
from include.settings import Settings
from include.state.engine import connect_state

PROCESS_SECONDS = 60
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])  # the imports of a job take longer than the job


def consume_and_die(environ: Mapping[str, str], kill_at: str) -> bool:
    """Read the topic until the point where the process kills itself; say whether it did."""
    return _killed(_consume, {**environ, VARIABLE: kill_at})


def send_and_die(environ: Mapping[str, str], kill_at: str, message: Outgoing) -> bool:
    """Send an event until the point where the process kills itself; say whether it did."""
    return _killed(_send, {**environ, VARIABLE: kill_at}, message)


def _killed(target: object, environ: dict[str, str], *arguments: object) -> bool:
    process = PROCESSES.Process(target=target, args=(environ, *arguments))  # type: ignore[arg-type]
    process.start()
    process.join(PROCESS_SECONDS)
    if process.exitcode not in (0, -signal.SIGKILL):
        process.kill()
        raise AssertionError(f"the process ended with {process.exitcode}")
    return process.exitcode == -signal.SIGKILL


def _consume(environ: dict[str, str]) -> None:
    os.environ.update(environ)
    settings = Settings.from_env()
    assert settings.database_url is not None
    consume_available(connect_state(settings.database_url), settings.intake, run_id="killed")


def _send(environ: dict[str, str], message: Outgoing) -> None:
    os.environ.update(environ)
    send(Settings.from_env().intake.kafka, message)
