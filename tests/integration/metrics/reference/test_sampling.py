"""Who is in a sample, and which of their events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from include.metrics.parts.building import rebuild_days
from include.metrics.parts.snapshot import Snapshot
from include.metrics.reference.sampling import Sample, load_sample
from include.services.engines.endpoints import Endpoints
from tests.metric_events import MONDAY, Learned, LearningStores, learned, own_learning, person_id, shuffled_twice

ONE_DAY = dt.timedelta(days=1)
DAYS = tuple(MONDAY + number * ONE_DAY for number in range(3))
USERS = tuple(f"u{number}" for number in range(40))
SNAPSHOT = Snapshot(2)


@pytest.fixture(scope="module")
def stores(endpoints: Endpoints) -> Iterator[LearningStores]:
    """Forty people on the Monday, twenty of them on the Tuesday, one of these with a past and many events."""
    with own_learning(endpoints) as found:
        monday = [learned("2025-03-03 10:00:00", "page_view", user=user) for user in USERS]
        tuesday = [learned("2025-03-04 10:00:00", "scroll", user=user) for user in USERS[:20]]
        past = [learned(f"2024-12-0{day} 09:00:00", "task_success", module_id="m1") for day in range(1, 9)]
        elsewhere = [replace(event, event_id=_other(event), course="c2") for event in past]
        beside = [replace(event, event_id=_other(event, 2), scope_type="product") for event in past]
        first = found.put(shuffled_twice([*monday, *past, *elsewhere, *beside]))
        second = found.put(tuesday)
        uncounted = found.put([learned("2025-03-03 11:00:00", user=user) for user in USERS])
        assert (first, second, uncounted) == (1, 2, 3)
        rebuild_days(found.warehouse, found.state, found.table, found.course(), DAYS, SNAPSHOT)
        yield found


def _other(event: Learned, step: int = 1) -> str:
    return f"{event.event_id[:-1]}{(int(event.event_id[-1], 16) + step) % 16:x}"


def sample(stores: LearningStores, **changes: Any) -> Sample:
    given: dict[str, Any] = {"days": DAYS, "count": 50, "seed": "run 1", **changes}
    return load_sample(stores.warehouse, stores.table, stores.course(), SNAPSHOT, **given)


class TestPeople:
    def test_should_hold_everybody_active_when_there_are_few(self, stores: LearningStores) -> None:
        assert set(sample(stores).person_ids) == {person_id(user) for user in USERS}

    def test_should_hold_people_of_the_days_only(self, stores: LearningStores) -> None:
        assert set(sample(stores, days=DAYS[1:]).person_ids) == {person_id(user) for user in USERS[:20]}

    def test_should_choose_the_same_people_for_the_same_run_only(self, stores: LearningStores) -> None:
        chosen = {run: sample(stores, count=7, seed=run).person_ids for run in ("run 1", "run 2", "run 3")}
        assert {len(set(people)) for people in chosen.values()} == {7}
        assert sample(stores, count=7, seed="run 1").person_ids == chosen["run 1"]
        assert len(set(chosen.values())) == 3

    def test_should_reach_everybody_when_runs_go_on(self, stores: LearningStores) -> None:
        seen = {one for run in range(60) for one in sample(stores, count=7, seed=f"run {run}").person_ids}
        assert len(seen) == len(USERS)

    @pytest.mark.parametrize("days", [(), (MONDAY - ONE_DAY,)], ids=["no_days", "quiet_day"])
    def test_should_be_empty_when_nobody_was_active(self, stores: LearningStores, days: tuple[dt.date, ...]) -> None:
        found = sample(stores, days=days)
        assert (found.person_ids, len(found.history)) == ((), 0)

    def test_should_leave_out_the_busiest_when_they_do_too_much(
        self, stores: LearningStores, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO", logger="include.metrics.reference")
        found = sample(stores, largest_event_count=59)  # 39 people have 58 events, one has 10
        assert set(found.person_ids) == {person_id(user) for user in USERS if user != "u1"}
        assert len(found.history) == 58
        assert "left out for their size 1" in caplog.text

    def test_should_be_empty_when_everybody_does_too_much(self, stores: LearningStores) -> None:
        assert sample(stores, largest_event_count=0).person_ids == ()


class TestEvents:
    def test_should_hold_the_whole_history_once_when_events_came_twice(self, stores: LearningStores) -> None:
        history = sample(stores).history
        own = history[history["person_id"] == person_id("u1")]
        assert own["event_name"].tolist() == ["task_success"] * 8 + ["page_view", "scroll"]
        assert own["item"].tolist() == ["m1"] * 8 + ["", ""]
        assert history["event_id"].is_unique

    def test_should_hold_events_of_counted_loads_only(self, stores: LearningStores) -> None:
        assert len(sample(stores).history) == 40 + 20 + 8
        later = load_sample(
            *(stores.warehouse, stores.table, stores.course(), Snapshot(3, (2,))), days=DAYS, count=50, seed="run 1"
        )
        assert len(later.history) == 40 + 40 + 8
