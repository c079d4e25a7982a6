from __future__ import annotations

import datetime as dt
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.metrika.planning.forecast import Amount, Line, fit_line, forecast

START = dt.date(2025, 6, 2)  # a Monday
COUNTS = st.floats(1, 1e7)
HISTORIES = st.dictionaries(st.integers(0, 120).map(lambda n: START + dt.timedelta(days=n)), COUNTS, max_size=40)
SAMPLES = st.lists(st.tuples(st.floats(1, 1e6), st.floats(0.001, 1e4)), min_size=1, max_size=20)
ASSUMED = Line(1.0, 2.0)
NEXT = tuple(START + dt.timedelta(days=n) for n in range(125, 139))
WEEK = (1.0, 1.1, 1.2, 1.1, 0.9, 0.5, 0.4)


def seasonal(weeks: int, growth: float = 0.0, level: float = 1000.0) -> dict[dt.date, float]:
    days = [START + dt.timedelta(days=n) for n in range(7 * weeks)]
    return {day: level * WEEK[n % 7] * math.exp(growth * n) for n, day in enumerate(days)}


def width(amount: Amount) -> float:
    return amount.high / amount.low


class TestForecast:
    @given(HISTORIES.filter(bool), st.randoms())
    def test_should_not_change_when_the_history_is_shuffled(
        self, history: dict[dt.date, float], shuffler: random.Random
    ) -> None:
        items = list(history.items())
        shuffler.shuffle(items)
        assert forecast(dict(items)) == forecast(history)

    @given(HISTORIES.filter(bool), st.floats(0.01, 1000))
    def test_should_grow_in_proportion_when_every_count_does(
        self, history: dict[dt.date, float], factor: float
    ) -> None:
        one = forecast(history).total(NEXT)
        many = forecast({day: count * factor for day, count in history.items()}).total(NEXT)
        assert (many.low, many.value, many.high) == pytest.approx(
            (one.low * factor, one.value * factor, one.high * factor), rel=1e-6
        )

    @given(st.lists(COUNTS, min_size=1, max_size=12))
    def test_should_not_widen_when_a_day_comes_out_as_foretold(self, counts: list[float]) -> None:
        history = {START + dt.timedelta(days=n): count for n, count in enumerate(counts)}
        before = forecast(history)
        after = forecast({**history, NEXT[0]: before.at(NEXT[0])})
        assert width(after.total(NEXT[1:])) <= width(before.total(NEXT[1:])) * (1 + 1e-9)

    @given(st.integers(1, 8), st.floats(-0.01, 0.01))
    def test_should_not_widen_when_another_such_week_is_known(self, weeks: int, growth: float) -> None:
        fewer, more = (forecast(seasonal(count, growth)).total(NEXT) for count in (weeks, weeks + 1))
        assert width(more) <= width(fewer) * (1 + 1e-9)

    @pytest.mark.parametrize("growth", [-0.004, 0.0, 0.004])
    def test_should_follow_weekdays_and_growth_when_six_weeks_are_known(self, growth: float) -> None:
        truth = seasonal(8, growth)
        days = [day for day in truth if day not in seasonal(6)]
        found = forecast({day: truth[day] for day in seasonal(6)})
        assert [found.at(day) for day in days] == pytest.approx([truth[day] for day in days], rel=0.03)

    def test_should_not_move_when_one_day_was_an_outage(self) -> None:
        history = seasonal(4)
        broken = {**history, START + dt.timedelta(days=9): 3.0}
        assert forecast(broken).total(NEXT).value == pytest.approx(forecast(history).total(NEXT).value, rel=0.05)

    def test_should_follow_growth_only_so_far_when_the_day_is_years_away(self) -> None:
        found = forecast(seasonal(4, 0.02))
        assert found.at(START + dt.timedelta(days=3650)) == found.at(START + dt.timedelta(days=3650 + 7))

    def test_should_take_the_known_count_when_a_day_is_known(self) -> None:
        assert forecast({START: 5.0, NEXT[0]: 500.0}).total([NEXT[0]]) == Amount(500.0, 500.0, 500.0)

    @pytest.mark.parametrize("history", [{}, {START: 0.0}])
    def test_should_expect_nothing_when_nothing_was_ever_counted(self, history: dict[dt.date, float]) -> None:
        assert forecast(history).total(NEXT) == Amount(0.0, 0.0, 0.0)


class TestFitLine:
    @given(SAMPLES, st.randoms())
    def test_should_not_change_when_samples_are_shuffled(
        self, samples: list[tuple[float, float]], shuffler: random.Random
    ) -> None:
        again = list(samples)
        shuffler.shuffle(again)
        assert fit_line(again, ASSUMED) == fit_line(samples, ASSUMED)

    @given(SAMPLES, st.floats(0.01, 100), st.floats(1, 1e6))
    def test_should_cost_in_proportion_when_every_cost_does(
        self, samples: list[tuple[float, float]], factor: float, size: float
    ) -> None:
        line = fit_line(samples, ASSUMED)
        scaled = fit_line([(one, cost * factor) for one, cost in samples], ASSUMED)
        assert scaled.at(size) == pytest.approx(line.at(size) * factor, rel=1e-6, abs=1e-9)

    def test_should_find_base_and_price_when_sizes_differ(self) -> None:
        line = fit_line([(size, 2.0 + 0.001 * size) for size in (100.0, 1000.0, 5000.0)], ASSUMED)
        assert line.at(10_000) == pytest.approx(12.0)

    def test_should_keep_its_base_when_a_smaller_size_is_asked_and_all_were_alike(self) -> None:
        line = fit_line([(1000.0, 2.0), (1010.0, 2.2), (990.0, 1.8)], ASSUMED)
        assert (line.at(10), line.at(2000)) == (2.0, 4.0)

    def test_should_believe_what_is_assumed_when_nothing_was_measured(self) -> None:
        assert fit_line([], ASSUMED) is ASSUMED
