"""Fitting the candidates on some visits, choosing one, and calibrating it, all inside those visits."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.progress import Progress, no_progress
from include.visits.training.candidates import (
    BLEND,
    BOOSTING,
    FOREST,
    LOGISTIC,
    ask,
    candidate_names,
    fit_estimator,
)
from include.visits.training.folds import Fold, grouped_folds
from include.visits.training.scores import Scores, measure_scores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from include.visits.training.calibration import CalibratedModel
    from include.visits.training.samples import Samples

MEMBERS = {BLEND: (BOOSTING, FOREST)}


@dataclass(frozen=True)
class FittedModel:
    """The candidate that ranks best, calibrated, with what it said out of fold.

    Attributes:
        model: fitted on all visits given, calibrated.
        baseline: the logistic baseline, fitted on the same visits.
        chosen: name of the candidate.
        candidates: measures of every candidate out of fold, before calibration.
        probabilities: shape (n,), out of fold, calibrated.
        raw: shape (n,), out of fold, before calibration.
        baseline_probabilities: shape (n,), out of fold, of the baseline.
    """

    model: CalibratedModel
    baseline: Any
    chosen: str
    candidates: dict[str, Scores]
    probabilities: NDArray[np.float64]
    raw: NDArray[np.float64]
    baseline_probabilities: NDArray[np.float64]


def fit_best(samples: Samples, *, folds: int, seed: int, progress: Progress = no_progress) -> FittedModel:
    """Fit every candidate fold by fold, take the one with the best PR-AUC, fit it on all and calibrate it.

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
    from include.visits.training.calibration import CalibratedModel, fit_calibrator

    matrix = samples.features.to_numpy(dtype="float64")
    names = candidate_names(len(samples))
    own = [name for name in names if name not in MEMBERS]
    deal = grouped_folds(samples.labels, samples.groups, folds=folds, seed=seed)
    found = predict_out_of_fold(own, matrix, samples.labels, deal, seed=seed, progress=progress)
    if BLEND in names:
        found[BLEND] = (found[BOOSTING] + found[FOREST]) / 2
    scores = {name: measure_scores(samples.labels, found[name]) for name in names}
    chosen = max(names, key=lambda name: scores[name].pr_auc)
    wanted = list(dict.fromkeys([*MEMBERS.get(chosen, (chosen,)), LOGISTIC]))
    with _fits_at_once() as pool:
        fits = pool.map(lambda name: fit_estimator(name, matrix, samples.labels, seed), wanted)
        fitted = dict(zip(wanted, fits, strict=True))
    calibrator = fit_calibrator(found[chosen], samples.labels)
    return FittedModel(
        model=CalibratedModel(_assembled(chosen, fitted), calibrator, tuple(map(str, samples.features.columns))),
        baseline=fitted[LOGISTIC],
        chosen=chosen,
        candidates=scores,
        probabilities=calibrator.transform(found[chosen]),
        raw=found[chosen],
        baseline_probabilities=found[LOGISTIC],
    )


def _assembled(chosen: str, fitted: dict[str, Any]) -> Any:
    from include.visits.training.blend import Blend

    return Blend([fitted[member] for member in MEMBERS[chosen]]) if chosen in MEMBERS else fitted[chosen]


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

    jobs = [(name, learn, asked) for name in names for learn, asked in deal]

    def run(job: tuple[str, NDArray[np.int64], NDArray[np.int64]]) -> NDArray[np.float64]:
        """One estimator in one fold."""
        name, learn, asked = job
        return ask(fit_estimator(name, matrix[learn], labels[learn], seed), matrix[asked])

    found = {name: np.empty(len(labels), dtype=np.float64) for name in names}
    with _fits_at_once() as pool:
        for done, ((name, _, asked), answer) in enumerate(zip(jobs, pool.map(run, jobs), strict=True), start=1):
            found[name][asked] = answer
            progress(f"training {name}", done, len(jobs))
    return found


@contextmanager
def _fits_at_once() -> Iterator[ThreadPoolExecutor]:
    """One fit per core; linear algebra inside a fit gets one thread, more would wait for each other."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    cores = len(os.sched_getaffinity(0))
    with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(max(1, cores)) as pool:
        yield pool
