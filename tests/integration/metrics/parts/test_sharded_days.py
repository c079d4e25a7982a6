"""User-days on two shards: two served nodes, Distributed tables over plain ones, steps per shard."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from include.metrics.tables import USER_DAYS
from include.services.engines.endpoints import Endpoints
from include.services.processes.ports import choose_port
from include.warehouse.client import Warehouse
from tests.integration.warehouse.test_shards import CLUSTER, remote_servers, served
from tests.metric_events import LearningStores, learned, own_learning, random_events, shuffled_twice
from tests.user_day_runs import catch_up, cohort_days, forget_all

COLUMNS = "* EXCEPT load_id"


class Pair(Warehouse):
    """A cluster of two nodes without a keeper: what goes to all nodes is told to each, and nothing is replicated."""

    def __init__(self, nodes: list[Warehouse]) -> None:
        super().__init__(nodes[0]._settings)
        self.nodes = nodes

    def create_database(self) -> None:
        """Each node has made it when it was started."""

    def execute(
        self, sql: str, params: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        if f" ON CLUSTER `{CLUSTER}`" not in sql:
            return super().execute(sql, params, settings)
        plain = re.sub(r"Replicated(\w*)\('[^']*', '[^']*'(?:, )?", r"\1(", sql.replace(f" ON CLUSTER `{CLUSTER}`", ""))
        for node in self.nodes:
            node.execute(plain, params, settings)
        return []


@pytest.fixture(scope="module")
def stores(endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LearningStores]:
    folder = tmp_path_factory.mktemp("shards")
    natives, https = [choose_port(p) for p in (31_400, 31_500)], [choose_port(p) for p in (31_600, 31_700)]
    with contextlib.ExitStack() as stack:
        nodes = [
            stack.enter_context(served(folder / f"n{number}", native, http, remote_servers(natives)))
            for number, (native, http) in enumerate(zip(natives, https, strict=True))
        ]
        single = stack.enter_context(own_learning(endpoints))
        yield LearningStores(single.environ, Pair(nodes), single.state, single.settings)


@pytest.fixture(scope="module")
def alone(endpoints: Endpoints) -> Iterator[LearningStores]:
    with own_learning(endpoints) as found:
        yield found


def counts(stores: LearningStores) -> list[int]:
    """Rows of each shard."""
    assert isinstance(stores.warehouse, Pair)
    return [node.scalar(f"SELECT count() FROM {USER_DAYS.name}_local") for node in stores.warehouse.nodes]


class TestTwoShards:
    def test_should_hold_the_rows_of_a_single_server_when_days_are_made_and_made_again(
        self, stores: LearningStores, alone: LearningStores
    ) -> None:
        late = [learned("2025-02-20 10:00:00", user="u2"), learned("2025-03-04 10:00:00", user="u3")]
        for one in (stores, alone):
            one.clear()
            one.put(shuffled_twice(random_events(1, users=12, days=4)))
            one.put(random_events(2, users=5, days=4, course="other"))
            catch_up(one)
            forget_all(one)
            one.put(late)
            catch_up(one)
        assert stores.user_days(COLUMNS) == alone.user_days(COLUMNS)
        assert sum(counts(stores)) == len(stores.user_days())
        assert min(counts(stores)) > 0
        assert cohort_days(stores) == cohort_days(alone)
        assert "2025-02-20" in cohort_days(stores)

    def test_should_be_empty_on_both_shards_when_all_events_are_gone(self, stores: LearningStores) -> None:
        stores.clear()
        events = random_events(3, users=8, days=2)
        stores.put(events)
        catch_up(stores)
        assert min(counts(stores)) > 0
        stores.set_zone("Europe/Moscow")  # every day waits again
        assert isinstance(stores.warehouse, Pair)
        for node in stores.warehouse.nodes:
            node.execute("TRUNCATE TABLE events_local")
        catch_up(stores)
        assert counts(stores) == [0, 0]
