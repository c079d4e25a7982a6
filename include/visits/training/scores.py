"""How good probabilities are: ranking, sharpness, calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ECE_BINS = 10  # of equal width, 0-0.1 to 0.9-1


@dataclass(frozen=True)
class Scores:
    """Measures of probabilities against what happened.

    Attributes:
        rows: visits measured.
        positives: of them level 4+.
        positive_share: their share, 0-1; the PR-AUC of a coin.
        pr_auc: average precision, 0-1.
        roc_auc: area under the ROC curve, 0-1; 0.5 is a coin.
        brier: mean squared difference between probability and outcome; lower is better.
        ece: expected calibration error over ten bins of equal width; lower is better.
    """

    rows: int
    positives: int
    positive_share: float
    pr_auc: float
    roc_auc: float
    brier: float
    ece: float


def measure_scores(labels: NDArray[np.int8], probabilities: NDArray[np.float64]) -> Scores:
    """Measure probabilities against outcomes.

    Args:
        labels: shape (n,), 0 or 1, both present.
        probabilities: shape (n,), float64, 0-1.

    Returns:
        The measures.

    Source:
        Average precision and Brier score as in scikit-learn; expected calibration error after Naeini,
        Cooper, Hauskrecht: Obtaining well calibrated probabilities using Bayesian binning (AAAI 2015).
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    return Scores(
        rows=len(labels),
        positives=int(labels.sum()),
        positive_share=float(labels.mean()),
        pr_auc=float(average_precision_score(labels, probabilities)),
        roc_auc=float(roc_auc_score(labels, probabilities)),
        brier=float(((probabilities - labels) ** 2).mean()),
        ece=expected_calibration_error(labels, probabilities),
    )


def expected_calibration_error(labels: NDArray[np.int8], probabilities: NDArray[np.float64]) -> float:
    """Mean distance between promised and observed share over ten bins of equal width, weighted by visits.

    Args:
        labels: shape (n,), 0 or 1.
        probabilities: shape (n,), float64, 0-1.

    Returns:
        0 for perfect calibration, at most 1.

    Source:
        Naeini, Cooper, Hauskrecht (AAAI 2015), ten equal-width bins.

    >>> import numpy as np
    >>> expected_calibration_error(np.array([0, 1], dtype=np.int8), np.array([0.25, 0.75]))
    0.25
    """
    import numpy as np

    bins = np.minimum((probabilities * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    gaps = np.bincount(bins, weights=probabilities - labels, minlength=ECE_BINS)
    return float(np.abs(gaps).sum() / len(labels))


@dataclass(frozen=True)
class Decile:
    """A tenth of the visits by probability.

    Attributes:
        decile: 1 for the most probable tenth.
        rows: visits in it.
        low, high: its range of probabilities.
        predicted: mean probability.
        observed: share of level 4+ visits.
        lift: observed share against the share of all visits.
    """

    decile: int
    rows: int
    low: float
    high: float
    predicted: float
    observed: float
    lift: float


def measure_deciles(labels: NDArray[np.int8], probabilities: NDArray[np.float64]) -> list[Decile]:
    """Compare promise and outcome by tenths of the visits.

    Args:
        labels: shape (n,), 0 or 1, at least one 1.
        probabilities: shape (n,), float64, 0-1.

    Returns:
        Up to ten deciles of nearly equal size, the most probable first; fewer when there are fewer visits.
    """
    import numpy as np

    order, share = np.argsort(-probabilities, kind="stable"), float(labels.mean())
    parts = [part for part in np.array_split(order, 10) if len(part)]
    return [
        Decile(
            decile=number,
            rows=len(part),
            low=float(probabilities[part].min()),
            high=float(probabilities[part].max()),
            predicted=float(probabilities[part].mean()),
            observed=float(labels[part].mean()),
            lift=float(labels[part].mean()) / share,
        )
        for number, part in enumerate(parts, start=1)
    ]
