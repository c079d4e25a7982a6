"""What doctor says of the metrics."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from include.days import utc_now
from include.metrics.waiting import read_waiting
from include.services.doctor import Check, check_installation
from include.services.engines.endpoints import Endpoints
from include.state.tables import event_loads, metric_loads, metric_touched_days
from tests.metric_events import LearningStores, learned, own_learning

LONG = dt.timedelta(days=2)


@pytest.fixture(scope="module")
def own(endpoints: Endpoints) -> Iterator[LearningStores]:
    with own_learning(endpoints) as found:
        yield found


@pytest.fixture
def stores(own: LearningStores) -> LearningStores:
    own.clear()
    return own


def check_of(stores: LearningStores, folder: Path) -> Check:
    return next(one for one in check_installation(folder, stores.environ) if one.name == "learning metrics")


def land_long_ago(stores: LearningStores) -> int:
    """A load that landed two days ago."""
    load_id = stores.put([learned("2025-03-03 10:00:00")])
    with stores.state.begin() as connection:
        connection.execute(update(event_loads).values(landed_at=utc_now() - LONG))
    return load_id


def touch(stores: LearningStores, touched_at: dt.datetime) -> None:
    values = {"project": "default", "course_id": "c1", "kind": "events", "cause": "late_data"}
    with stores.state.begin() as connection:
        connection.execute(insert(metric_touched_days).values(**values, day=dt.date(2025, 3, 3), touched_at=touched_at))


class TestReadWaiting:
    def test_should_find_nothing_when_nothing_ever_came(self, stores: LearningStores) -> None:
        found = read_waiting(stores.state)
        assert (found.untaken_loads, found.touched_days, found.oldest_at, found.course_count) == (0, 0, None, 0)

    def test_should_count_landed_loads_that_nobody_took(self, stores: LearningStores) -> None:
        taken = stores.put([learned("2025-03-03 10:00:00")])
        stores.put([learned("2025-03-03 11:00:00")])
        stores.put([learned("2025-03-03 12:00:00")], is_landed=False)
        with stores.state.begin() as connection:
            connection.execute(insert(metric_loads).values(load_id=taken, taken_at=utc_now()))
        assert read_waiting(stores.state).untaken_loads == 1

    def test_should_say_since_when_the_oldest_waits(self, stores: LearningStores) -> None:
        moment = utc_now() - LONG
        stores.put([learned("2025-03-03 10:00:00")])
        touch(stores, moment)
        found = read_waiting(stores.state)
        assert (found.touched_days, found.oldest_at) == (1, moment)


class TestDoctor:
    def test_should_be_content_when_nothing_waits_for_long(self, stores: LearningStores, tmp_path: Path) -> None:
        stores.set_zone("UTC")
        stores.put([learned("2025-03-03 10:00:00")])
        found = check_of(stores, tmp_path)
        assert (found.is_ok, "loads not taken 1" in found.detail, "never" in found.detail) == (True, True, True)

    def test_should_complain_when_a_course_waits_for_long(self, stores: LearningStores, tmp_path: Path) -> None:
        stores.set_zone("UTC")
        land_long_ago(stores)
        found = check_of(stores, tmp_path)
        assert (found.is_ok, "docs/operations.md" in found.next_step) == (False, True)

    def test_should_complain_when_a_touched_day_waits_for_long(self, stores: LearningStores, tmp_path: Path) -> None:
        stores.set_zone("UTC")
        touch(stores, utc_now() - LONG)
        assert not check_of(stores, tmp_path).is_ok

    def test_should_be_content_without_courses_whatever_waits(self, stores: LearningStores, tmp_path: Path) -> None:
        land_long_ago(stores)
        assert check_of(stores, tmp_path).is_ok
