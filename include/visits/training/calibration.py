"""Turning scores into probabilities that keep their promise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

ISOTONIC_POSITIVES = 1_000  # a step function needs about so many outcomes of each kind
SIGMOID, ISOTONIC = "sigmoid", "isotonic"
_EDGE = 1e-6  # log odds stay finite


class Calibrator:
    """A monotone map from an estimator's probability to the observed share.

    Sigmoid (Platt scaling on log odds) while outcomes are few, isotonic regression when there are many.

    Args:
        method: ``sigmoid`` or ``isotonic``.

    Source:
        Platt: Probabilistic outputs for support vector machines (1999); Zadrozny, Elkan: Transforming
        classifier scores into accurate multiclass probability estimates (KDD 2002); Niculescu-Mizil,
        Caruana: Predicting good probabilities with supervised learning (ICML 2005): isotonic needs
        about 1,000 cases.
    """

    def __init__(self, method: str) -> None:
        self.method = method

    def fit(self, raw: NDArray[np.float64], labels: NDArray[np.int8]) -> Calibrator:
        """Learn the map from out-of-fold predictions.

        Args:
            raw: shape (n,), probabilities of models that have not seen these visits.
            labels: shape (n,), 0 or 1, both present.

        Returns:
            Itself.
        """
        if self.method == ISOTONIC:
            self._map = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(raw, labels)
        else:
            # a tiny penalty: finite also when the scores separate the classes
            self._map = LogisticRegression(C=1e4).fit(_log_odds(raw), labels)
            if self._map.coef_[0, 0] <= 0:  # no ranking to keep: the share of all is the best promise
                share = float(labels.mean())
                self._map.coef_[0, 0], self._map.intercept_[0] = 0.0, np.log(share / (1 - share))
        return self

    def transform(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Apply the map.

        Args:
            raw: shape (n,), probabilities of the estimator.

        Returns:
            Shape (n,), float64, 0-1, in the same order (ties may appear with isotonic).
        """
        if self.method == ISOTONIC:
            return np.asarray(self._map.predict(raw), dtype=np.float64)
        return np.asarray(self._map.predict_proba(_log_odds(raw))[:, 1], dtype=np.float64)


def fit_calibrator(raw: NDArray[np.float64], labels: NDArray[np.int8]) -> Calibrator:
    """Fit the map that suits the number of outcomes.

    Args:
        raw: shape (n,), out-of-fold probabilities.
        labels: shape (n,), 0 or 1, both present.

    Returns:
        The fitted map.
    """
    rarer = min(int(labels.sum()), len(labels) - int(labels.sum()))
    return Calibrator(ISOTONIC if rarer >= ISOTONIC_POSITIVES else SIGMOID).fit(raw, labels)


def _log_odds(raw: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(raw, _EDGE, 1 - _EDGE)
    odds: NDArray[np.float64] = np.log(inside / (1 - inside))[:, np.newaxis]
    return odds


class CalibratedModel(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """A fitted estimator and the map that makes its answers probabilities.

    Args:
        estimator: fitted, with predict_proba.
        calibrator: fitted on its out-of-fold predictions.
        features: names of the input columns, in order.
    """

    def __init__(self, estimator: Any, calibrator: Calibrator, features: tuple[str, ...]) -> None:
        self.estimator = estimator
        self.calibrator = calibrator
        self.features = features
        self.feature_names_in_ = np.asarray(features, dtype=object)
        self.n_features_in_ = len(features)
        self.classes_ = np.array([0, 1], dtype=np.int8)

    def predict_proba(self, rows: pd.DataFrame | NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities of both classes.

        Args:
            rows: shape (n, k), columns named and ordered as ``features``.

        Returns:
            Shape (n, 2), float64; each row adds up to 1.
        """
        matrix = np.asarray(rows, dtype=np.float64)  # estimators are fitted on bare matrices
        second = self.calibrator.transform(self.estimator.predict_proba(matrix)[:, 1])
        return np.column_stack([1 - second, second])
