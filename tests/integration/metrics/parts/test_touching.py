"""Days that wait: touched again they keep what is known of them, and only what was seen to is forgotten."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pytest

from include.metrics.parts.touching import (
    CAUSES_BY_STRENGTH,
    COHORT,
    EVENTS,
    ROWS_AT_ONCE,
    forget_touched,
    read_touched,
    touch_days,
)
from include.metrics.periods.grains import ONE_DAY
from tests.metric_events import COURSE, MONDAY, PROJECT, LearningStores
from tests.user_day_runs import touched


def touch(stores: LearningStores, days: Iterable[dt.date] = (MONDAY,), course: str = COURSE, **values: Any) -> None:
    with stores.state.begin() as connection:
        touch_days(connection, stores.course(course), days, **{"cause": "late_data", **values})


class TestTouchDays:
    def test_should_join_what_is_known_when_a_day_is_touched_again(self, stores: LearningStores) -> None:
        touch(stores, load_ids=[7, 3, 3], may_complete=True)
        touch(stores, load_ids=[5, 3], may_complete=False)
        assert [(row.load_ids, row.may_complete) for row in touched(stores)] == [((3, 5, 7), True)]

    def test_should_have_no_loads_when_none_brought_it(self, stores: LearningStores) -> None:
        touch(stores)
        touch(stores)
        assert [row.load_ids for row in touched(stores)] == [()]

    @pytest.mark.parametrize("first", CAUSES_BY_STRENGTH)
    def test_should_tell_the_stronger_cause_when_two_touch_a_day(self, stores: LearningStores, first: str) -> None:
        days = {cause: MONDAY + ONE_DAY * place for place, cause in enumerate(CAUSES_BY_STRENGTH)}
        touch(stores, days.values(), cause=first)
        for second, day in days.items():
            touch(stores, [day], cause=second)
        strength = CAUSES_BY_STRENGTH.index
        assert [row.cause for row in touched(stores)] == [max(first, one, key=strength) for one in CAUSES_BY_STRENGTH]

    def test_should_get_another_number_when_a_day_is_touched_again(self, stores: LearningStores) -> None:
        touch(stores, [MONDAY, MONDAY + ONE_DAY])
        before = {row.day: row.touch_number for row in touched(stores)}
        touch(stores)
        after = {row.day: row.touch_number for row in touched(stores)}
        assert after[MONDAY] > max(before.values())
        assert after[MONDAY + ONE_DAY] == before[MONDAY + ONE_DAY]

    def test_should_keep_kinds_apart_when_a_day_has_both(self, stores: LearningStores) -> None:
        touch(stores, load_ids=[1])
        touch(stores, load_ids=[2], kind=COHORT)
        assert [(row.kind, row.load_ids) for row in touched(stores)] == [(COHORT, (2,)), (EVENTS, (1,))]

    def test_should_let_every_day_wait_when_there_are_many(self, stores: LearningStores) -> None:
        touch(stores, [MONDAY - ONE_DAY * number for number in range(2 * ROWS_AT_ONCE + 1)])
        assert len(touched(stores)) == 2 * ROWS_AT_ONCE + 1

    def test_should_do_nothing_when_there_are_no_days(self, stores: LearningStores) -> None:
        touch(stores, [])
        assert touched(stores) == []


class TestReadTouched:
    def test_should_give_the_days_of_the_courses_asked_for_when_others_wait_too(self, stores: LearningStores) -> None:
        for course in ("a", "b", "c"):
            touch(stores, course=course)
        with stores.state.connect() as connection:
            found = read_touched(connection, [(PROJECT, "b"), (PROJECT, "c"), ("shop", "a")])
            assert [row.course_id for row in found] == ["b", "c"]
            assert read_touched(connection, []) == []


class TestForgetTouched:
    def test_should_keep_a_day_when_it_was_touched_again_meanwhile(self, stores: LearningStores) -> None:
        touch(stores, [MONDAY, MONDAY + ONE_DAY])
        seen = touched(stores)
        touch(stores, [MONDAY], load_ids=[9])
        with stores.state.begin() as connection:
            forget_touched(connection, seen)
        assert [(row.day, row.load_ids) for row in touched(stores)] == [(MONDAY, (9,))]

    def test_should_forget_nothing_when_nothing_was_seen_to(self, stores: LearningStores) -> None:
        touch(stores)
        with stores.state.begin() as connection:
            forget_touched(connection, [])
        assert len(touched(stores)) == 1
