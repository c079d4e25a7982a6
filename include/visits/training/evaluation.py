"""Probabilities for labelled visits from models that have not seen their clients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.visits.training.candidates import BOOSTING, LOGISTIC, make_candidates, predict_out_of_fold
from include.visits.training.folds import grouped_folds
from include.visits.training.scores import Scores, measure_scores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from include.visits.training.samples import Samples


@dataclass(frozen=True)
class OutOfFold:
    """What models said about visits of clients they had not seen.

    Attributes:
        probabilities: shape (n,), calibrated.
        raw: shape (n,), before calibration.
        baseline: shape (n,), of the logistic baseline.
        scores: measures of ``probabilities``.
    """

    probabilities: NDArray[np.float64]
    raw: NDArray[np.float64]
    baseline: NDArray[np.float64]
    scores: Scores


def evaluate_out_of_fold(samples: Samples, *, folds: int = 5, seed: int = 0) -> OutOfFold:
    """Train, calibrate and ask fold by fold; no client is learnt from and asked about.

    Args:
        samples: labelled visits, both classes.
        folds: number of folds.
        seed: of everything random.

    Returns:
        A probability for each visit, and how good they are.
    """
    import numpy as np

    from include.visits.training.calibration import fit_calibrator

    outer = grouped_folds(samples.labels, samples.groups, folds=folds, seed=seed)
    candidates = make_candidates(seed)
    raw = predict_out_of_fold(candidates[BOOSTING], samples.features, samples.labels, outer)
    baseline = predict_out_of_fold(candidates[LOGISTIC], samples.features, samples.labels, outer)
    probabilities = np.empty(len(samples), dtype=np.float64)
    for learn, ask in outer:
        probabilities[ask] = fit_calibrator(raw[learn], samples.labels[learn]).transform(raw[ask])
    return OutOfFold(probabilities, raw, baseline, measure_scores(samples.labels, probabilities))
