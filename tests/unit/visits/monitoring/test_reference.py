from __future__ import annotations

import datetime as dt

import pytest

from include.visits.monitoring.drift import cut_points
from include.visits.monitoring.reference import choose_days, kinds_of, training_days, window_before

DAY = dt.date(2025, 7, 1)  # a Tuesday
WINDOW = window_before(DAY)


class TestWindowBefore:
    def test_should_be_four_of_each_weekday_and_end_the_day_before(self) -> None:
        assert (len(WINDOW), WINDOW[0], WINDOW[-1]) == (28, dt.date(2025, 6, 3), dt.date(2025, 6, 30))


class TestTrainingDays:
    def test_should_be_the_named_range(self) -> None:
        days = training_days({"trained_from": "2025-06-01", "trained_to": "2025-06-03"}, DAY)
        assert days == (dt.date(2025, 6, 1), dt.date(2025, 6, 2), dt.date(2025, 6, 3))

    def test_should_leave_the_day_itself_out(self) -> None:
        assert DAY not in training_days({"trained_from": "2025-06-30", "trained_to": "2025-07-02"}, DAY)

    def test_should_read_the_day_of_a_moment(self) -> None:
        assert len(training_days({"trained_from": "2025-06-01T10:00:00Z", "trained_to": "2025-06-02"}, DAY)) == 2

    @pytest.mark.parametrize(
        "manifest", [{}, {"trained_from": "2025-06-01"}, {"trained_from": None, "trained_to": None}]
    )
    def test_should_be_empty_when_none_is_named(self, manifest: dict[str, str]) -> None:
        assert training_days(manifest, DAY) == ()


class TestChooseDays:
    def test_should_prefer_the_first_range_that_is_stored(self) -> None:
        trained = WINDOW[:5]
        assert choose_days([trained, WINDOW], set(WINDOW), set()) == trained

    def test_should_fall_back_when_the_first_range_is_hardly_stored(self) -> None:
        assert choose_days([(dt.date(2024, 1, 1),), WINDOW], set(WINDOW), set()) == WINDOW

    def test_should_leave_out_days_that_wait_for_approval(self) -> None:
        assert WINDOW[-1] not in choose_days([WINDOW], set(WINDOW), {WINDOW[-1]})

    def test_should_be_empty_when_two_days_are_stored(self) -> None:
        assert choose_days([WINDOW], set(WINDOW[:2]), set()) == ()


class TestKindsOf:
    def test_should_tell_weekdays_apart_when_there_are_three_of_the_day(self) -> None:
        kinds, kind = kinds_of(WINDOW[7:], DAY)
        assert (kind, kinds.count(kind)) == (2, 3)

    def test_should_take_all_days_together_when_there_are_two(self) -> None:
        assert kinds_of(WINDOW[14:], DAY) == ((0,) * 14, 0)


class TestCutPoints:
    def test_should_give_a_frequent_value_its_own_bin(self) -> None:
        edges = cut_points([0.0, 1.0, 1.0, 1.0, 2.0])
        assert [sum(value > edge for edge in edges) for value in (0.0, 0.5, 1.0, 1.5, 2.0)] == [0, 1, 2, 3, 3]

    def test_should_tell_zero_from_one_when_most_visits_have_one(self) -> None:
        edges = cut_points([1.0] * 9)
        assert [sum(value > edge for edge in edges) for value in (0.0, 1.0, 2.0)] == [0, 1, 2]
