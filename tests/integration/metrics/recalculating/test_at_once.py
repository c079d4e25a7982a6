"""L5: several recalculations of the same slices at once leave what one would have left."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from include.metrics.parts.taking import take_loads
from include.state.locks import held
from tests.metric_events import COURSE, MONDAY, golden_events, learned
from tests.metric_runs import CLOSED, MetricRuns, opened_runs

WORKERS = 8
WEEK = (dt.datetime(2025, 3, 3, tzinfo=dt.UTC), dt.datetime(2025, 3, 10, tzinfo=dt.UTC))


class TestL5AtOnce:
    def test_should_leave_one_row_per_key_when_eight_run_at_once(self, runs: MetricRuns) -> None:
        runs.stores.put([*golden_events(), learned("2025-03-03 09:00:00", user="u2")])
        with ExitStack() as stack, ThreadPoolExecutor(WORKERS) as pool:
            all_runs = [stack.enter_context(opened_runs(runs.stores.environ)) for _ in range(WORKERS)]
            reports = list(pool.map(lambda one: one.run(courses=(COURSE,), bounds=WEEK), all_runs))
        assert sum(report.loads for report in reports) == 1
        assert sum(report.new_slices for report in reports) == len(runs.slices())
        at_once, slices = runs.values(), runs.slices()
        assert len(runs.stored_rows()) == len(at_once) == sum(count for count, _ in slices.values())
        assert (runs.restatements(), runs.waiting_days()) == ([], [])
        runs.stores.clear()
        runs.stores.put([*golden_events(), learned("2025-03-03 09:00:00", user="u2")])
        runs.run(courses=(COURSE,), bounds=WEEK)
        assert (at_once, slices) == (runs.values(), runs.slices())

    def test_should_restate_once_when_late_events_are_worked_off_at_once(self, runs: MetricRuns) -> None:
        runs.stores.put(golden_events())
        runs.run()
        runs.stores.put([learned("2025-03-06 10:00:00", "scroll")])
        with ExitStack() as stack, ThreadPoolExecutor(WORKERS) as pool:
            all_runs = [stack.enter_context(opened_runs(runs.stores.environ)) for _ in range(WORKERS)]
            list(pool.map(lambda one: one.run(courses=(COURSE,), days=(MONDAY,)), all_runs))
        restated = [one.key for one in runs.restatements()]
        assert len(restated) == len(set(restated)) > 0
        runs.assert_explained()

    def test_should_look_at_events_only_once_its_turn_has_come(self, runs: MetricRuns) -> None:
        """An older computation that read its events early and wrote late would undo a newer one."""
        runs.stores.put(golden_events())
        runs.run()
        with ThreadPoolExecutor(1) as pool, opened_runs(runs.stores.environ) as other:
            with held(runs.stores.state, f"metrics:default\n{COURSE}"):
                waiting = pool.submit(other.run, courses=(COURSE,), bounds=WEEK)
                runs.stores.put([learned("2025-03-06 10:00:00", "scroll")])
                take_loads(runs.stores.warehouse, runs.stores.state, runs.stores.table, now=CLOSED)
                assert not waiting.done()
            waiting.result()
        found = runs.value("engagement_score", 1, "week", "u1")
        assert found is not None
        assert round(found.value or 0.0, 6) == 13.9
