"""The generator of learning events itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from include.services.engines.endpoints import Endpoints
from include.state.tables import event_loads
from tests.metric_events import LearningStores, golden_events, own_learning, person_id, random_events, shuffled_twice


@pytest.fixture(scope="module")
def stores(endpoints: Endpoints) -> Iterator[LearningStores]:
    with own_learning(endpoints) as found:
        yield found


class TestLearningStores:
    def test_should_show_each_event_once_when_put_twice(self, stores: LearningStores) -> None:
        stores.clear()
        load_id = stores.put(shuffled_twice(golden_events()))
        rows = stores.rows(
            "SELECT count(), uniqExact(event_id), any(toString(person_id)), any(load_id) FROM events FINAL"
        )
        assert rows == [(11, 11, person_id("u1"), load_id)]

    def test_should_know_the_zone_when_a_course_is_registered(self, stores: LearningStores) -> None:
        stores.clear()
        stores.set_zone("Europe/Moscow")
        stores.require()
        assert stores.course().zone.key == "Europe/Moscow"
        assert stores.course("other").zone.key == "UTC"

    def test_should_forget_everything_when_cleared(self, stores: LearningStores) -> None:
        stores.put(random_events(1), is_landed=False)
        stores.clear()
        with stores.state.connect() as connection:
            assert connection.execute(select(func.count()).select_from(event_loads)).scalar_one() == 0
        assert stores.rows("SELECT count() FROM events") == [(0,)]
