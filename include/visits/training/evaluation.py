"""Probabilities for labelled visits from models that have not seen their clients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.progress import Progress, no_progress
from include.visits.training.candidates import ask
from include.visits.training.fitting import fit_best
from include.visits.training.folds import grouped_folds
from include.visits.training.requirements import require_trainable
from include.visits.training.scores import Scores, measure_scores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from include.visits.training.samples import Samples

INNER_FOLDS = 3  # choice and calibration inside each outer fold


@dataclass(frozen=True)
class OutOfFold:
    """What models said about visits of clients they had not seen.

    Attributes:
        probabilities: shape (n,), calibrated.
        raw: shape (n,), before calibration.
        baseline: shape (n,), of the logistic baseline.
        scores: measures of ``probabilities``.
        chosen: the candidate taken in each fold.
    """

    probabilities: NDArray[np.float64]
    raw: NDArray[np.float64]
    baseline: NDArray[np.float64]
    scores: Scores
    chosen: tuple[str, ...] = ()


def evaluate_out_of_fold(
    samples: Samples, *, folds: int = 5, seed: int = 0, progress: Progress = no_progress
) -> OutOfFold:
    """Train, choose, calibrate and ask fold by fold; no client is learnt from and asked about.

    Every choice is made inside the fold's own training part by folds of its own (nested cross-validation), so
    the measures are those of the whole procedure and not of a lucky choice.

    Args:
        samples: labelled visits, both classes.
        folds: number of folds.
        seed: of everything random.
        progress: told after each fold.

    Returns:
        A probability for each visit, and how good they are.

    Raises:
        InputError: too few rows, one class only, or features that are no numbers.

    Source:
        Varma, Simon: Bias in error estimation when using cross-validation for model selection (2006).
    """
    import numpy as np

    require_trainable(samples)
    matrix = samples.features.to_numpy(dtype="float64")
    probabilities, raw, baseline = (np.empty(len(samples), dtype=np.float64) for _ in range(3))
    chosen = []
    for number, (learn, asked) in enumerate(grouped_folds(samples.labels, samples.groups, folds=folds, seed=seed)):
        progress("evaluating folds", number, folds)
        fitted = fit_best(samples.take(learn), folds=INNER_FOLDS, seed=seed)
        raw[asked] = ask(fitted.model.estimator, matrix[asked])
        probabilities[asked] = fitted.model.calibrator.transform(raw[asked])
        baseline[asked] = ask(fitted.baseline, matrix[asked])
        chosen.append(fitted.chosen)
    progress("evaluating folds", folds, folds)
    return OutOfFold(probabilities, raw, baseline, measure_scores(samples.labels, probabilities), tuple(chosen))
