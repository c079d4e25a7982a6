"""Fitting the candidates on some visits, choosing one, and calibrating it, all inside those visits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.progress import Progress, no_progress
from include.visits.training.candidates import BLEND, LOGISTIC, ask, fit_estimator, preferred, single_names
from include.visits.training.folds import Fold, grouped_folds
from include.visits.training.scores import Scores, measure_scores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from include.visits.training.calibration import CalibratedModel
    from include.visits.training.samples import Samples

CLEARLY = 0.25  # of the standard error of the PR-AUC; closer than that, luck decides


@dataclass(frozen=True)
class FittedModel:
    """The candidate that ranks best, calibrated, with what it said out of fold.

    Attributes:
        model: fitted on all visits given, calibrated.
        baseline: the logistic baseline, fitted on the same visits.
        chosen: name of the candidate.
        candidates: measures of every candidate out of fold, before calibration.
        probabilities: shape (n,), out of fold, calibrated by the model's own map.
        judged: shape (n,), out of fold, each fold calibrated by a map of the others: what measures are made of.
        raw: shape (n,), out of fold, before calibration.
        baseline_probabilities: shape (n,), out of fold, of the baseline.
    """

    model: CalibratedModel
    baseline: Any
    chosen: str
    candidates: dict[str, Scores]
    probabilities: NDArray[np.float64]
    judged: NDArray[np.float64]
    raw: NDArray[np.float64]
    baseline_probabilities: NDArray[np.float64]


def fit_best(samples: Samples, *, folds: int, seed: int, progress: Progress = no_progress) -> FittedModel:
    """Fit every candidate fold by fold, take the one with the best PR-AUC, fit it on all and calibrate it.

    The preferred candidate is taken unless another is clearly better: the winner among near equals is luck.

    Nothing outside the visits given is looked at, so the same function serves training and, inside each outer
    fold, evaluation.

    Args:
        samples: labelled visits, checked.
        folds: number of folds by client.
        seed: of everything random.
        progress: told after each fit.

    Returns:
        The model and its out-of-fold predictions.
    """
    import numpy as np

    from include.visits.training.blend import Blend
    from include.visits.training.calibration import CalibratedModel, fit_calibrator

    matrix = samples.features.to_numpy(dtype="float64")
    singles = single_names(len(samples))
    deal = grouped_folds(samples.labels, samples.groups, folds=folds, seed=seed)
    found = predict_out_of_fold(singles, matrix, samples.labels, deal, seed=seed, progress=progress)
    found[BLEND] = np.mean([found[name] for name in singles], axis=0)
    scores = {name: measure_scores(samples.labels, answer) for name, answer in found.items()}
    chosen = choose(scores, preferred(len(samples)))
    members = singles if chosen == BLEND else (chosen,)
    wanted = dict.fromkeys((*members, LOGISTIC))
    fitted = {name: fit_estimator(name, matrix, samples.labels, seed) for name in wanted}
    calibrator = fit_calibrator(found[chosen], samples.labels)
    estimator = Blend([fitted[name] for name in singles]) if chosen == BLEND else fitted[chosen]
    return FittedModel(
        model=CalibratedModel(estimator, calibrator, tuple(map(str, samples.features.columns))),
        baseline=fitted[LOGISTIC],
        chosen=chosen,
        candidates=scores,
        probabilities=calibrator.transform(found[chosen]),
        judged=_calibrated_apart(found[chosen], samples.labels, deal),
        raw=found[chosen],
        baseline_probabilities=found[LOGISTIC],
    )


def _calibrated_apart(raw: NDArray[np.float64], labels: NDArray[np.int8], deal: Sequence[Fold]) -> NDArray[np.float64]:
    """Calibrate each fold by the others: a map judged on the rows it was fitted on would look perfect."""
    import numpy as np

    from include.visits.training.calibration import fit_calibrator

    found = np.empty(len(raw), dtype=np.float64)
    for learn, asked in deal:
        found[asked] = fit_calibrator(raw[learn], labels[learn]).transform(raw[asked])
    return found


def choose(scores: Mapping[str, Scores], preferred_name: str) -> str:
    """Take the candidate with the best PR-AUC, the preferred one among near equals.

    Args:
        scores: measures by candidate, of the same visits.
        preferred_name: taken unless another is better by a quarter of the standard error of its PR-AUC.

    Returns:
        A candidate.

    Source:
        Breiman, Friedman, Olshen, Stone: Classification and regression trees (1984), the one-standard-error rule,
        here with a quarter; standard error of average precision after Boyd, Eng, Page (ECML 2013), logit-free:
        sqrt(a (1 - a) / positives).
    """
    usual = scores[preferred_name]
    error = (usual.pr_auc * (1 - usual.pr_auc) / usual.positives) ** 0.5
    best = max(scores, key=lambda name: scores[name].pr_auc)
    return best if scores[best].pr_auc > usual.pr_auc + CLEARLY * error else preferred_name


def predict_out_of_fold(
    names: Sequence[str],
    matrix: NDArray[np.float64],
    labels: NDArray[np.int8],
    deal: Sequence[Fold],
    *,
    seed: int,
    progress: Progress = no_progress,
) -> dict[str, NDArray[np.float64]]:
    """Ask about every visit models that have never seen its client.

    Args:
        names: estimators.
        matrix: shape (n, k), float64, finite.
        labels: shape (n,), 0 or 1.
        deal: rows to learn from and to ask about; together the latter are all rows.
        seed: of everything random.
        progress: told after each fit.

    Returns:
        By name, shape (n,), probabilities as the estimator gives them.
    """
    import numpy as np

    found = {name: np.empty(len(labels), dtype=np.float64) for name in names}
    jobs = [(name, learn, asked) for name in names for learn, asked in deal]
    for done, (name, learn, asked) in enumerate(jobs):
        progress(f"training {name}", done, len(jobs))
        found[name][asked] = ask(fit_estimator(name, matrix[learn], labels[learn], seed), matrix[asked])
    progress("trained", len(jobs), len(jobs))
    return found
