"""What a course asks for changes: completion follows, without any new event."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import update

from include.state.tables import course_items
from tests.metric_events import MONDAY, golden_events, learned
from tests.metric_runs import CLOSED, MetricRuns

WEEK_END = dt.datetime.combine(MONDAY + dt.timedelta(days=7), dt.time(), tzinfo=dt.UTC)
NEXT_WEEK = learned("2025-03-12 10:00:00", "task_success", user="u1", props={"task_id": "t9"})


def completion(runs: MetricRuns, start: dt.date = MONDAY) -> tuple[float | None, str]:
    start_at = dt.datetime.combine(start, dt.time(), tzinfo=dt.UTC)
    found = runs.value("completion_rate", 2, "week", "u1", start_at=start_at)
    assert found is not None
    return found.value, found.null_reason


class TestFirstCatalogue:
    def test_should_make_the_past_known_when_a_course_is_registered_later(self, runs: MetricRuns) -> None:
        runs.stores.put(golden_events())
        runs.run()
        assert completion(runs) == (None, "no_catalogue")
        runs.stores.set_zone("UTC")
        runs.stores.require(since=CLOSED)
        runs.run()
        assert completion(runs) == (0.25, "")
        assert {(one.old_value, one.new_value, one.cause) for one in runs.restatements(grain="week")} == {
            (None, 0.25, "definition_change")
        }
        runs.assert_explained()

    def test_should_calculate_nothing_again_when_it_was_there_at_first(self, runs: MetricRuns) -> None:
        runs.stores.set_zone("UTC")
        runs.stores.require()
        runs.stores.put(golden_events())
        assert runs.run().slices > 0
        assert (runs.run().slices, runs.waiting_days()) == (0, [])


class TestLaterChange:
    def test_should_change_periods_that_end_after_it_only(self, runs: MetricRuns) -> None:
        runs.stores.set_zone("UTC")
        runs.stores.require()
        runs.stores.put([*golden_events(), NEXT_WEEK])
        runs.run()
        runs.stores.require(("t9",), since=WEEK_END + dt.timedelta(days=1))
        report = runs.run()
        assert completion(runs) == (0.25, "")
        assert completion(runs, MONDAY + dt.timedelta(days=7)) == (2 / 5, "")
        assert (report.loads, report.days, runs.run().slices) == (0, 0, 0)

    def test_should_change_again_when_an_item_leaves(self, runs: MetricRuns) -> None:
        runs.stores.set_zone("UTC")
        runs.stores.require()
        runs.stores.put([*golden_events(), NEXT_WEEK])
        runs.run()
        with runs.stores.state.begin() as connection:
            leaving = update(course_items).where(course_items.c.item_id == "t4")
            connection.execute(leaving.values(valid_to_at=WEEK_END + dt.timedelta(hours=1)))
        runs.run()
        assert completion(runs) == (0.25, "")
        assert completion(runs, MONDAY + dt.timedelta(days=7)) == (1 / 3, "")
