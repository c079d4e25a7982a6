"""Small estimators for tests: they must be importable where their pickles are opened."""

from __future__ import annotations

from typing import Any

import numpy as np


class SlotShare:
    """Probability = first feature / scale, whatever the rest says."""

    def __init__(self, scale: float = 10.0, features: int | None = None) -> None:
        self.scale = scale
        if features is not None:
            self.n_features_in_ = features

    def predict_proba(self, rows: Any) -> np.ndarray:
        second = np.asarray(rows, dtype=float)[:, 0] / self.scale
        return np.column_stack([1 - second, second])


class Labels:
    """Predicts classes only."""

    def predict(self, rows: Any) -> np.ndarray:
        return np.zeros(len(rows))


class NotProbabilities(SlotShare):
    """Answers beyond 1."""

    def predict_proba(self, rows: Any) -> np.ndarray:
        return np.full((len(rows), 2), 7.0)


class OneColumn(SlotShare):
    """Answers one column."""

    def predict_proba(self, rows: Any) -> np.ndarray:
        return np.zeros((len(rows), 1))


class Failing(SlotShare):
    """Cannot be asked."""

    def predict_proba(self, rows: Any) -> np.ndarray:
        raise ValueError("wrong shape inside")
