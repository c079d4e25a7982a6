"""Putting a what-if in force in a process of its own, to be killed there."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path

from include.settings import Settings
from include.state.engine import connect_state
from include.visits.what_if.applying import Applying, apply_what_if
from include.warehouse.client import Warehouse
from tests.score_process import PROCESS_SECONDS, PROCESSES


def apply_and_die(environ: Mapping[str, str], what_if_id: str, folder: Path) -> bool:
    """Apply with this environment; say whether the process was killed by SIGKILL, and fail on any other trouble."""
    process = PROCESSES.Process(target=_apply, args=(dict(environ), what_if_id, folder))
    process.start()
    process.join(PROCESS_SECONDS)
    if process.exitcode not in (0, -signal.SIGKILL):
        process.kill()
        raise AssertionError(f"applying ended with {process.exitcode}")
    return process.exitcode == -signal.SIGKILL


def _apply(environ: dict[str, str], what_if_id: str, folder: Path) -> None:
    os.environ.update(environ)
    settings = Settings.from_env()
    assert settings.database_url is not None
    assert settings.clickhouse is not None
    applying = Applying(
        Warehouse(settings.clickhouse),
        connect_state(settings.database_url),
        exports_dir=folder / "exports",
        models_dir=folder / "models",
        run_id="apply",
        applied_by="tester",
    )
    apply_what_if(applying, what_if_id)
