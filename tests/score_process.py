"""Scoring in a process of its own, to be killed there."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from include.settings import Settings
from include.state.engine import connect_state
from include.visits.scoring.score_day import score_day
from include.warehouse.client import Warehouse

PROCESS_SECONDS = 60
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])  # the imports of a job take longer than the job


def score_and_die(environ: Mapping[str, str], counter_id: int, day: dt.date, folder: Path) -> bool:
    """Score with this environment; say whether the process was killed by SIGKILL, and fail on any other trouble."""
    process = PROCESSES.Process(target=_score, args=(dict(environ), counter_id, day, folder))
    process.start()
    process.join(PROCESS_SECONDS)
    if process.exitcode not in (0, -signal.SIGKILL):
        process.kill()
        raise AssertionError(f"scoring ended with {process.exitcode}")
    return process.exitcode == -signal.SIGKILL


def _score(environ: dict[str, str], counter_id: int, day: dt.date, folder: Path) -> None:
    os.environ.update(environ)
    settings = Settings.from_env()
    assert settings.database_url is not None
    assert settings.clickhouse is not None
    score_day(
        Warehouse(settings.clickhouse),
        connect_state(settings.database_url),
        counter_id=counter_id,
        day=day,
        exports_dir=folder / "exports",
        models_dir=folder / "models",
        run_id="killed",
    )
