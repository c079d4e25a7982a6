"""Thresholds chosen for a stated goal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from include.errors import InputError
from include.visits.models.import_models import DEFAULT_THRESHOLDS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GoalKind = Literal["fixed", "precision", "top-share"]


@dataclass(frozen=True)
class ThresholdGoal:
    """What a threshold is to achieve.

    Attributes:
        kind: ``fixed`` threshold, ``precision`` of at least ``value``, or ``top-share`` of visits.
        value: the threshold, the precision, or the share, 0-1.
    """

    kind: GoalKind
    value: float


def parse_goal(text: str, *, device: str) -> ThresholdGoal:
    """Read a goal as typed.

    Args:
        text: ``seed``, ``precision=P`` or ``top-share=S``.
        device: ``desktop`` or ``mobile``; ``seed`` means 0.48 and 0.36.

    Returns:
        The goal.

    Raises:
        InputError: none of the three, or a number outside 0-1.

    >>> parse_goal("seed", device="mobile")
    ThresholdGoal(kind='fixed', value=0.36)
    """
    name, _, number = text.partition("=")
    if text == "seed":
        return ThresholdGoal("fixed", DEFAULT_THRESHOLDS[device])
    if name not in ("precision", "top-share"):
        raise InputError(
            f"The threshold goal {text!r} is unknown; give seed, precision=0.8 or top-share=0.1.",
            code="bad_goal",
            pointer="--goal",
        )
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise InputError(
            f"The threshold goal {text!r} needs a number between 0 and 1, for example {name}=0.8.",
            code="bad_goal",
            pointer="--goal",
        )
    return ThresholdGoal("precision" if name == "precision" else "top-share", value)


def choose_threshold(goal: ThresholdGoal, labels: NDArray[np.int8], probabilities: NDArray[np.float64]) -> float:
    """Find the threshold a goal asks for.

    Args:
        goal: what to achieve.
        labels: shape (n,), 0 or 1.
        probabilities: shape (n,), calibrated, out of fold.

    Returns:
        Visits strictly above it are level 4+.

    Raises:
        InputError: no threshold reaches the precision.
    """
    import numpy as np

    if goal.kind == "fixed":
        return goal.value
    order = np.argsort(-probabilities, kind="stable")
    ranked = probabilities[order]
    if goal.kind == "top-share":
        return float(ranked[min(int(goal.value * len(ranked)), len(ranked) - 1)])
    precisions = np.cumsum(labels[order]) / np.arange(1, len(order) + 1)
    is_last_of_ties = np.append(ranked[1:] < ranked[:-1], True)
    good = np.flatnonzero((precisions >= goal.value) & is_last_of_ties)
    if not len(good):
        raise InputError(
            f"No threshold reaches a precision of {goal.value}; the highest is {precisions.max():.3f}. Give a lower "
            "precision or more labels.",
            code="goal_not_reached",
            pointer="--goal",
        )
    return float(np.nextafter(ranked[good[-1]], 0.0))
