"""Promised against observed: measures of calibration from sums per band and decile; pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from include.visits.monitoring.comparing import short

CONFIDENCE = 0.95
FEWEST_LABELLED = 50  # under it a test says nothing worth reading
LEVEL = 0.01  # of both tests together


@dataclass(frozen=True)
class Sums:
    """Sums over labelled visits; additive.

    Attributes:
        visits: how many.
        positives: of them with label 1.
        scores: sum of probabilities p.
        squares: sum of (y - p) squared.
        variances: sum of p (1 - p).
        tilts: sum of (y - p)(1 - 2p).
        tilt_variances: sum of (1 - 2p) squared times p (1 - p).
    """

    visits: int = 0
    positives: int = 0
    scores: float = 0.0
    squares: float = 0.0
    variances: float = 0.0
    tilts: float = 0.0
    tilt_variances: float = 0.0

    def __add__(self, other: Sums) -> Sums:
        """The sums over both."""
        return Sums(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Sums)))


@dataclass(frozen=True)
class Decile:
    """A tenth of the labelled visits, by score.

    Attributes:
        decile: 1 for the lowest scores.
        visits: how many.
        mean_predicted: mean probability.
        observed_share: share with label 1.
        low: lower end of the exact 95 % interval of that share.
        high: its upper end.
    """

    decile: int
    visits: int
    mean_predicted: float
    observed_share: float
    low: float
    high: float


@dataclass(frozen=True)
class Calibration:
    """What the labels that have come say of the probabilities.

    Attributes:
        visits: labelled visits.
        mean_predicted: mean probability, None without labels.
        observed_share: share with label 1, None without labels.
        low: lower end of the exact 95 % interval of that share.
        high: its upper end.
        ece: expected calibration error over ten bands of equal width.
        brier: mean squared difference.
        spiegelhalter_z: standardised; beyond +-2.8 is rarer than one in 200.
        hosmer_lemeshow: chi-square over the deciles.
        p_value: the smaller of both tests' p-values, doubled; 0-1.
        verdict: holds, off, or not_judged for too few labels.
        deciles: by score.
    """

    visits: int
    mean_predicted: float | None = None
    observed_share: float | None = None
    low: float | None = None
    high: float | None = None
    ece: float | None = None
    brier: float | None = None
    spiegelhalter_z: float | None = None
    hosmer_lemeshow: float | None = None
    p_value: float | None = None
    verdict: str = "not_judged"
    deciles: tuple[Decile, ...] = ()


def measure_calibration(bands: Sequence[Sums], deciles: Sequence[tuple[int, Sums]]) -> Calibration:
    """Measure how far probabilities are from what happened.

    Args:
        bands: sums per band of equal width.
        deciles: decile number from 1 and its sums; the same visits.

    Returns:
        The measures; two tests judge together, since the first does not see errors that cancel out.

    Source:
        Spiegelhalter, Probabilistic prediction in patient management (1986); Hosmer and Lemeshow, Applied
        Logistic Regression, with a degree of freedom per decile, as the model was fitted on other visits;
        Naeini, Cooper and Hauskrecht (AAAI 2015) for the calibration error.
    """
    from scipy import stats

    total = total_of(bands)
    if not total.visits:
        return Calibration(0)
    spiegelhalter_z = total.tilts / math.sqrt(total.tilt_variances) if total.tilt_variances else 0.0
    spread = [one for _, one in deciles if one.variances]
    hosmer_lemeshow = sum((one.positives - one.scores) ** 2 / one.variances for one in spread)
    p_values = (2 * stats.norm.sf(abs(spiegelhalter_z)), stats.chi2.sf(hosmer_lemeshow, len(spread)))
    p_value = min(1.0, 2 * float(min(p_values))) if spread else 1.0
    low, high = exact_interval(total.positives, total.visits)
    verdict = "not_judged" if total.visits < FEWEST_LABELLED else "off" if p_value < LEVEL else "holds"
    return Calibration(
        visits=total.visits,
        mean_predicted=short(total.scores / total.visits),
        observed_share=short(total.positives / total.visits),
        low=low,
        high=high,
        ece=short(sum(abs(one.positives - one.scores) for one in bands) / total.visits),
        brier=short(total.squares / total.visits),
        spiegelhalter_z=short(spiegelhalter_z),
        hosmer_lemeshow=short(hosmer_lemeshow),
        p_value=short(p_value),
        verdict=verdict,
        deciles=tuple(_decile(number, one) for number, one in deciles),
    )


def exact_interval(positives: int, visits: int) -> tuple[float, float]:
    """Exact binomial interval of a share.

    Args:
        positives: 0 to visits.
        visits: at least 1.

    Returns:
        Both ends, 0-1, at 95 %.

    Source:
        Clopper and Pearson, The use of confidence or fiducial limits (Biometrika 1934).

    >>> exact_interval(0, 10)
    (0.0, 0.308497)
    """
    from scipy import stats

    tail = (1 - CONFIDENCE) / 2
    low = stats.beta.ppf(tail, positives, visits - positives + 1) if positives else 0.0
    high = stats.beta.ppf(1 - tail, positives + 1, visits - positives) if positives < visits else 1.0
    return short(float(low)), short(float(high))


def total_of(parts: Iterable[Sums]) -> Sums:
    """Add sums up.

    Args:
        parts: of disjoint visits.

    Returns:
        Sums over all.
    """
    return sum(parts, Sums())


def _decile(number: int, one: Sums) -> Decile:
    low, high = exact_interval(one.positives, one.visits)
    return Decile(number, one.visits, short(one.scores / one.visits), short(one.positives / one.visits), low, high)
