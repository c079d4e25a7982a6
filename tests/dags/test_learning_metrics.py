"""The DAG of learning metrics: what a run is for, and runs against the real engines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from dags.wiring.learning_metrics import metrics_order
from include.errors import InputError
from include.metrics.names import Metric
from include.state.tables import metric_restatements, metric_slices, metric_values
from tests.dags.rig import DagRig
from tests.metric_events import LearningStores, golden_events, learned, opened_learning, person_id

TASK = "recalculate_metrics"
DAY, KEY = dt.date(2025, 3, 3), "2025-03-03"
EMPTY: dict[str, Any] = {
    "date": None, "date_from": None, "date_to": None, "period_start": None, "period_end": None, "project": None,
    "courses": [], "metrics": [], "version": "all", "cause": "recalculation", "task_id": None,
}  # fmt: skip
BOUNDS = {"period_start": "2025-03-03T10:00:00Z", "period_end": "2025-03-05T12:30:00+03:00"}
GOLDEN_WEEK = {
    ("retention", 1): 1.0,
    ("retention", 2): 0.0,
    ("engagement_score", 1): 13.7,
    ("engagement_score", 2): 0.5,
    ("completion_rate", 1): 0.5,
    ("completion_rate", 2): 0.25,
    ("time_on_task", 1): 1320.0,
    ("time_on_task", 2): 360.0,
    ("activity_index", 1): 11 / 3,
    ("activity_index", 2): 3 / 7,
    ("focus_ratio", 1): 8828 / 180000,
    ("focus_ratio", 2): 360 / 428,
}


class TestMetricsOrder:
    def test_should_ask_for_touched_days_only_when_the_schedule_started_it(self) -> None:
        order = metrics_order(EMPTY, "scheduled", KEY)
        assert (order.days, order.bounds, order.courses, order.project) == ((), None, (), None)

    def test_should_ask_for_touched_days_only_when_a_person_names_nothing(self) -> None:
        assert metrics_order(EMPTY, "manual", None) == metrics_order(EMPTY, "scheduled", KEY)

    @pytest.mark.parametrize("run_type", ["backfill", "manual"])
    def test_should_ask_for_the_day_of_the_key_when_a_backfill_or_a_person_started_it(self, run_type: str) -> None:
        assert metrics_order(EMPTY, run_type, KEY).days == (DAY,)

    def test_should_ask_for_a_range_when_both_ends_are_named(self) -> None:
        order = metrics_order({**EMPTY, "date_from": KEY, "date_to": "2025-03-05"}, "manual", None)
        assert order.days == tuple(DAY + dt.timedelta(days=offset) for offset in range(3))

    def test_should_ask_for_one_period_of_some_metrics_as_the_api_does(self) -> None:
        asked = {**EMPTY, **BOUNDS, "project": "default", "courses": ["c1"], "metrics": ["focus_ratio"], "version": "2"}
        order = metrics_order({**asked, "task_id": "api__metrics__x"}, "manual", None)
        assert order.bounds == (
            dt.datetime(2025, 3, 3, 10, tzinfo=dt.UTC),
            dt.datetime(2025, 3, 5, 9, 30, tzinfo=dt.UTC),
        )
        assert (order.project, order.courses, order.chosen_versions) == ("default", ("c1",), (2,))
        assert order.chosen_metrics == (Metric.FOCUS_RATIO,)

    @pytest.mark.parametrize(
        ("changes", "run_type", "key", "word"),
        [
            ({"date": KEY, "date_to": KEY}, "manual", None, "either date"),
            ({"date": KEY, **BOUNDS}, "manual", None, "either days"),
            ({"period_start": BOUNDS["period_start"]}, "manual", None, "period_start and period_end"),
            ({"period_start": KEY, "period_end": KEY}, "manual", None, "empty"),
            ({"date_from": "2025-03-05", "date_to": KEY}, "manual", None, "reversed"),
            ({"date_from": "2024-01-01", "date_to": KEY}, "manual", None, "longer than 366 days"),
            ({"date": KEY}, "backfill", KEY, "A backfill names its days itself"),
            (BOUNDS, "manual", KEY, "The partition key names the day"),
            ({"metrics": ["retention"]}, "manual", None, "belong to named days"),
            ({"version": "2"}, "scheduled", KEY, "belong to named days"),
            ({"cause": "deletion"}, "manual", None, "belong to named days"),
            ({"date": KEY, "metrics": ["attention"]}, "manual", None, "no metric"),
            ({}, "manual", "yesterday", "not a day"),
        ],
    )
    def test_should_say_in_one_sentence_why_it_refuses(
        self, changes: dict[str, Any], run_type: str, key: str | None, word: str
    ) -> None:
        with pytest.raises(InputError) as caught:
            metrics_order({**EMPTY, **changes}, run_type, key)
        assert word in caught.value.message
        assert "\n" not in caught.value.message


@pytest.fixture(scope="module")
def stores(rig: DagRig) -> Iterator[LearningStores]:
    with opened_learning(rig.environ) as found:
        yield found


@pytest.fixture
def course(stores: LearningStores) -> LearningStores:
    """The golden case, landed and not taken yet."""
    stores.clear()
    stores.set_zone("UTC")
    stores.require()
    stores.put(golden_events())
    return stores


def outcome(run: Any) -> tuple[str, dict[str, Any]]:
    """State of a run, and the counts its task left."""
    return str(run.state), run.get_task_instance(TASK).xcom_pull(task_ids=TASK) or {}


def everything(stores: LearningStores) -> list[Any]:
    """All that is stored, with the runs and the moments it was stored by."""
    with stores.state.connect() as connection:
        return [
            sorted(map(str, connection.execute(select(table))))
            for table in (metric_slices, metric_values, metric_restatements)
        ]


def values(stores: LearningStores, grain: str, user: str = "u1") -> dict[tuple[str, int], float | None]:
    """Values of one person in the slices of one grain; the last period wins."""
    s, v = metric_slices.c, metric_values.c
    query = (
        select(s.metric, s.version, v.value)
        .join(metric_values, v.slice_id == s.slice_id)
        .where(s.grain == grain, v.person_id == person_id(user))
        .order_by(s.period_start_at)
    )
    with stores.state.connect() as connection:
        return {(row.metric, row.version): row.value for row in connection.execute(query)}


class TestRunOfTheSchedule:
    """A run without parameters does what one of the schedule does."""

    def test_should_start_daily_at_midnight_of_the_schedule_zone(self, dags: dict[str, Any]) -> None:
        dag = dags["learning_metrics"]
        assert (dag.timetable.expression, dag.catchup, dag.max_active_runs) == ("0 0 * * *", False, 4)

    def test_should_leave_workers_to_others_while_runs_wait_for_each_other(self, dags: dict[str, Any]) -> None:
        assert dags["learning_metrics"].get_task(TASK).max_active_tis_per_dag == 2

    def test_should_calculate_what_landed(self, rig: DagRig, course: LearningStores) -> None:
        state, counts = outcome(rig.run("learning_metrics"))
        assert (state, counts["loads"], counts["courses"], counts["events"]) == ("success", 1, 1, 11)
        assert counts["compared"] > 0
        found = values(course, "week")
        assert {key: found[key] for key in GOLDEN_WEEK} == pytest.approx(GOLDEN_WEEK, rel=1e-9)

    def test_should_leave_counts_only_in_xcom(self, rig: DagRig, course: LearningStores) -> None:
        _, counts = outcome(rig.run("learning_metrics"))
        assert {type(value) for value in counts.values()} <= {int, float}

    def test_should_change_nothing_when_run_again(self, rig: DagRig, course: LearningStores) -> None:
        rig.run("learning_metrics")
        before = everything(course)
        state, counts = outcome(rig.run("learning_metrics"))
        assert (state, counts["loads"], counts["user_days"], counts["changed"]) == ("success", 0, 0, 0)
        assert everything(course) == before

    def test_should_restate_a_closed_week_when_an_event_comes_late(self, rig: DagRig, course: LearningStores) -> None:
        rig.run("learning_metrics")
        course.put([learned("2025-03-04 20:00:00", "task_success", props={"task_id": "t2"})])
        _, counts = outcome(rig.run("learning_metrics"))
        assert counts["restated"] > 0
        assert values(course, "week")["completion_rate", 2] == 0.5
        with course.state.connect() as connection:
            causes = set(connection.execute(select(metric_restatements.c.cause)).scalars())
        assert causes == {"late_data"}


class TestRunOfDays:
    def test_should_calculate_a_day_again_that_nothing_touched(self, rig: DagRig, course: LearningStores) -> None:
        rig.run("learning_metrics")
        before = everything(course)
        state, counts = outcome(rig.run("learning_metrics", date=KEY))
        assert (state, counts["days"], counts["user_days"], counts["changed"]) == ("success", 1, 1, 0)
        assert everything(course)[1] == before[1]

    def test_should_be_as_day_by_day_when_a_range_is_calculated(self, rig: DagRig, course: LearningStores) -> None:
        for day in (3, 4, 5):
            assert outcome(rig.run("learning_metrics", date=f"2025-03-0{day}"))[0] == "success"
        one_by_one = values(course, "day"), values(course, "week"), values(course, "month")
        course.clear()
        course.set_zone("UTC")
        course.require()
        course.put(golden_events())
        rig.run("learning_metrics", date_from=KEY, date_to="2025-03-05")
        assert (values(course, "day"), values(course, "week"), values(course, "month")) == one_by_one

    def test_should_calculate_one_free_period_as_the_api_asks(self, rig: DagRig, course: LearningStores) -> None:
        conf = {**BOUNDS, "project": "default", "courses": ["c1"], "metrics": ["engagement_score"], "version": "1"}
        state, _ = outcome(rig.run("learning_metrics", **conf, task_id="api__metrics__x"))
        assert state == "success"
        assert values(course, "custom") == {("engagement_score", 1): pytest.approx(12.7)}  # all but the last event

    @pytest.mark.parametrize(
        ("conf", "word"),
        [
            ({"courses": ["nobody"], "date": KEY}, "nobody"),
            ({"date": KEY, "date_from": KEY}, "either date"),
        ],
        ids=["unknown course", "two ways to name days"],
    )
    def test_should_fail_at_once_when_it_is_asked_for_what_cannot_be(
        self, rig: DagRig, course: LearningStores, conf: dict[str, Any], word: str
    ) -> None:
        run = rig.run("learning_metrics", **conf)
        assert str(run.state) == "failed"
        assert word in run.get_task_instance(TASK).xcom_pull(task_ids=TASK, key="error")


class TestTwoEngines:
    """I11: a run whose two calculations disagree fails, and writes none of the values that disagree."""

    @pytest.fixture
    def tampered(self, rig: DagRig, course: LearningStores) -> LearningStores:
        """A stored user-day that does not say what its events say, and a new event on another day of the week."""
        rig.run("learning_metrics")
        course.warehouse.execute(
            "ALTER TABLE user_days UPDATE scroll_count = scroll_count + 1 WHERE day = '2025-03-03'",
            settings={"mutations_sync": 2},
        )
        course.put([learned("2025-03-06 08:00:00")])
        return course

    def test_should_fail_with_one_sentence_and_write_no_value_that_differs(
        self, rig: DagRig, tampered: LearningStores
    ) -> None:
        before = values(tampered, "week"), values(tampered, "month")
        run = rig.run("learning_metrics")
        assert str(run.state) == "failed"
        told = run.get_task_instance(TASK).xcom_pull(task_ids=TASK, key="error")
        assert "engagement_score" in told
        assert person_id("u1") in told
        assert (values(tampered, "week"), values(tampered, "month")) == before

    def test_should_fail_again_until_the_day_is_mended(self, rig: DagRig, tampered: LearningStores) -> None:
        assert [str(rig.run("learning_metrics").state) for _ in range(2)] == ["failed", "failed"]

    def test_should_recover_when_the_day_is_calculated_again(self, rig: DagRig, tampered: LearningStores) -> None:
        rig.run("learning_metrics")
        assert outcome(rig.run("learning_metrics", date=KEY))[0] == "success"
        assert values(tampered, "week")["engagement_score", 1] == pytest.approx(14.7)
