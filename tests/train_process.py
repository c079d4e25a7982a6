"""Training and labelling in processes of their own, to be killed there."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from include.days import utc_now
from include.settings import Settings
from include.state.engine import connect_state
from include.visits.labels.csv_labels import LabelFile, import_csv
from include.visits.training_job.orders import TrainOrder
from include.visits.training_job.train_models import train_models
from include.warehouse.client import Warehouse

PROCESS_SECONDS = 120
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])  # the imports of a job take longer than the job


def train_and_die(environ: Mapping[str, str], order: TrainOrder, folder: Path) -> bool:
    """Train with this environment; say whether the process was killed by SIGKILL, and fail on any other trouble."""
    return _was_killed(_train, dict(environ), order, folder)


def label_and_die(environ: Mapping[str, str], counter_id: int, path: Path) -> bool:
    """Import labels with this environment; say whether the process was killed by SIGKILL."""
    return _was_killed(_label, dict(environ), counter_id, path)


def _was_killed(work: Callable[..., None], *arguments: Any) -> bool:
    process = PROCESSES.Process(target=work, args=arguments)
    process.start()
    process.join(PROCESS_SECONDS)
    if process.exitcode not in (0, -signal.SIGKILL):
        process.kill()
        raise AssertionError(f"{work.__name__} ended with {process.exitcode}")
    return process.exitcode == -signal.SIGKILL


def _train(environ: dict[str, str], order: TrainOrder, folder: Path) -> None:
    os.environ.update(environ)
    settings = Settings.from_env()
    assert settings.database_url is not None
    assert settings.clickhouse is not None
    train_models(
        Warehouse(settings.clickhouse),
        connect_state(settings.database_url),
        order,
        models_dir=folder / "models",
        run_id="killed",
    )


def _label(environ: dict[str, str], counter_id: int, path: Path) -> None:
    os.environ.update(environ)
    settings = Settings.from_env()
    assert settings.database_url is not None
    assert settings.clickhouse is not None
    import_csv(
        Warehouse(settings.clickhouse),
        connect_state(settings.database_url),
        LabelFile(path, None, [counter_id]),
        run_id="killed",
        now=utc_now(),
    )
