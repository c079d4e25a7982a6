"""The estimators that compete for a model: boosted trees and a logistic baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from include.visits.training.folds import Fold

BOOSTING, LOGISTIC = "boosting", "logistic"


def make_candidates(seed: int) -> dict[str, Any]:
    """Unfitted estimators by name, the one with most power first.

    Args:
        seed: of everything random.

    Returns:
        Estimators with ``fit`` and ``predict_proba``.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return {
        BOOSTING: HistGradientBoostingClassifier(
            max_iter=80, learning_rate=0.08, early_stopping=False, random_state=seed
        ),
        LOGISTIC: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000)),
    }


def predict_out_of_fold(
    estimator: Any, features: pd.DataFrame, labels: NDArray[np.int8], folds: list[Fold]
) -> NDArray[np.float64]:
    """Ask about every visit a model that has never seen its client.

    Args:
        estimator: unfitted; cloned for each fold.
        features: shape (n, k), float64.
        labels: shape (n,), 0 or 1.
        folds: rows to learn from and to predict; together the latter are all rows.

    Returns:
        Shape (n,), float64, probabilities as the estimator gives them.
    """
    import numpy as np
    from sklearn.base import clone

    found = np.empty(len(labels), dtype=np.float64)
    for learn, ask in folds:
        fitted = clone(estimator).fit(features.iloc[learn], labels[learn])
        found[ask] = fitted.predict_proba(features.iloc[ask])[:, 1]
    return found
