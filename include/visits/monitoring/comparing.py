"""Comparing how often values fall into bins on one day and on the days of a reference: pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FEWEST_EXPECTED = 5.0  # a bin with fewer expected visits is joined with its neighbour
SMOOTHING = 0.5  # added to each count of the index, so that an empty bin does not make it infinite
USUAL_QUANTILE = 0.9  # of the days of the reference; one odd day among them must not hide the next


@dataclass(frozen=True)
class Comparison:
    """A two-sample test of a day against a reference.

    Attributes:
        psi: population stability index, less what chance alone gives on samples of these sizes; 0 and more.
        usual_psi: the index that nine of ten days of the reference stay under against their fellows.
        statistic: Pearson's two-sample chi-square over the bins that were kept.
        degrees: its degrees of freedom; 0 when everything fell into one bin.
        dispersion: how many times more the reference's days differ than chance explains; 1 and more.
        p_value: probability of a difference as large when nothing changed, 0-1.
    """

    psi: float
    usual_psi: float
    statistic: float
    degrees: int
    dispersion: float
    p_value: float


def compare_counts(
    day: NDArray[np.float64], reference: NDArray[np.float64], kinds: Sequence[int], kind: int
) -> Comparison:
    """Test whether a day is distributed like the days of its kind in a reference.

    Days of one kind differ from each other by more than the drawing of visits explains (weather, a campaign).
    How much more is estimated within the kinds of the reference and divided out, so that the share of alarms
    on equal distributions keeps to its level for few visits as for many.

    Args:
        day: shape (bins,), visits of the day by bin, at least one visit.
        reference: shape (days, bins), the same of each reference day, each with at least one visit.
        kinds: shape (days,), kind of each reference day, for example its weekday.
        kind: kind of the day; the reference has days of it.

    Returns:
        The comparison.

    Source:
        Pearson's chi-square for two samples; dispersion from the days' heterogeneity, McCullagh and Nelder,
        Generalized Linear Models (1989), 4.5; the first-order bias (bins - 1)(1/n + 1/m) of the stability
        index, Yurdakul, Statistical Properties of Population Stability Index (2018).
    """
    import numpy as np
    from scipy import stats

    alike = np.asarray(kinds) == kind
    day, reference = _joined(np.asarray(day, float), np.asarray(reference, float), alike)
    degrees = len(day) - 1
    if degrees == 0:
        return Comparison(0.0, 0.0, 0.0, 0, 1.0, 1.0)
    groups = [reference[np.asarray(kinds) == one] for one in sorted(set(kinds))]
    dispersion, dispersion_degrees = _dispersion(groups)
    fellows = reference[alike].sum(axis=0)
    statistic = _chi_square(np.vstack([day, fellows]))
    if dispersion > 1.0:
        p_value = stats.f.sf(statistic / degrees / dispersion, degrees, dispersion_degrees)
    else:
        p_value = stats.chi2.sf(statistic, degrees)
    usual = [_index(one, others, dispersion) for group in groups for one, others in _each_against_others(group)]
    return Comparison(
        psi=_index(day, fellows, dispersion),
        usual_psi=float(np.quantile(usual, USUAL_QUANTILE)) if usual else 0.0,
        statistic=statistic,
        degrees=degrees,
        dispersion=dispersion,
        p_value=float(p_value),
    )


def adjust_together(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for being many, so that any false alarm among them stays at the level.

    Args:
        p_values: of all tests of a day, 0-1.

    Returns:
        Corrected values in the same order, 0-1.

    Source:
        Holm, A simple sequentially rejective multiple test procedure (1979).

    >>> adjust_together([0.01, 0.5, 0.02])
    [0.03, 0.5, 0.04]
    """
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        highest = max(highest, min(1.0, p_values[place] * (len(p_values) - rank)))
        adjusted[place] = highest
    return adjusted


def short(value: float) -> float:
    """Keep six significant digits: the last ones depend on the order in which ClickHouse adds.

    Args:
        value: any number.

    Returns:
        The number, rounded.

    >>> short(0.123456789)
    0.123457
    """
    return float(f"{value:.6g}")


def _joined(
    day: NDArray[np.float64], reference: NDArray[np.float64], alike: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Join neighbouring bins until each is expected to hold enough visits of the smaller side."""
    import numpy as np

    fellows = reference[alike].sum(axis=0)
    together = day + fellows
    expected = together / together.sum() * min(day.sum(), fellows.sum())
    starts, held = [0], 0.0
    for place, count in enumerate(expected):
        if held >= FEWEST_EXPECTED and expected[place:].sum() >= FEWEST_EXPECTED:
            starts.append(place)
            held = 0.0
        held += count
    return np.add.reduceat(day, starts), np.add.reduceat(reference, starts, axis=1)


def _index(day: NDArray[np.float64], fellows: NDArray[np.float64], dispersion: float) -> float:
    """Population stability index, less its first-order bias; never below 0."""
    import numpy as np

    shares, expected = ((counts + SMOOTHING) / (counts + SMOOTHING).sum() for counts in (day, fellows))
    chance = dispersion * (len(day) - 1) * (1 / day.sum() + 1 / fellows.sum())
    return max(0.0, float(((shares - expected) * np.log(shares / expected)).sum() - chance))


def _each_against_others(
    group: NDArray[np.float64],
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    total = group.sum(axis=0)
    if len(group) > 1:
        yield from ((one, total - one) for one in group)


def _chi_square(counts: NDArray[np.float64]) -> float:
    """Heterogeneity of the rows; bins that nobody fell into say nothing."""
    import numpy as np

    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    terms = np.divide((counts - expected) ** 2, expected, out=np.zeros_like(expected), where=expected > 0)
    return float(terms.sum())


def _dispersion(groups: Sequence[NDArray[np.float64]]) -> tuple[float, int]:
    """Heterogeneity of the days within their kinds per degree of freedom, at least 1; and those degrees."""
    degrees = sum((len(group) - 1) * (group.shape[1] - 1) for group in groups)
    statistic = sum(_chi_square(group) for group in groups)
    return (max(1.0, statistic / degrees), degrees) if degrees else (1.0, 0)
