"""From labelled visits to a model that can be registered, with everything that speaks for and against it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from include.progress import Progress, no_progress
from include.visits.training.candidates import make_candidates, predict_out_of_fold
from include.visits.training.folds import grouped_folds
from include.visits.training.scores import measure_scores
from include.visits.training.thresholds import ThresholdGoal, choose_threshold

if TYPE_CHECKING:
    from include.visits.training.samples import Samples


@dataclass(frozen=True)
class TrainedModel:
    """A model ready for the registry.

    Attributes:
        estimator: fitted and calibrated, with predict_proba and feature names.
        features: names of the input columns, in order.
        threshold: a probability must be above it, 0-1.
        card: everything measured, as JSON can hold it.
    """

    estimator: Any
    features: tuple[str, ...]
    threshold: float
    card: dict[str, Any]


def train_model(
    samples: Samples, *, goal: ThresholdGoal, seed: int = 0, progress: Progress = no_progress
) -> TrainedModel:
    """Train the candidates, take the better one, calibrate it and choose its threshold.

    Args:
        samples: labelled visits of one device category.
        goal: what the threshold is to achieve.
        seed: of everything random; same samples and seed give the same model.
        progress: told after each step.

    Returns:
        The model and its card.

    Raises:
        InputError: the samples cannot be learnt from, or no threshold reaches the goal.
    """
    from include.visits.training.calibration import CalibratedModel, fit_calibrator

    folds = grouped_folds(samples.labels, samples.groups, seed=seed)
    predictions, scores = {}, {}
    candidates = make_candidates(seed)
    for number, (name, estimator) in enumerate(candidates.items()):
        progress(f"training {name}", number, len(candidates))
        predictions[name] = predict_out_of_fold(estimator, samples.features, samples.labels, folds)
        scores[name] = measure_scores(samples.labels, predictions[name])
    chosen = max(scores, key=lambda name: scores[name].pr_auc)
    calibrator = fit_calibrator(predictions[chosen], samples.labels)
    features = tuple(map(str, samples.features.columns))
    fitted = candidates[chosen].fit(samples.features, samples.labels)
    calibrated = calibrator.transform(predictions[chosen])
    threshold = choose_threshold(goal, samples.labels, calibrated)
    card = {
        "rows": len(samples),
        "positives": samples.positive_count,
        "features": list(features),
        "seed": seed,
        "chosen": chosen,
        "candidates": {name: asdict(found) for name, found in scores.items()},
        "scores": asdict(measure_scores(samples.labels, calibrated)),
        "threshold": {"value": threshold, "goal": asdict(goal)},
    }
    return TrainedModel(CalibratedModel(fitted, calibrator, features), features, threshold, card)
