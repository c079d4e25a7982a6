"""The estimators that compete for a model: boosted trees, random trees, a logistic baseline, and their mean."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

BOOSTING, FOREST, BLEND, LOGISTIC = "boosting", "forest", "blend", "logistic"
# Small steps, small trees and half of the columns per split: with a few hundred positives the usual 31 leaves learn
# the visits by heart (PR-AUC 0.231 against 0.236 on the public shop's desktops, 0.140 against 0.149 on its phones).
BOOSTING_SHAPE = {
    "max_iter": 80,
    "learning_rate": 0.08,
    "max_leaf_nodes": 15,
    "max_features": 0.5,
    "l2_regularization": 1.0,
}
# Random trees help while visits are few; with many, boosting needs no help and the trees would weigh too much.
MOST_FOREST_ROWS = 20_000
# Threads of a fit meet after every node; on a machine with other work they wait 10 times longer than they save.
MOST_ONE_THREAD_ROWS = 200_000
FOREST_TREES = 100
FOREST_LEAF_ROWS, FOREST_LEAVES = 5, 400  # a leaf holds at least 5 visits; a tree has at most about 400 leaves
RANKS = 100  # quantiles by which the baseline tames heavy tails
SPLINE_KNOTS = 5
BASELINE_C = 0.1


def single_names(rows: int) -> tuple[str, ...]:
    """Which single estimators compete; their mean, the blend, competes too.

    Args:
        rows: visits to learn from.

    Returns:
        Names, the baseline last.
    """
    return (BOOSTING, FOREST, LOGISTIC) if rows <= MOST_FOREST_ROWS else (BOOSTING, LOGISTIC)


def preferred(rows: int) -> str:
    """The candidate to take unless another is clearly better.

    While visits are few the mean of all is steadier than any of them (public shop, five seeds: 0.242 on desktops
    against 0.236, 0.237 and 0.226 of its members); with many, boosting alone is as good and quicker to ask.

    Args:
        rows: visits to learn from.

    Returns:
        Its name.
    """
    return BLEND if rows <= MOST_FOREST_ROWS else BOOSTING


def make_estimator(name: str, rows: int, seed: int) -> Any:
    """An unfitted estimator.

    Args:
        name: ``boosting``, ``forest`` or ``logistic``; a blend is made of them.
        rows: visits it will learn from.
        seed: of everything random.

    Returns:
        An estimator with ``fit`` and ``predict_proba`` on bare matrices.

    Source:
        Friedman: Greedy function approximation (2001), histograms as in LightGBM (NIPS 2017); Geurts, Ernst,
        Wehenkel: Extremely randomized trees (2006).
    """
    from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import QuantileTransformer, SplineTransformer

    if name == BOOSTING:
        return HistGradientBoostingClassifier(**BOOSTING_SHAPE, early_stopping=False, random_state=seed)
    if name == FOREST:
        leaf = max(FOREST_LEAF_ROWS, rows // FOREST_LEAVES)
        return ExtraTreesClassifier(FOREST_TREES, min_samples_leaf=leaf, random_state=seed)
    return make_pipeline(
        QuantileTransformer(n_quantiles=min(RANKS, rows), random_state=seed),
        SplineTransformer(SPLINE_KNOTS),
        LogisticRegression(C=BASELINE_C, solver="newton-cholesky"),  # few steps, whatever the number of rows
    )


def fit_estimator(name: str, matrix: Matrix, labels: NDArray[np.int8], seed: int) -> Any:
    """Fit one estimator; with few visits on one thread, since small trees only wait for each other on several.

    Args:
        name: ``boosting``, ``forest`` or ``logistic``.
        matrix: shape (n, k), float64, finite.
        labels: shape (n,), 0 or 1, both present.
        seed: of everything random.

    Returns:
        The fitted estimator.
    """
    estimator = make_estimator(name, len(labels), seed)
    with _limited(len(labels)):
        return estimator.fit(matrix, labels)


def ask(fitted: Any, matrix: Matrix) -> NDArray[np.float64]:
    """Probability of the second class.

    Args:
        fitted: a fitted estimator.
        matrix: shape (n, k), float64.

    Returns:
        Shape (n,), float64.
    """
    import numpy as np

    with _limited(len(matrix)):
        return np.asarray(fitted.predict_proba(matrix)[:, 1], dtype=np.float64)


def _limited(rows: int) -> AbstractContextManager[Any]:
    """Hold the threads of linear algebra and, unless rows are very many, of boosting to one."""
    limits = {"blas": 1} if rows > MOST_ONE_THREAD_ROWS else {"blas": 1, "openmp": 1}
    held: AbstractContextManager[Any] = _thread_pools().limit(limits=limits)
    return held


@cache
def _thread_pools() -> Any:
    """Looking the pools up costs 3 ms; scikit-learn must have loaded them before."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
