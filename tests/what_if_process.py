"""Asking a what-if and putting it in force in a process of its own, to be killed there."""

from __future__ import annotations

import datetime as dt
import os
import signal
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from include.conversions.ledger.visit_statuses import visit_statuses
from include.days import utc_now
from include.settings import ConversionSettings, Settings
from include.state.engine import connect_state
from include.visits.what_if.applying import Applying, apply_what_if
from include.visits.what_if.asking import Question, ask
from include.visits.what_if.proposal import Proposal
from include.warehouse.client import Warehouse
from tests.score_process import PROCESS_SECONDS, PROCESSES


def apply_and_die(environ: Mapping[str, str], what_if_id: str, folder: Path) -> bool:
    """Apply with this environment; say whether the process was killed by SIGKILL, and fail on any other trouble."""
    return _dies(_apply, dict(environ), what_if_id, folder)


def ask_and_die(environ: Mapping[str, str], counter_id: int, day: dt.date, thresholds: Any, folder: Path) -> bool:
    """Ask with this environment; say whether the process was killed by SIGKILL, and fail on any other trouble."""
    return _dies(_ask, dict(environ), counter_id, day, thresholds, folder)


def _dies(target: Any, *arguments: Any) -> bool:
    process = PROCESSES.Process(target=target, args=arguments)
    process.start()
    process.join(PROCESS_SECONDS)
    if process.exitcode not in (0, -signal.SIGKILL):
        process.kill()
        raise AssertionError(f"the process ended with {process.exitcode}")
    return process.exitcode == -signal.SIGKILL


def _stores(environ: dict[str, str]) -> tuple[Warehouse, Engine]:
    os.environ.update(environ)
    settings = Settings.from_env()
    assert settings.database_url is not None
    assert settings.clickhouse is not None
    return Warehouse(settings.clickhouse), connect_state(settings.database_url)


def _ask(environ: dict[str, str], counter_id: int, day: dt.date, thresholds: Any, folder: Path) -> None:
    warehouse, state = _stores(environ)
    status_of = partial(visit_statuses, state, ConversionSettings(), utc_now())
    question = Question(counter_id, (day,), Proposal(thresholds=thresholds))
    ask(warehouse, state, question, models_dir=folder / "models", status_of=status_of, run_id="killed")


def _apply(environ: dict[str, str], what_if_id: str, folder: Path) -> None:
    warehouse, state = _stores(environ)
    applying = Applying(
        warehouse,
        state,
        exports_dir=folder / "exports",
        models_dir=folder / "models",
        run_id="apply",
        applied_by="tester",
    )
    apply_what_if(applying, what_if_id)
