"""Completion, version 2: what counts as done, and which catalogue it is measured by."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from include.metrics.names import Metric
from include.metrics.periods.grains import Grain, period_of
from include.metrics.values.computing import read_values
from tests.metric_events import MONDAY, Learned, learned, person_id
from tests.metric_values import WEEK, Learners, free, instant

KEY = ("completion_rate", 2)
HOSTILE = ("it's", 'say "no"', "back\\slash", "tab\there", "%(project)s", "{braces}", "-- x", "День", "a,b", "")


def success(when: str, item: Any = None, **changes: Any) -> Learned:
    return learned(f"2025-{when}", "task_success", props={} if item is None else {"task_id": item}, **changes)


class TestDone:
    def test_should_count_each_required_item_once_since_the_course_began(self, learners: Learners) -> None:
        learners.did(
            [
                success("01-10 10:00:00", "t1"), success("03-04 10:00:00", "t1"), success("03-04 11:00:00", "t2"),
                success("03-04 12:00:00", "extra"), success("03-11 10:00:00", "t3"),
                learned("2025-03-05 10:00:00", "task_fail", props={"task_id": "t4"}),
            ],
            "UTC",
        )  # fmt: skip
        learners.stores.require()
        row = learners.of()[KEY]
        assert (row.value, row.numerator, row.denominator, row.sample_n, row.null_reason) == (0.5, 2, 4, 4, "")

    def test_should_keep_people_and_courses_apart(self, learners: Learners) -> None:
        learners.did([success("03-04 10:00:00", "t1"), learned("2025-03-04 11:00:00", user="u2")], "UTC")
        learners.did([success("03-04 10:00:00", "t2", user="u2", course="c2")], "UTC", "c2")
        learners.stores.require()
        assert [learners.of(user=user)[KEY].value for user in ("u1", "u2")] == [0.25, 0]

    def test_should_have_no_row_when_all_was_done_before_the_period(self, learners: Learners) -> None:
        learners.did([success("02-03 10:00:00", "t1")], "UTC")
        learners.stores.require()
        assert learners.of() == {}

    @pytest.mark.parametrize(
        ("task_id", "module_id", "item"),
        [
            ("t1", "m1", "t1"),
            ("", "m1", "m1"),
            (None, "m1", "m1"),
            (7, "m1", "7"),
            (2.5, "m1", "m1"),
            (True, "m1", "m1"),
        ],
        ids=["text", "empty", "none", "integer", "fraction", "boolean"],
    )
    def test_should_take_the_module_when_the_task_names_no_item(
        self, learners: Learners, task_id: Any, module_id: str, item: str
    ) -> None:
        learners.did([success("03-04 10:00:00", task_id, module_id=module_id)], "UTC")
        learners.stores.require(("t1", "m1", "7"))
        assert learners.of()[KEY].numerator == 1
        learners.stores.require(("not done",))
        with learners.stores.state.begin() as connection:
            connection.exec_driver_sql("DELETE FROM course_items WHERE item_id = %s", (item,))
        assert learners.of()[KEY].numerator == 0

    @pytest.mark.parametrize("grain", [Grain.DAY, Grain.WEEK, Grain.MONTH])
    def test_should_grow_from_period_to_period_when_one_query_calculates_many(
        self, learners: Learners, grain: Grain
    ) -> None:
        days = [MONDAY + dt.timedelta(days=40 * place) for place in range(4)]
        events = [success(f"{day:%m-%d} 10:00:00", f"t{place + 1}") for place, day in enumerate(days)]
        learners.did(events, "UTC")
        learners.stores.require()
        periods = [period_of(day, grain, ZoneInfo("UTC")) for day in days]
        assert len(learners.batches(*periods)) == 1
        rows = [row for row in learners.rows(*periods, metrics=[Metric.COMPLETION_RATE]) if row.version == 2]
        assert [row.value for row in rows] == [0.25, 0.5, 0.75, 1]


class TestCatalogue:
    def test_should_be_unknown_when_there_is_none(self, learners: Learners) -> None:
        learners.did([success("03-04 10:00:00", "t1")])
        row = learners.of()[KEY]
        assert (row.value, row.numerator, row.denominator) == (None, None, None)
        assert (row.sample_n, row.null_reason) == (0, "no_catalogue")

    def test_should_be_that_of_the_end_when_items_join_and_leave(self, learners: Learners) -> None:
        learners.did([success("03-04 10:00:00", "t1"), success("03-04 10:00:01", "left")], "UTC")
        learners.stores.require(("t1", "t2"))
        learners.stores.require(("left",), until=instant("2025-03-06 00:00:00"))
        learners.stores.require(("joined",), since=instant("2025-03-09 23:59:59"))
        learners.stores.require(("next week",), since=instant("2025-03-10 00:00:00"))
        row = learners.of()[KEY]
        assert (row.numerator, row.denominator) == (1, 3)

    def test_should_be_measured_by_both_when_it_changes_between_two_periods(self, learners: Learners) -> None:
        learners.did([success("03-04 10:00:00", "t1"), success("03-11 10:00:00", "t2")], "UTC")
        learners.stores.require(("t1", "t2"), until=instant("2025-03-10 00:00:00"))
        learners.stores.require(("t2", "t3", "t4"), since=instant("2025-03-10 00:00:00"))
        weeks = [period_of(MONDAY + dt.timedelta(days=7 * place), Grain.WEEK, ZoneInfo("UTC")) for place in range(2)]
        assert len(learners.batches(*weeks)) == 2
        rows = [row for row in learners.rows(*weeks, metrics=[Metric.COMPLETION_RATE]) if row.version == 2]
        assert [row.value for row in rows] == [1 / 2, 1 / 3]

    def test_should_not_split_periods_when_completion_is_not_asked(self, learners: Learners) -> None:
        learners.did([success("03-04 10:00:00", "t1")], "UTC")
        learners.stores.require(("t1",), until=instant("2025-03-10 00:00:00"))
        weeks = [period_of(MONDAY + dt.timedelta(days=7 * place), Grain.WEEK, ZoneInfo("UTC")) for place in range(2)]
        assert len(learners.batches(*weeks, metrics=[Metric.RETENTION])) == 1


class TestCutDays:
    def test_should_count_to_the_very_end_when_the_period_ends_within_a_day(self, learners: Learners) -> None:
        learners.did(
            [
                success("01-10 10:00:00", "t1"), success("03-04 09:00:00", "t2"), success("03-04 10:30:00", "t3"),
                success("03-04 11:00:00", "t4"),
            ],
            "UTC",
        )  # fmt: skip
        learners.stores.require()
        ends = {"2025-03-04 10:30:00": 2, "2025-03-04 11:00:00": 3, "2025-03-04 11:00:00.001": 4}
        for end, done in ends.items():
            assert learners.of(free("2025-03-02 10:00:00", end))[KEY].numerator == done, end
        assert learners.of(free("2025-03-04 10:15:00", "2025-03-04 10:45:00"))[KEY].numerator == 3

    def test_should_count_to_midnight_when_the_period_begins_within_a_day(self, learners: Learners) -> None:
        learners.did(
            [success("03-03 09:00:00", "t1"), success("03-03 11:00:00", "t2"), success("03-04 00:00:00", "t3")], "UTC"
        )
        learners.stores.require()
        assert learners.of(free("2025-03-03 10:00:00", "2025-03-04 00:00:00"))[KEY].numerator == 2


class TestNames:
    def test_should_be_taken_literally_when_they_look_like_code(self, learners: Learners) -> None:
        course = "it's \\ a % {course}"
        items = [item for item in HOSTILE if item]
        events = [success(f"03-04 10:00:{place:02}", item, course=course) for place, item in enumerate(items)]
        learners.did(events, "UTC", course)
        learners.stores.require((*items, "undone"), course)
        row = learners.of(course=course)[KEY]
        assert (row.numerator, row.denominator) == (len(items), len(items) + 1)
        cut = learners.of(free("2025-03-04 10:00:00", "2025-03-04 10:00:03"), course=course)[KEY]
        assert cut.numerator == 3

    def test_should_be_ten_thousand_when_a_course_asks_for_so_many(self, learners: Learners) -> None:
        items = tuple(f"{number:05}".ljust(128, "é") for number in range(10_000))
        learners.did([success("03-04 10:00:00", items[0]), success("03-04 10:00:01", items[-1])], "UTC")
        learners.stores.require(items)
        row = learners.of()[KEY]
        assert (row.numerator, row.denominator) == (2, 10_000)
        (batch,) = learners.batches(WEEK, metrics=[Metric.COMPLETION_RATE], versions=[2])
        with read_values(learners.stores.warehouse, learners.stores.table, batch) as body:
            assert body.read().decode().split("\t")[3:6] == [person_id("u1"), "0.0002", "2"]
