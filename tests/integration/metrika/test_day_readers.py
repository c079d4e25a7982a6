"""What people who read a day see while it is loaded again, and what becomes of the days beside it."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator

import pytest

from include.errors import SourceDataError
from include.metrika_sandbox.behaviour.config import DEMO_TOKEN, SandboxConfig
from include.metrika_sandbox.behaviour.faults import parse_faults
from include.metrika_sandbox.serving.server import SandboxHandle, run_sandbox
from include.services.engines.endpoints import Endpoints
from include.warehouse.client import Warehouse
from tests.loading import DAY, Loading, loading_from, own_stores

BEFORE = DAY - dt.timedelta(days=1)
RELOADS = 4
SUM_OF_DAY = "SELECT count(), sum(cityHash64(*)) FROM visits WHERE date = %(day)s"


@pytest.fixture
def sandbox() -> Iterator[SandboxHandle]:
    with run_sandbox(SandboxConfig(visits_per_day=300, parts=3, queue_seconds=0.02)) as found:
        yield found


@pytest.fixture
def loading(endpoints: Endpoints, sandbox: SandboxHandle) -> Iterator[Loading]:
    with own_stores(endpoints) as environ, loading_from(sandbox.url, DEMO_TOKEN, environ) as found:
        found.load(BEFORE)
        found.load()
        yield found


def _watch(warehouse: Warehouse, seen: list[tuple[int, int]], stop: threading.Event) -> None:
    while not stop.wait(0.002):
        (row,) = warehouse.execute(SUM_OF_DAY, {"day": DAY})
        if row not in seen:
            seen.append(row)


class TestI7DayReaders:
    def test_should_show_an_old_or_a_new_day_only_when_it_is_loaded_again(
        self, loading: Loading, sandbox: SandboxHandle
    ) -> None:
        whole = [loading.warehouse.execute(SUM_OF_DAY, {"day": DAY})[0]]
        seen: list[tuple[int, int]] = []
        stop = threading.Event()
        reader = threading.Thread(target=_watch, args=(loading.warehouse, seen, stop))
        reader.start()
        try:
            for _ in range(RELOADS):
                sandbox.edit_visits(101, DAY, 20)
                loading.load()
                whole.append(loading.warehouse.execute(SUM_OF_DAY, {"day": DAY})[0])
        finally:
            stop.set()
            reader.join(30)
        assert len(set(whole)) > 1
        assert set(seen) <= set(whole)

    def test_should_leave_the_days_beside_it_alone(self, loading: Loading, sandbox: SandboxHandle) -> None:
        (before,) = loading.warehouse.execute(SUM_OF_DAY, {"day": BEFORE})
        sandbox.edit_visits(101, DAY, 20)
        assert DAY.isoformat() in loading.load().changed_days
        assert loading.warehouse.execute(SUM_OF_DAY, {"day": BEFORE}) == [before]


class TestM16PartialFailure:
    def test_should_leave_finished_days_finished_when_a_later_one_fails(
        self, loading: Loading, sandbox: SandboxHandle
    ) -> None:
        kept = [loading.warehouse.execute(SUM_OF_DAY, {"day": day}) for day in (BEFORE, DAY)]
        sandbox.set_faults(parse_faults("garbage_rows=0.5"))
        later = DAY + dt.timedelta(days=2)
        with pytest.raises(SourceDataError):
            loading.load(later)
        assert [loading.warehouse.execute(SUM_OF_DAY, {"day": day}) for day in (BEFORE, DAY)] == kept
        assert loading.warehouse.execute(SUM_OF_DAY, {"day": later})[0][0] == 0


class TestM4BadPartOnly:
    def test_should_fetch_only_the_bad_part_again(self, loading: Loading, sandbox: SandboxHandle) -> None:
        sandbox.fail_next("/part/1/download", status=504)
        loading.load()
        last = sandbox.stats()["log_requests"][-2:]
        assert sum(one["downloads"] for one in last) == sum(len(one["parts"]) for one in last)
