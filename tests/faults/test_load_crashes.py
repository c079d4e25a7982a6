"""The loader killed at every step of a list, and run again: rows exact, nothing left behind (I7, I8, M8, M9)."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext

import pytest

from include.failpoints import VARIABLE
from include.metrika_sandbox.behaviour.config import DEMO_TOKEN, SandboxConfig
from include.metrika_sandbox.serving.server import SandboxHandle, run_sandbox
from include.services.engines.endpoints import Endpoints
from tests.loading import DAY, Loading, loading_from, own_stores

PARTS = 10
LOAD_FAILPOINTS = (
    "request.ordered", "request.ordered:2", "request.answered", "request.answered:2", "request.created",
    "load.part_table_created", "load.part_table_created:3", "load.part_streamed", "load.part_streamed:2",
    "load.part_stored", "load.part_stored:3", "load.part_stored:6", "load.part_recorded", "load.part_recorded:3",
    "load.part_recorded:5", "load.part_recorded:7", "load.visits_processed", "load.visits_staged",
    "load.hits_processed", "load.hits_staged", "load.staged", "load.visits_day_swapped", "load.hits_day_swapped",
    "load.hits_day_swapped:2", "load.all_swapped", "load.swapped", "load.cleared", "load.cleared:2",
    "load.released", "load.released:2",
)  # fmt: skip


def load_once(url: str, environ: dict[str, str], point: str) -> None:
    """Load the day in a process of its own, which dies where it is told to."""
    os.environ[VARIABLE] = point
    with loading_from(url, DEMO_TOKEN, environ) as loading:
        loading.load()


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.test_load_crashes"])
    return context


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxHandle]:
    with run_sandbox(SandboxConfig(visits_per_day=120, parts=PARTS, queue_seconds=0.02), port=0) as found:
        yield found


@pytest.fixture(scope="module")
def undisturbed(endpoints: Endpoints, sandbox: SandboxHandle) -> dict[str, list[tuple[object, ...]]]:
    with own_stores(endpoints) as environ, loading_from(sandbox.url, DEMO_TOKEN, environ) as loading:
        loading.load()
        return _contents(loading)


def _contents(loading: Loading) -> dict[str, list[tuple[object, ...]]]:
    with loading.state.connect() as connection:
        stages = connection.exec_driver_sql("SELECT day, stage, digest, counts FROM day_stages ORDER BY day, stage")
        manifest = [tuple(map(str, row)) for row in stages]
    rows = {table: loading.rows(table, "*", "tuple(*)") for table in ("visits", "hits")}
    return {**rows, "manifest": manifest}


class TestM8KilledLoader:
    """I7, I8, I18, M9: resumed equals unbroken, the day is swapped in once, nothing is left at Metrika."""

    @pytest.mark.parametrize("point", LOAD_FAILPOINTS)
    def test_should_store_exact_rows_when_killed_and_run_again(
        self,
        point: str,
        endpoints: Endpoints,
        sandbox: SandboxHandle,
        processes: ForkServerContext,
        undisturbed: dict[str, list[tuple[object, ...]]],
    ) -> None:
        with own_stores(endpoints) as environ:
            first = processes.Process(target=load_once, args=(sandbox.url, environ, point))
            first.start()
            first.join(60)
            assert first.exitcode == -signal.SIGKILL, f"{point} was not reached"
            with loading_from(sandbox.url, DEMO_TOKEN, environ) as loading:
                report = loading.load()
                assert (report.visits, report.quarantined, report.duplicates) == (120, 0, 0)
                assert _contents(loading) == undisturbed
                assert loading.staging_tables() == []
            assert sandbox.stored_bytes(101) == 0
            assert DAY.isoformat() in report.days
