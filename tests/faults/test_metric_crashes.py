"""I10, I18: a recalculation killed anywhere and run again leaves what an unbroken one would have left."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator

import pytest

from include.metrics.recalculating.job import FAILPOINTS
from include.services.engines.endpoints import Endpoints
from tests.metric_events import MONDAY, golden_events, learned
from tests.metric_runs import CLOSED, MetricRuns, fresh_values, own_runs
from tests.recalculate_process import recalculate_and_die

# In the first batch of a run (days) and in the last one (months).
OF_A_BATCH = [point for point in FAILPOINTS if point.startswith("metrics_store.") or "batch" in point]
KILLS = [*FAILPOINTS, *(f"{point}:3" for point in OF_A_BATCH[-4:])]
SCROLL_POINTS = 0.2  # of engagement, version 1


@pytest.fixture(scope="module")
def runs(endpoints: Endpoints) -> Iterator[MetricRuns]:
    """The golden week, closed; every test adds a late event to it."""
    with own_runs(endpoints) as found:
        found.stores.set_zone("UTC")
        found.stores.require()
        found.stores.put(golden_events())
        found.run()
        yield found


def late(number: int) -> dt.datetime:
    return dt.datetime.combine(MONDAY + dt.timedelta(days=3), dt.time(12), dt.UTC) + dt.timedelta(minutes=number)


class TestI18KilledRecalculation:
    def test_should_have_points_between_all_steps(self) -> None:
        assert len(FAILPOINTS) == len(set(FAILPOINTS)) >= 16

    @pytest.mark.parametrize("point", KILLS)
    def test_should_finish_the_work_once_when_killed_and_run_again(self, runs: MetricRuns, point: str) -> None:
        before, known = runs.values(), len(runs.restatements())
        event = learned(f"{late(KILLS.index(point)):%Y-%m-%d %H:%M:%S}", "scroll", event_id=str(uuid.uuid4()))
        load_id = runs.stores.put([event])
        assert recalculate_and_die(runs.stores.environ, point)
        runs.run(run_id="again")
        after, restated = runs.values(), runs.restatements()[known:]
        moved = {key for key in before if before[key].value != after[key].value}
        first = {key for key in after if key not in before}
        assert moved <= {one.key for one in restated} <= moved | first
        assert len(restated) == len({one.key for one in restated}) > 0
        assert {(one.cause, one.load_ids) for one in restated} == {("late_data", (load_id,))}
        week = {key for key in moved if (key.metric, key.version, key.grain) == ("engagement_score", 1, "week")}
        assert {round((after[key].value or 0) - (before[key].value or 0), 9) for key in week} == {SCROLL_POINTS}
        assert runs.waiting_days() == []
        runs.assert_explained()

    def test_should_equal_a_calculation_from_scratch_when_all_is_done(self, runs: MetricRuns) -> None:
        found = runs.values()
        assert found == fresh_values(runs, (), now=CLOSED)
