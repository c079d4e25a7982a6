"""What a load may take: memory that does not grow with the day, and three requests at a time."""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Iterator
from multiprocessing.connection import Connection

import pytest

from include.metrika_sandbox.behaviour.config import DEMO_TOKEN, SandboxConfig
from include.metrika_sandbox.serving.server import SandboxHandle, run_sandbox
from include.services.engines.endpoints import Endpoints
from tests.loading import loading_from, own_stores

LARGE = 100_000
MOST_GROWTH_KIB = 64 * 1024
PATIENCE_SECONDS = 240


def load_and_tell(url: str, environ: dict[str, str], answer: Connection) -> None:
    """Load a day in this process, after a look at how much memory it had before."""
    with loading_from(url, DEMO_TOKEN, environ) as loading:
        loading.warehouse.scalar("SELECT 1")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        report = loading.load()
        answer.send((report.visits, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))


def load_apart(sandbox: SandboxHandle, endpoints: Endpoints) -> tuple[int, int]:
    """Visits loaded by a fresh process, and by how many KiB its memory grew."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    with own_stores(endpoints) as environ:
        process = context.Process(target=load_and_tell, args=(sandbox.url, environ, there))
        process.start()
        try:
            assert here.poll(PATIENCE_SECONDS), "the load did not end in time"
            visits, growth_kib = here.recv()
        finally:
            process.join(10)
            process.kill()
    return int(visits), int(growth_kib)


@pytest.fixture(scope="module", params=[1, 6], ids=["one part", "six parts"])
def large(request: pytest.FixtureRequest) -> Iterator[SandboxHandle]:
    with run_sandbox(SandboxConfig(visits_per_day=LARGE, parts=request.param, queue_seconds=0.02)) as found:
        yield found


class TestM10Memory:
    def test_should_stay_within_a_fixed_growth_when_a_part_is_large(
        self, large: SandboxHandle, endpoints: Endpoints
    ) -> None:
        visits, growth_kib = load_apart(large, endpoints)
        assert visits == LARGE
        assert growth_kib < MOST_GROWTH_KIB
        assert large.stats()["most_in_flight"]["sandbox"] <= 3
