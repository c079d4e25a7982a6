from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from include.visits.monitoring.calibrating import Calibration, Sums, exact_interval, measure_calibration
from include.visits.training.scores import expected_calibration_error


def sums_of(labels: np.ndarray, scores: np.ndarray) -> Sums:
    return Sums(
        visits=len(labels),
        positives=int(labels.sum()),
        scores=float(scores.sum()),
        squares=float(((labels - scores) ** 2).sum()),
        variances=float((scores * (1 - scores)).sum()),
        tilts=float(((labels - scores) * (1 - 2 * scores)).sum()),
        tilt_variances=float(((1 - 2 * scores) ** 2 * scores * (1 - scores)).sum()),
    )


def measure(labels: np.ndarray, scores: np.ndarray) -> Calibration:
    """The measures of single visits, through the same sums as the query makes."""
    bands = np.minimum((scores * 10).astype(int), 9)
    deciles = np.searchsorted(np.quantile(scores, np.arange(0.1, 1, 0.1)), scores)
    return measure_calibration(
        [sums_of(labels[bands == band], scores[bands == band]) for band in np.unique(bands)],
        [(int(one) + 1, sums_of(labels[deciles == one], scores[deciles == one])) for one in np.unique(deciles)],
    )


def draw(seed: int, visits: int = 2_000, bend: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = rng.beta(2, 5, visits)
    return (rng.random(visits) < scores**bend).astype(np.int8), scores


class TestMeasureCalibration:
    def test_should_equal_the_measures_of_the_trainer(self) -> None:
        labels, scores = draw(1)
        found = measure(labels, scores)
        assert found.ece == pytest.approx(expected_calibration_error(labels, scores), rel=1e-4)
        assert found.brier == pytest.approx(np.mean((labels - scores) ** 2), rel=1e-4)

    def test_should_keep_its_level_when_the_probabilities_hold(self) -> None:
        off = sum(measure(*draw(seed, 300)).verdict == "off" for seed in range(500))
        assert stats.binomtest(off, 500, 0.01, alternative="greater").pvalue > 0.001

    @pytest.mark.parametrize("bend", [0.7, 1.5])
    def test_should_be_off_when_they_promise_too_little_or_too_much(self, bend: float) -> None:
        assert measure(*draw(3, bend=bend)).verdict == "off"

    def test_should_be_off_when_the_errors_cancel_out(self) -> None:
        """Too sure at both ends: the mean is right, the deciles are not."""
        labels, scores = draw(4, 6_000)
        sharper = np.clip(0.5 + 2.5 * (scores - scores.mean()) + (scores.mean() - 0.5), 0.01, 0.99)
        assert measure(labels, sharper).verdict == "off"

    def test_should_not_judge_when_there_are_few_labels(self) -> None:
        assert measure(*draw(5, 40)).verdict == "not_judged"

    def test_should_say_so_when_there_are_none(self) -> None:
        assert measure_calibration([], []) == Calibration(0)

    def test_should_split_into_ten_deciles_with_intervals(self) -> None:
        deciles = measure(*draw(6)).deciles
        assert [one.decile for one in deciles] == list(range(1, 11))
        assert all(one.low <= one.observed_share <= one.high for one in deciles)

    def test_should_be_finite_when_all_scores_are_zero(self) -> None:
        found = measure(np.zeros(80, np.int8), np.zeros(80))
        assert (found.spiegelhalter_z, found.p_value, found.verdict) == (0.0, 1.0, "holds")


class TestExactInterval:
    @pytest.mark.parametrize(("positives", "visits"), [(0, 5), (5, 5), (3, 10), (170, 2_000)])
    def test_should_equal_the_library(self, positives: int, visits: int) -> None:
        expected = stats.binomtest(positives, visits).proportion_ci(0.95, method="exact")
        assert exact_interval(positives, visits) == (
            pytest.approx(expected.low, rel=1e-5),
            pytest.approx(expected.high),
        )
