from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from include.visits.training.bootstrap import pr_auc_difference
from include.visits.training.fitting import choose
from include.visits.training.scores import Scores, expected_calibration_error, measure_deciles, measure_scores


def drawn(seed: int, rows: int = 500) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    probabilities = np.round(random.beta(1, 3, rows), 2)
    labels = (random.random(rows) < probabilities).astype(np.int8)
    labels[:2] = [0, 1]
    return labels, probabilities


class TestMeasureScores:
    def test_should_count_and_measure_when_the_ranking_is_perfect(self) -> None:
        labels = np.array([0, 0, 1, 1], dtype=np.int8)
        found = measure_scores(labels, labels.astype(float))
        assert found == Scores(4, 2, 0.5, 1.0, 1.0, 0.0, 0.0)

    @given(st.integers(0, 10_000))
    @settings(max_examples=30, deadline=None)
    def test_should_stay_between_0_and_1_when_calibration_is_measured(self, seed: int) -> None:
        assert 0 <= expected_calibration_error(*drawn(seed)) <= 1

    def test_should_put_a_certain_visit_into_the_last_bin_when_its_probability_is_1(self) -> None:
        assert expected_calibration_error(np.array([1, 0], np.int8), np.array([1.0, 0.95])) == pytest.approx(0.475)

    def test_should_cut_visits_into_tenths_when_deciles_are_asked(self) -> None:
        labels, probabilities = drawn(1)
        found = measure_deciles(labels, probabilities)
        assert [one.rows for one in found] == [50] * 10
        assert sum(one.observed * one.rows for one in found) == pytest.approx(labels.sum())
        assert [one.predicted for one in found] == sorted((one.predicted for one in found), reverse=True)


class TestPrAucDifference:
    def test_should_measure_as_scikit_learn_when_nothing_is_drawn_again(self) -> None:
        labels, ours = drawn(2)
        theirs = np.random.default_rng(3).random(len(labels))
        found = pr_auc_difference(labels, np.arange(500, dtype=np.uint64), ours, theirs)
        expected = average_precision_score(labels, ours) - average_precision_score(labels, theirs)
        assert found.value == pytest.approx(expected)
        assert 0 < found.low < found.value < found.high

    def test_should_give_nothing_when_both_rank_alike(self) -> None:
        labels, ours = drawn(4)
        found = pr_auc_difference(labels, np.arange(500, dtype=np.uint64), ours, ours * 0.5)
        assert (found.value, found.low, found.high) == (0, 0, 0)

    def test_should_be_less_sure_when_visits_come_from_few_clients(self) -> None:
        labels, ours = drawn(5)
        random = np.random.default_rng(6)
        order = np.argsort(ours)  # alike visits belong to one client
        few = np.empty(500, np.uint64)
        few[order] = np.repeat(np.arange(20), 25)
        theirs = random.random(500)
        many = pr_auc_difference(labels, np.arange(500, dtype=np.uint64), ours, theirs)
        some = pr_auc_difference(labels, few, ours, theirs)
        assert some.high - some.low > many.high - many.low


class TestChoose:
    def scores(self, **pr_auc: float) -> dict[str, Scores]:
        return {name: Scores(1_000, 100, 0.1, value, 0.6, 0.1, 0.01) for name, value in pr_auc.items()}

    def test_should_keep_the_preferred_when_another_leads_by_luck(self) -> None:
        assert choose(self.scores(blend=0.240, forest=0.245), "blend") == "blend"

    def test_should_take_another_when_it_leads_clearly(self) -> None:
        assert choose(self.scores(blend=0.240, forest=0.260), "blend") == "forest"
