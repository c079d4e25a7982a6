"""Loads taken and user-days made, as a calculation does it; also in a process of its own, to be killed there."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import signal
from collections.abc import Iterable, Mapping

from include.failpoints import VARIABLE
from include.metrics.courses import learning_course
from include.metrics.parts.building import RebuildReport, rebuild_days
from include.metrics.parts.snapshot import Snapshot, read_snapshot
from include.metrics.parts.taking import TakenReport, take_loads
from include.metrics.parts.touching import COHORT, EVENTS, TouchedDay, forget_touched, read_touched
from tests.metric_events import COURSE, PROJECT, LearningStores, opened_learning

NOW = dt.datetime(2025, 4, 1, tzinfo=dt.UTC)
PROCESS_SECONDS = 60
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])  # the imports of a job take longer than the job


def take(stores: LearningStores) -> TakenReport:
    return take_loads(stores.warehouse, stores.state, stores.table, now=NOW)


def touched(stores: LearningStores, kind: str | None = None) -> list[TouchedDay]:
    """Days that wait, of one kind or all."""
    with stores.state.connect() as connection:
        return [row for row in read_touched(connection, None) if kind in (None, row.kind)]


def forget_all(stores: LearningStores) -> None:
    with stores.state.begin() as connection:
        forget_touched(connection, read_touched(connection, None))


def snapshot_of(stores: LearningStores) -> Snapshot:
    with stores.state.connect() as connection:
        return read_snapshot(connection)


def rebuild(
    stores: LearningStores, days: Iterable[dt.date], course: str = COURSE, project: str = PROJECT
) -> RebuildReport:
    """Make days of a course anew."""
    with stores.state.connect() as connection:
        found = learning_course(connection, project, course)
    return rebuild_days(stores.warehouse, stores.state, stores.table, found, list(days), snapshot_of(stores))


def catch_up(stores: LearningStores) -> None:
    """Take what landed and make every day anew that waits; cohorts go on waiting."""
    take(stores)
    waiting = touched(stores, EVENTS)
    for project, course in sorted({(row.project, row.course_id) for row in waiting}):
        rebuild(
            stores, [row.day for row in waiting if (row.project, row.course_id) == (project, course)], course, project
        )
    with stores.state.begin() as connection:
        forget_touched(connection, waiting)


def cohort_days(stores: LearningStores, course: str = COURSE) -> list[str]:
    """Days that wait because first days moved to them or from them."""
    return [str(row.day) for row in touched(stores, COHORT) if row.course_id == course]


def catch_up_and_die(environ: Mapping[str, str], kill_at: str) -> bool:
    """Catch up until the point where the process kills itself; say whether it did, and fail on any other trouble."""
    process = PROCESSES.Process(target=_run, args=({**environ, VARIABLE: kill_at},))
    process.start()
    process.join(PROCESS_SECONDS)
    if process.exitcode not in (0, -signal.SIGKILL):
        process.kill()
        raise AssertionError(f"catching up ended with {process.exitcode}")
    return process.exitcode == -signal.SIGKILL


def _run(environ: dict[str, str]) -> None:
    os.environ.update(environ)
    with opened_learning(environ) as stores:
        catch_up(stores)
