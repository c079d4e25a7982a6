"""Whether the promises of a threshold hold on days that nothing was learnt from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COVERAGE = 0.9  # of the outcome sets, for each class
CONFIDENCE = 0.95  # of the intervals
MIN_OF_EACH_CLASS = 10  # held-out visits of a class; fewer say nothing
MIN_FLAGGED = 10  # held-out visits above the threshold

Verdict = Literal["holds", "does not hold", "too few"]


@dataclass(frozen=True)
class Coverage:
    """How often the outcome sets of one class contain the outcome.

    Attributes:
        label: the class.
        calibration_rows: visits the limit was taken from.
        rows: held-out visits of the class.
        covered: of them with the class in their outcome set.
        share: covered / rows; None without rows.
        low, high: Clopper-Pearson interval of the share at 95 %.
        limit: a visit's set contains the class when 1 - p(class) is at most this.
        verdict: ``holds`` when the interval reaches 0.9.
    """

    label: int
    calibration_rows: int
    rows: int
    covered: int
    share: float | None
    low: float
    high: float
    limit: float
    verdict: Verdict


@dataclass(frozen=True)
class HeldOutCheck:
    """The last look at a model.

    Attributes:
        rows: held-out visits.
        positives: of them level 4+.
        coverage: for class 0 and class 1.
        flagged: held-out visits above the threshold.
        right: of them level 4+.
        precision: right / flagged; None when none is flagged.
        low, high: Clopper-Pearson interval of the precision at 95 %, two-sided.
        goal: precision promised; None when the goal was another.
        precision_verdict: ``does not hold`` when the whole interval lies below the goal.
        verdict: ``does not hold`` when one part does not, else ``too few`` when one part is, else ``holds``.
    """

    rows: int
    positives: int
    coverage: tuple[Coverage, Coverage]
    flagged: int
    right: int
    precision: float | None
    low: float
    high: float
    goal: float | None
    precision_verdict: Verdict
    verdict: Verdict


def check_held_out(
    labels: NDArray[np.int8],
    probabilities: NDArray[np.float64],
    later_labels: NDArray[np.int8],
    later_probabilities: NDArray[np.float64],
    *,
    threshold: float,
    precision: float | None,
) -> HeldOutCheck:
    """Check a model on visits later than everything it has learnt from.

    Two promises are tested. Outcome sets: for each class the 90 % quantile (with the finite-sample
    correction (n + 1) * 0.9 / n) of 1 - p(class) among the calibration visits of that class becomes a limit; if the
    later visits are like the earlier ones, at least 90 % of those of a class stay below its limit. Precision: the
    share of right visits among those flagged, with its exact interval.

    Args:
        labels: shape (n,), outcomes the model was calibrated on.
        probabilities: shape (n,), out of fold, calibrated.
        later_labels: shape (m,), outcomes of the held-out visits; m may be 0.
        later_probabilities: shape (m,), of the model itself.
        threshold: visits strictly above it are flagged.
        precision: precision promised, or None.

    Returns:
        Counts, intervals and a verdict for each promise and for all.

    Source:
        Vovk, Gammerman, Shafer: Algorithmic learning in a random world (2005), class-conditional (Mondrian)
        conformal prediction; Vovk: Conditional validity of inductive conformal predictors (2012); Clopper,
        Pearson (1934).
    """
    coverage = (
        _coverage(0, 1 - probabilities[labels == 0], 1 - later_probabilities[later_labels == 0]),
        _coverage(1, probabilities[labels == 1], later_probabilities[later_labels == 1]),
    )
    above = later_probabilities > threshold
    flagged, right = int(above.sum()), int(later_labels[above].sum())
    low, high = interval(right, flagged)
    own: Verdict = "holds"
    if flagged < MIN_FLAGGED:
        own = "too few"
    elif precision is not None and high < precision:
        own = "does not hold"
    return HeldOutCheck(
        rows=len(later_labels),
        positives=int(later_labels.sum()),
        coverage=coverage,
        flagged=flagged,
        right=right,
        precision=right / flagged if flagged else None,
        low=low,
        high=high,
        goal=precision,
        precision_verdict=own,
        verdict=_worst([one.verdict for one in coverage] + ([own] if precision is not None else [])),
    )


def _coverage(label: int, chances: NDArray[np.float64], later: NDArray[np.float64]) -> Coverage:
    """``chances``: probability of the true class, among calibration and held-out visits of that class."""
    import numpy as np

    n = len(chances)
    rank = int(np.ceil((n + 1) * COVERAGE))
    limit = float(np.sort(1 - chances)[rank - 1]) if 0 < rank <= n else 1.0
    covered = int((1 - later <= limit).sum())
    low, high = interval(covered, len(later))
    verdict: Verdict = "holds" if high >= COVERAGE else "does not hold"
    return Coverage(
        label=label,
        calibration_rows=n,
        rows=len(later),
        covered=covered,
        share=covered / len(later) if len(later) else None,
        low=low,
        high=high,
        limit=limit,
        verdict=verdict if len(later) >= MIN_OF_EACH_CLASS else "too few",
    )


def interval(right: int, count: int) -> tuple[float, float]:
    """Two-sided Clopper-Pearson interval of a share at 95 %.

    Args:
        right: successes.
        count: trials.

    Returns:
        Lower and upper end; 0 and 1 without trials.

    >>> [round(end, 3) for end in interval(8, 10)]
    [0.444, 0.975]
    """
    from scipy.stats import beta

    error = (1 - CONFIDENCE) / 2
    low = float(beta.ppf(error, right, count - right + 1)) if right else 0.0
    high = float(beta.isf(error, right + 1, count - right)) if right < count else 1.0
    return low, high


def _worst(verdicts: list[Verdict]) -> Verdict:
    order: tuple[Verdict, ...] = ("does not hold", "too few", "holds")
    return next(verdict for verdict in order if verdict in verdicts)
