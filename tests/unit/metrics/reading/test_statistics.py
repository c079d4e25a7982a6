"""Figures over people: hand-made values, and rules that hold for any."""

from __future__ import annotations

import math
import statistics
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.metrics.catalogue.cards import Card, card_of
from include.metrics.names import Metric
from include.metrics.reading.pairing import Paired, paired_of
from include.metrics.reading.people import People, nobody, runs_of
from include.metrics.reading.statistics import statistics_of
from include.settings.learning import LearningSettings

NULL = math.nan
VALUES = st.lists(
    st.one_of(st.just(NULL), st.floats(0, 1e9), st.integers(0, 5).map(float), st.sampled_from([0.1, 0.2, 0.3])),
    max_size=60,
)


def card(metric: Metric = Metric.FOCUS_RATIO, version: int = 2) -> Card:
    return card_of(metric, version, "UTC", LearningSettings())


def people(values: list[float], **columns: Any) -> People:
    """People numbered from 1, in the order of their values."""
    count = len(values)
    empty = [NULL] * count
    ids = columns.get("ids", [number.to_bytes(16, "big") for number in range(1, count + 1)])
    return People(
        np.array(ids, "S16"),
        np.array(values, np.float64),
        np.array(columns.get("numerators", empty), np.float64),
        np.array(columns.get("denominators", empty), np.float64),
        np.array(columns.get("sizes", [1] * count), np.int64),
        np.array(columns.get("by_timeout", [[NULL] * 3] * count), np.float64).reshape(count, 3),
    )


class TestStatisticsOf:
    def test_should_leave_people_without_a_value_out_when_describing(self) -> None:
        found = statistics_of(people([0.5, NULL, 1.0, NULL], sizes=[3, 0, 4, 2]), card())
        assert (found.n_values, found.n_null, found.sample_n) == (2, 2, 9)
        assert (found.average_value, found.median, found.minimum, found.maximum) == (0.75, 0.75, 0.5, 1.0)

    @pytest.mark.parametrize("values", [[], [NULL, NULL]], ids=["nobody", "nulls"])
    def test_should_have_no_figures_when_there_is_no_value(self, values: list[float]) -> None:
        found = statistics_of(people(values) if values else nobody(), card())
        assert (found.n_values, found.n_null) == (0, len(values))
        figures = (found.average_value, found.median, found.quantiles, found.pooled_value, found.distribution)
        assert set(figures) == {None}

    def test_should_pool_people_with_a_value_only_when_it_is_a_ratio(self) -> None:
        values = people([0.5, 0.0, NULL], numerators=[1, 0, 8], denominators=[2, 6, 8])
        assert statistics_of(values, card()).pooled_value == 1 / 8
        assert statistics_of(values, card(Metric.TIME_ON_TASK)).pooled_value is None

    def test_should_not_pool_when_nothing_is_below_the_line(self) -> None:
        values = people([0.0, 0.0], numerators=[0, 0], denominators=[0, 0])
        assert statistics_of(values, card(Metric.COMPLETION_RATE, 1)).pooled_value is None

    def test_should_interpolate_when_a_level_lies_between_two_people(self) -> None:
        found = statistics_of(people([4.0, 0.0, 1.0]), card())
        assert found.quantiles == pytest.approx({"0.1": 0.2, "0.25": 0.5, "0.75": 2.5, "0.9": 3.4})

    def test_should_count_zeros_and_ones_when_the_metric_knows_nothing_else(self) -> None:
        found = statistics_of(people([0, 1, 1, NULL]), card(Metric.RETENTION))
        assert found.distribution == {"values": [0, 1], "counts": [1, 2]}

    def test_should_make_ten_bins_when_values_differ(self) -> None:
        found = statistics_of(people([0.0, 0.05, 0.1, 1.0]), card()).distribution
        assert found is not None
        assert found["edges"] == pytest.approx([place / 10 for place in range(11)])
        assert found["counts"] == [2, 1, 0, 0, 0, 0, 0, 0, 0, 1]

    @pytest.mark.parametrize("greatest", [0.1, math.nextafter(0.1, 1)], ids=["equal", "nearly equal"])
    def test_should_make_one_bin_when_there_is_no_room_for_ten(self, greatest: float) -> None:
        found = statistics_of(people([0.1, greatest]), card())
        assert found.distribution == {"edges": [0.1, greatest], "counts": [2]}

    def test_should_average_each_timeout_when_there_are_several(self) -> None:
        values = people([30.0, 0.0], by_timeout=[[10, 20, 30], [0, 0, 0]])
        found = statistics_of(values, card(Metric.TIME_ON_TASK))
        assert found.sensitivity == {"300": 5.0, "600": 10.0, "1800": 15.0}

    @given(values=VALUES, seed=st.integers(0, 1000))
    def test_should_not_depend_on_the_order_of_people(self, values: list[float], seed: int) -> None:
        order = np.random.default_rng(seed).permutation(len(values))
        points = card(Metric.ENGAGEMENT_SCORE, 1)
        assert statistics_of(people(values), points) == statistics_of(people([values[one] for one in order]), points)

    @given(values=VALUES)
    def test_should_hold_together_whatever_the_values(self, values: list[float]) -> None:
        found = statistics_of(people(values), card())
        assert found.n_values + found.n_null == len(values)
        known = [one for one in values if not math.isnan(one)]
        if not known:
            return
        assert found.distribution is not None
        assert found.quantiles is not None
        assert sum(found.distribution["counts"]) == found.n_values
        levels = [found.minimum, found.quantiles["0.1"], found.quantiles["0.25"], found.median]
        levels += [found.quantiles["0.75"], found.quantiles["0.9"], found.maximum]
        assert levels == sorted(levels, key=float)  # type: ignore[arg-type]
        assert found.average_value == pytest.approx(statistics.fmean(known))


class TestPairedOf:
    def test_should_pair_by_person_when_orders_and_people_differ(self) -> None:
        first = people([1.0, 2.0, 3.0, NULL, 5.0], ids=[b"a", b"b", b"c", b"d", b"e"])
        second = people([1.0, 2.5, 9.0, 7.0, 4.0], ids=[b"c", b"b", b"x", b"d", b"e"])
        assert paired_of(first, second) == Paired(3, 1, 2, 0, pytest.approx((0.5 - 2.0 - 1.0) / 3))

    def test_should_call_a_value_the_same_when_it_differs_by_rounding(self) -> None:
        found = paired_of(people([0.3, 0.0, 1.0]), people([0.1 + 0.2, 0.0, 1.0 + 1e-8]))
        assert (found.n_rose, found.n_fell, found.n_stayed) == (1, 0, 2)

    def test_should_have_no_mean_when_nobody_is_in_both(self) -> None:
        assert paired_of(people([1.0], ids=[b"a"]), people([1.0], ids=[b"b"])) == Paired(0, 0, 0, 0, None)


class TestRunsOf:
    def test_should_give_nothing_when_there_are_no_rows(self) -> None:
        assert list(runs_of(np.empty(0, np.int64), np.empty(0))) == []
