from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.visits.training.calibration import ISOTONIC, SIGMOID, Calibrator, fit_calibrator


def drawn(seed: int, rows: int = 800) -> tuple[np.ndarray, np.ndarray]:
    """Raw scores that promise too much, and what happened."""
    random = np.random.default_rng(seed)
    truth = random.beta(1, 5, rows)
    labels = (random.random(rows) < truth).astype(np.int8)
    labels[:2] = [0, 1]
    return np.clip(truth**0.3, 0, 1), labels


class TestCalibrator:
    @given(st.integers(0, 10_000), st.sampled_from([SIGMOID, ISOTONIC]))
    @settings(max_examples=40, deadline=None)
    def test_should_answer_probabilities_when_asked_anything(self, seed: int, method: str) -> None:
        raw, labels = drawn(seed)
        answer = Calibrator(method).fit(raw, labels).transform(np.linspace(0, 1, 101))
        assert ((answer >= 0) & (answer <= 1)).all()

    @given(st.integers(0, 10_000))
    @settings(max_examples=40, deadline=None)
    def test_should_keep_the_order_when_sigmoid(self, seed: int) -> None:
        raw, labels = drawn(seed)
        answer = Calibrator(SIGMOID).fit(raw, labels).transform(np.linspace(0.001, 0.999, 200))
        assert (np.diff(answer) > 0).all()

    @given(st.integers(0, 10_000))
    @settings(max_examples=20, deadline=None)
    def test_should_never_turn_the_order_round_when_isotonic(self, seed: int) -> None:
        raw, labels = drawn(seed)
        answer = Calibrator(ISOTONIC).fit(raw, labels).transform(np.linspace(0, 1, 200))
        assert (np.diff(answer) >= 0).all()

    def test_should_promise_the_share_of_all_when_the_scores_rank_backwards(self) -> None:
        raw, labels = drawn(1)
        answer = Calibrator(SIGMOID).fit(1 - raw, labels).transform(np.array([0.1, 0.9]))
        assert answer == pytest.approx([labels.mean()] * 2)

    @pytest.mark.parametrize("method", [SIGMOID, ISOTONIC])
    def test_should_come_closer_to_the_outcome_when_scores_promise_too_much(self, method: str) -> None:
        raw, labels = drawn(2, rows=20_000)
        answer = Calibrator(method).fit(raw, labels).transform(raw)
        assert ((answer - labels) ** 2).mean() < ((raw - labels) ** 2).mean() - 0.1
        assert answer.mean() == pytest.approx(labels.mean(), abs=0.01)


class TestFitCalibrator:
    @pytest.mark.parametrize(("rows", "method"), [(800, SIGMOID), (20_000, ISOTONIC)])
    def test_should_choose_by_the_number_of_outcomes_when_fitted(self, rows: int, method: str) -> None:
        assert fit_calibrator(*drawn(3, rows)).method == method

    def test_should_take_frames_and_matrices_alike_when_wrapped_as_a_model(self) -> None:
        from sklearn.linear_model import LogisticRegression

        from include.visits.training.calibration import CalibratedModel

        raw, labels = drawn(4)
        frame = pd.DataFrame({"a": raw, "b": raw**2})
        model = CalibratedModel(
            LogisticRegression().fit(frame.to_numpy(), labels), fit_calibrator(raw, labels), ("a", "b")
        )
        assert np.array_equal(model.predict_proba(frame), model.predict_proba(frame.to_numpy()))
        assert model.predict_proba(frame).sum(axis=1) == pytest.approx(1)
