"""Loading in a process of its own, to be killed there."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Mapping
from dataclasses import replace

from include.events.loading.load_events import load_events
from include.failpoints import VARIABLE
from include.settings import Settings
from include.state.engine import connect_state
from include.warehouse.client import Warehouse

PROCESS_SECONDS = 60
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])  # the imports of a job take longer than the job


def load_and_die(environ: Mapping[str, str], kill_at: str, load_max_events: int = 500_000) -> bool:
    """Load until the point where the process kills itself; say whether it did, and fail on any other trouble."""
    process = PROCESSES.Process(target=_run, args=({**environ, VARIABLE: kill_at}, load_max_events))
    process.start()
    process.join(PROCESS_SECONDS)
    if process.exitcode not in (0, -signal.SIGKILL):
        process.kill()
        raise AssertionError(f"loading ended with {process.exitcode}")
    return process.exitcode == -signal.SIGKILL


def _run(environ: dict[str, str], load_max_events: int) -> None:
    os.environ.update(environ)
    settings = Settings.from_env()
    assert settings.database_url is not None
    assert settings.clickhouse is not None
    load_events(
        Warehouse(settings.clickhouse),
        connect_state(settings.database_url),
        replace(settings.intake, load_max_events=load_max_events),
        run_id="killed",
    )
