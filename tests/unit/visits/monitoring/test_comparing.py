from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from include.visits.monitoring.comparing import adjust_together, compare_counts

BINS, DRAWS = 10, 1_000
LIKE = [0] * 4


def draw(rng: np.random.Generator, visits: int, days: int, tilt: float = 0.0) -> np.ndarray:
    """Counts by day and bin; each day is tilted by its own luck."""
    tilts = rng.normal(0, tilt, days) if tilt else np.zeros(days)
    shares = np.exp(tilts[:, None] * np.linspace(-1.7, 1.7, BINS))
    return np.array([rng.multinomial(visits, one / one.sum()) for one in shares], dtype=float)


class TestCompareCounts:
    @pytest.mark.parametrize("visits", [50, 100, 500, 5_000])
    def test_should_keep_its_level_when_distributions_are_equal(self, visits: int) -> None:
        rng = np.random.default_rng(visits)
        p_values = [
            compare_counts(draw(rng, visits, 1)[0], draw(rng, visits, 4), LIKE, 0).p_value for _ in range(DRAWS)
        ]
        alarms = sum(p < 0.05 for p in p_values)
        assert stats.binomtest(alarms, DRAWS, 0.05, alternative="greater").pvalue > 0.01

    @pytest.mark.parametrize("visits", [100, 200, 500])
    def test_should_center_the_index_at_nothing_when_distributions_are_equal(self, visits: int) -> None:
        """Uncorrected, an index over 0.1 is the rule at 100 visits: measured 85 %."""
        rng = np.random.default_rng(visits)
        indices = [compare_counts(draw(rng, visits, 1)[0], draw(rng, visits, 4), LIKE, 0).psi for _ in range(DRAWS)]
        assert np.median(indices) < 0.02
        assert np.mean(np.array(indices) > 0.1) < (0.1 if visits == 100 else 0.02)

    def test_should_equal_the_textbook_when_days_differ_by_chance_only(self) -> None:
        day, reference = np.full(BINS, 40.0), np.vstack([np.arange(30.0, 50.0, 2.0)] * 3)
        found = compare_counts(day, reference, [0] * 3, 0)
        expected = stats.chi2_contingency(np.vstack([day, reference.sum(axis=0)]), correction=False)
        assert (found.statistic, found.degrees, found.dispersion) == (pytest.approx(expected.statistic), 9, 1.0)
        assert found.p_value == pytest.approx(expected.pvalue)

    def test_should_be_less_sure_when_days_of_the_reference_differ_much(self) -> None:
        rng = np.random.default_rng(5)
        calm, stormy, day = draw(rng, 2_000, 8), draw(rng, 2_000, 8, tilt=0.2), draw(rng, 2_000, 1, tilt=0.2)[0]
        sure, unsure = (compare_counts(day, reference, [0] * 8, 0) for reference in (calm, stormy))
        assert sure.p_value < unsure.p_value
        assert unsure.dispersion > 3 * sure.dispersion
        assert unsure.usual_psi > sure.usual_psi

    def test_should_compare_with_days_of_its_kind_only(self) -> None:
        rng = np.random.default_rng(1)
        weekdays, weekends = draw(rng, 1_000, 8), draw(rng, 1_000, 8)[:, ::-1] * np.linspace(1, 3, BINS)
        reference, kinds = np.vstack([weekdays, weekends]), [1] * 8 + [2] * 8
        like = compare_counts(weekends[0], np.delete(reference, 8, 0), [1] * 8 + [2] * 7, 2)
        unlike = compare_counts(weekends[0], reference, kinds, 1)
        assert like.p_value > 0.01
        assert unlike.p_value < 1e-6

    def test_should_say_nothing_when_all_fall_into_one_bin(self) -> None:
        found = compare_counts(np.array([500.0]), np.full((3, 1), 400.0), [0] * 3, 0)
        assert (found.p_value, found.degrees, found.psi) == (1.0, 0, 0.0)

    def test_should_join_bins_that_few_visits_fall_into(self) -> None:
        day = np.array([300.0, 1.0, 1.0, 1.0, 300.0])
        assert compare_counts(day, np.vstack([day] * 3), [0] * 3, 0).degrees == 1

    def test_should_find_a_bin_that_the_reference_never_had(self) -> None:
        reference = np.vstack([[500.0, 500.0, 0.0]] * 3)
        found = compare_counts(np.array([300.0, 300.0, 400.0]), reference, [0] * 3, 0)
        assert found.p_value < 1e-12
        assert np.isfinite(found.psi)


class TestAdjustTogether:
    def test_should_grow_with_the_number_of_tests(self) -> None:
        assert adjust_together([0.001] + [0.5] * 26)[0] == pytest.approx(0.027)

    def test_should_never_fall_below_a_smaller_one(self) -> None:
        adjusted = adjust_together([0.01, 0.011, 0.9])
        assert adjusted == sorted(adjusted)

    def test_should_be_empty_when_nothing_was_tested(self) -> None:
        assert adjust_together([]) == []
