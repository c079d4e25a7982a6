"""Thresholds chosen for a stated goal, with the evidence for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from include.errors import InputError
from include.visits.models.import_models import DEFAULT_THRESHOLDS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GoalKind = Literal["fixed", "precision", "top-share"]
CONFIDENCE = 0.95  # a precision goal is met with this probability
_FIRST_COUNT = 10  # the smallest set of flagged visits that is looked at
_STEPS = 40  # sets of flagged visits looked at, from the smallest to all
_STARTS = 4  # sequences of tests; the error probability is divided among them
_BISECTIONS = 30


@dataclass(frozen=True)
class ThresholdGoal:
    """What a threshold is to achieve.

    Attributes:
        kind: ``fixed`` threshold, ``precision`` of at least ``value``, or ``top-share`` of visits.
        value: the threshold, the precision, or the share, 0-1.
        confidence: probability with which a precision goal is to hold, 0-1.
    """

    kind: GoalKind
    value: float
    confidence: float = CONFIDENCE


@dataclass(frozen=True)
class ChosenThreshold:
    """A threshold and what it does to the visits it was chosen on.

    Attributes:
        value: visits strictly above it are level 4+.
        flagged: visits above it.
        right: of them level 4+.
        precision: share of the flagged that are right; None when none is flagged.
        precision_at_least: lower Clopper-Pearson bound of the precision at the goal's confidence, one-sided.
        recall: share of the level 4+ visits that are flagged.
        flagged_share: share of all visits that are flagged.
    """

    value: float
    flagged: int
    right: int
    precision: float | None
    precision_at_least: float
    recall: float
    flagged_share: float


def parse_goal(text: str, *, device: str) -> ThresholdGoal:
    """Read a goal as typed.

    Args:
        text: ``seed``, ``threshold=T``, ``precision=P`` or ``top-share=S``.
        device: ``desktop`` or ``mobile``; ``seed`` means 0.48 and 0.36.

    Returns:
        The goal.

    Raises:
        InputError: none of them, or a number that is not between 0 and 1.

    >>> parse_goal("seed", device="mobile")
    ThresholdGoal(kind='fixed', value=0.36, confidence=0.95)
    >>> parse_goal("precision=0.8", device="desktop").value
    0.8
    """
    name, _, number = text.strip().partition("=")
    if text.strip() == "seed" and device in DEFAULT_THRESHOLDS:
        return ThresholdGoal("fixed", DEFAULT_THRESHOLDS[device])
    kinds: dict[str, GoalKind] = {"threshold": "fixed", "precision": "precision", "top-share": "top-share"}
    if name not in kinds:
        raise InputError(
            f"The threshold goal {text!r} is unknown; give seed, precision=0.8, top-share=0.1 or threshold=0.5.",
            code="bad_goal",
            pointer="--goal",
        )
    try:
        value = float(number)
    except ValueError:
        value = float("nan")
    is_inside = 0 <= value <= 1 if kinds[name] == "fixed" else 0 < value < 1
    if not is_inside:
        raise InputError(
            f"The threshold goal {text!r} needs a number between 0 and 1, for example {name}=0.8.",
            code="bad_goal",
            pointer="--goal",
        )
    return ThresholdGoal(kinds[name], value)


def choose_threshold(
    goal: ThresholdGoal, labels: NDArray[np.int8], probabilities: NDArray[np.float64]
) -> ChosenThreshold:
    """Find the threshold a goal asks for.

    For a precision goal it is the lowest threshold that passes a fixed-sequence test: sets of the most probable
    visits, from small to large, are tested one after the other against "the precision is at most P" with an
    exact binomial test, until one fails. Testing starts at four sizes, each with a quarter of the error
    probability, so that a few wrong visits on top do not end everything. With probability ``confidence`` the
    threshold taken has a precision of at least P on visits like these (visits of one client count as independent).

    Args:
        goal: what to achieve.
        labels: shape (n,), 0 or 1.
        probabilities: shape (n,), calibrated, of models that have not seen these visits.

    Returns:
        The threshold and what it does.

    Raises:
        InputError: no threshold reaches the precision; the message says what is reachable.

    Source:
        Angelopoulos, Bates, Candes, Jordan, Lei: Learn then Test (2021), fixed-sequence testing; Clopper,
        Pearson: The use of confidence or fiducial limits illustrated in the case of the binomial (1934).
    """
    ladder = _Ladder.of(labels, probabilities)
    if goal.kind == "fixed":
        return describe_threshold(goal.value, labels, probabilities, goal.confidence)
    if goal.kind == "top-share":
        count = max(1, int(goal.value * len(labels)))
        return describe_threshold(ladder.below(count), labels, probabilities, goal.confidence)
    certified = ladder.certified(goal.value, 1 - goal.confidence)
    if certified is None:
        raise InputError(_unreachable(goal, ladder), code="goal_not_reached", pointer="--goal")
    return describe_threshold(ladder.below(certified), labels, probabilities, goal.confidence)


def describe_threshold(
    value: float, labels: NDArray[np.int8], probabilities: NDArray[np.float64], confidence: float = CONFIDENCE
) -> ChosenThreshold:
    """Say what a threshold does to visits.

    Args:
        value: the threshold, 0-1.
        labels: shape (n,), 0 or 1, n >= 1.
        probabilities: shape (n,).
        confidence: of the lower bound of the precision.

    Returns:
        The threshold with its counts.
    """
    flagged = probabilities > value
    count, right, positives = int(flagged.sum()), int(labels[flagged].sum()), int(labels.sum())
    return ChosenThreshold(
        value=float(value),
        flagged=count,
        right=right,
        precision=right / count if count else None,
        precision_at_least=lower_bound(right, count, 1 - confidence),
        recall=right / positives if positives else 0.0,
        flagged_share=count / len(labels),
    )


def lower_bound(right: int, count: int, error: float) -> float:
    """One-sided lower Clopper-Pearson bound of a share.

    Args:
        right: successes.
        count: trials.
        error: probability that the true share is lower.

    Returns:
        The bound, 0-1; 0 without trials.

    >>> round(lower_bound(59, 59, 0.05), 3)
    0.95
    """
    from scipy.stats import beta

    return float(beta.ppf(error, right, count - right + 1)) if right else 0.0


@dataclass(frozen=True)
class _Ladder:
    """Sets of the most probable visits, from small to large; visits of equal probability stay together.

    Attributes:
        ranked: shape (n,), probabilities, falling.
        counts: shape (m,), sizes of the sets.
        rights: shape (m,), level 4+ visits in them.
    """

    ranked: NDArray[np.float64]
    counts: NDArray[np.int64]
    rights: NDArray[np.int64]

    @classmethod
    def of(cls, labels: NDArray[np.int8], probabilities: NDArray[np.float64]) -> _Ladder:
        """Rank the visits and place the steps, never inside a run of equal probabilities."""
        import numpy as np

        order = np.argsort(-probabilities, kind="stable")
        ranked, hits = probabilities[order], np.cumsum(labels[order], dtype=np.int64)
        n = len(order)
        wanted = np.geomspace(min(_FIRST_COUNT, n), n, _STEPS).astype(np.int64)
        # the last place of each run of equal probabilities
        counts = np.unique(n - np.searchsorted(ranked[::-1], ranked[wanted - 1], side="left"))
        counts = counts[ranked[counts - 1] > 0]
        return cls(ranked, counts, hits[counts - 1])

    def below(self, count: int) -> float:
        """A threshold that flags ``count`` visits, fewer when the next has the same probability."""
        edge = self.ranked[count - 1]
        if count < len(self.ranked) and self.ranked[count] == edge:
            above = self.ranked[self.ranked > edge]
            return float((above[-1] + edge) / 2) if len(above) else float(edge)
        after = self.ranked[count] if count < len(self.ranked) else 0.0
        middle = float((edge + after) / 2)
        return middle if middle < edge else float(after)

    def certified(self, precision: float, error: float) -> int | None:
        """Size of the largest set whose precision is above the goal, None when there is none."""
        import numpy as np
        from scipy.stats import binom

        if not len(self.counts):
            return None
        chances = binom.sf(self.rights - 1, self.counts, precision)
        passes = chances <= error / _STARTS
        best = None
        for start in np.unique(np.linspace(0, len(passes) - 1, _STARTS + 1).astype(np.int64)[:-1]):
            failed = np.flatnonzero(~passes[start:])
            length = int(failed[0]) if len(failed) else len(passes) - int(start)
            if length:
                size = int(self.counts[start + length - 1])
                best = size if best is None else max(best, size)
        return best

    def reachable(self, error: float) -> float:
        """The highest precision that could be promised."""
        low, high = 0.0, 1.0
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            low, high = (middle, high) if self.certified(middle, error) is not None else (low, middle)
        return low


def _unreachable(goal: ThresholdGoal, ladder: _Ladder) -> str:
    error = 1 - goal.confidence
    best = int(ladder.reachable(error) * 1_000) / 1_000
    hint = "more labels are needed."
    if best > 0 and (size := ladder.certified(best, error)) is not None:
        hint = f"the highest that these labels can prove is {best:g}, by the {size} most probable visits."
    return (
        f"No threshold reaches a precision of {goal.value:g} with {goal.confidence:.0%} confidence: {hint} Give "
        "precision= a lower value, top-share=, or label more visits."
    )
