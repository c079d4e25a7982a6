from __future__ import annotations

import numpy as np
import pytest

from include.visits.training.conformal import check_held_out, interval


def drawn(seed: int, rows: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and outcomes; with a shift positives are promised less than they were."""
    random = np.random.default_rng(seed)
    truth = random.beta(2, 4, rows)
    labels = (random.random(rows) < truth).astype(np.int8)
    return labels, np.clip(truth - shift * labels, 0.001, 0.999)


class TestCheckHeldOut:
    def test_should_hold_when_the_later_visits_are_like_the_earlier(self) -> None:
        found = check_held_out(*drawn(0, 2_000), *drawn(1, 800), threshold=0.5, precision=0.5)
        assert (found.verdict, found.rows) == ("holds", 800)
        assert all(abs((one.share or 0) - 0.9) < 0.04 for one in found.coverage)

    def test_should_seldom_cry_wolf_when_nothing_has_changed(self) -> None:
        broken = sum(
            check_held_out(*drawn(seed, 1_000), *drawn(seed + 999, 300), threshold=0.5, precision=None).verdict
            == "does not hold"
            for seed in range(100)
        )
        assert broken <= 12  # two classes at 2.5 % each, and the limit itself is an estimate

    def test_should_not_hold_when_positives_are_promised_less_than_before(self) -> None:
        found = check_held_out(*drawn(0, 2_000), *drawn(1, 800, shift=0.25), threshold=0.5, precision=None)
        assert [one.verdict for one in found.coverage] == ["holds", "does not hold"]
        assert found.verdict == "does not hold"

    def test_should_not_hold_when_the_precision_is_clearly_missed(self) -> None:
        found = check_held_out(*drawn(0, 2_000), *drawn(1, 800), threshold=0.3, precision=0.9)
        assert (found.precision_verdict, found.high < 0.9) == ("does not hold", True)

    @pytest.mark.parametrize("rows", [0, 12])
    def test_should_say_too_few_when_there_is_little_to_look_at(self, rows: int) -> None:
        assert check_held_out(*drawn(0, 200), *drawn(1, rows), threshold=0.5, precision=0.5).verdict == "too few"

    def test_should_contain_the_truth_when_intervals_are_drawn_often(self) -> None:
        random = np.random.default_rng(0)
        inside = [low <= 0.3 <= high for low, high in (interval(int(n), 40) for n in random.binomial(40, 0.3, 500))]
        assert np.mean(inside) >= 0.95
