"""From labelled visits to a model that can be registered, with everything that speaks for and against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.progress import Progress, no_progress
from include.visits.training.conformal import check_held_out
from include.visits.training.fitting import fit_best
from include.visits.training.folds import split_by_time
from include.visits.training.model_card import build_card
from include.visits.training.requirements import require_trainable
from include.visits.training.thresholds import ThresholdGoal, choose_threshold

if TYPE_CHECKING:
    from include.visits.training.samples import Samples

FOLDS = 5


@dataclass(frozen=True)
class TrainedModel:
    """A model ready for the registry.

    Attributes:
        estimator: fitted and calibrated, with predict_proba and feature names.
        features: names of the input columns, in order.
        threshold: a probability must be above it, 0-1.
        card: everything measured, as JSON can hold it; keys in docs/evaluation.md.
    """

    estimator: Any
    features: tuple[str, ...]
    threshold: float
    card: dict[str, Any]


def train_model(
    samples: Samples, *, goal: ThresholdGoal, seed: int = 0, progress: Progress = no_progress
) -> TrainedModel:
    """Train the candidates, take the best one, calibrate it, choose its threshold and check it on later days.

    The last day or days (about a fifth of the visits) are kept out of learning, choice, calibration and
    threshold; they only say whether the promises hold.

    Args:
        samples: labelled visits of one device category, any numeric features.
        goal: what the threshold is to achieve.
        seed: of everything random; same samples and seed give the same model, byte for byte.
        progress: told after each fit.

    Returns:
        The model and its card.

    Raises:
        InputError: the samples cannot be learnt from, or no threshold reaches the goal.
    """
    import numpy as np

    require_trainable(samples)
    split = split_by_time(samples)
    learnt = samples.take(split.learn)
    require_trainable(learnt, what="the labelled visits before the held-out days")
    fitted = fit_best(learnt, folds=FOLDS, seed=seed, progress=progress)
    threshold = choose_threshold(goal, learnt.labels, fitted.probabilities)
    later = samples.take(split.check)
    later_probabilities = fitted.model.predict_proba(later.features)[:, 1] if len(later) else np.empty(0)
    check = check_held_out(
        learnt.labels,
        fitted.probabilities,
        later.labels,
        later_probabilities,
        threshold=threshold.value,
        precision=goal.value if goal.kind == "precision" else None,
    )
    card = build_card(
        learnt, later, fitted, later_probabilities, goal=goal, threshold=threshold, check=check, seed=seed
    )
    return TrainedModel(fitted.model, fitted.model.features, threshold.value, card)
