"""Recalculating in a process of its own, to be killed there."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Mapping

from include.failpoints import VARIABLE
from tests.metric_runs import opened_runs

PROCESS_SECONDS = 60
PROCESSES = multiprocessing.get_context("forkserver")
# The imports of a job take longer than the job; pandas is imported by the check, inside a function.
PROCESSES.set_forkserver_preload([__name__, "include.metrics.reference.checking"])


def recalculate_and_die(environ: Mapping[str, str], kill_at: str) -> bool:
    """Recalculate until the point where the process kills itself; say whether it did, and fail on other trouble."""
    process = PROCESSES.Process(target=_run, args=({**environ, VARIABLE: kill_at},))
    process.start()
    process.join(PROCESS_SECONDS)
    if process.exitcode not in (0, -signal.SIGKILL):
        process.kill()
        raise AssertionError(f"the recalculation ended with {process.exitcode}")
    return process.exitcode == -signal.SIGKILL


def _run(environ: dict[str, str]) -> None:
    os.environ.update(environ)
    with opened_runs(environ) as runs:
        runs.run(run_id="killed")
