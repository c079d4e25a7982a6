"""Is a day still what it was: everything stored is compared with the day's seal, and derived again.

The locks of the day are held meanwhile, so that no stage runs while it is looked at. Nothing stored is changed.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import Engine

from include.errors import DayNotReady
from include.progress import Progress, no_progress
from include.provenance.day_checks.sealed_day import SealedDay, read_sealed_day
from include.provenance.day_checks.verdicts import DayVerdict
from include.provenance.day_checks.verification import Verification
from include.state.engine import reachable
from include.state.locks import day_lock
from include.warehouse.client import Warehouse


def verify_day(
    warehouse: Warehouse,
    state: Engine,
    *,
    counter_id: int,
    day: dt.date,
    exports_dir: Path,
    models_dir: Path,
    progress: Progress = no_progress,
) -> DayVerdict:
    """Verify a counter-day; stages that have not run are told, not failed.

    Args:
        warehouse: the warehouse.
        state: the state engine.
        counter_id: the counter.
        day: local day of the counter.
        exports_dir: folder of the lists of level 4+ visits.
        models_dir: folder of model artefacts.
        progress: told between the steps.

    Returns:
        How the day stands.

    Raises:
        DayNotReady: the day is not loaded; the message names the command.
        StoreUnavailable: a store cannot be reached.
    """
    started = time.monotonic()
    with (
        reachable(state),
        _locked(state, counter_id, day),
        state.connect().execution_options(isolation_level="REPEATABLE READ") as connection,
    ):
        sealed = read_sealed_day(connection, counter_id, day)
        _require_loaded(sealed)
        job = Verification(warehouse, state, connection, sealed, exports_dir, models_dir, progress)
        stages = job.run()
        balances = job.balances()
    return DayVerdict(
        counter_id, day, stages, balances, tuple(job.notes), sealed.digest, round(time.monotonic() - started, 3)
    )


@contextmanager
def _locked(state: Engine, counter_id: int, day: dt.date) -> Iterator[None]:
    """Each stage holds the lock of its own purpose only, so these cannot wait for each other in a circle."""
    with ExitStack() as stack:
        stack.enter_context(day_lock(state, counter_id, [day, day + dt.timedelta(days=1)], purpose="load"))
        for purpose in ("score", "upload"):
            stack.enter_context(day_lock(state, counter_id, [day], purpose=purpose))
        yield


def _require_loaded(sealed: SealedDay) -> None:
    if "visits" not in sealed.records:  # the day before brings hits of this one
        raise DayNotReady(
            f"Day {sealed.day} of counter {sealed.counter_id} is not loaded; run 'python -m include load --date "
            f"{sealed.day} --counter {sealed.counter_id}' first.",
            code="day_not_loaded",
            pointer="/date",
        )
