"""Figures over the people of one slice: the only place where they are calculated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.metrics.catalogue.card import Card
from include.metrics.reading.people import People
from include.metrics.tables import TIMEOUTS_SECONDS

if TYPE_CHECKING:
    from include.metrics.reading.people import Floats

QUANTILES = (0.1, 0.25, 0.75, 0.9)
BIN_COUNT = 10
ZERO_OR_ONE = "0/1"  # unit of metrics with no values in between


@dataclass(frozen=True)
class Statistics:
    """What the values of a slice are like; people without a value count in ``n_null`` and nowhere else.

    Attributes:
        n_values: people with a value.
        n_null: people with a row and no value.
        sample_n: sum of the sample sizes of all rows.
        average_value: plain mean; None without values, as are the following ones.
        median: middle value.
        minimum: least value.
        maximum: greatest value.
        quantiles: by level ``0.1``, ``0.25``, ``0.75`` and ``0.9``: linear interpolation between the two values next to
            rank (n - 1) x level, counted from 0; the median is the same rule at 0.5.
        pooled_value: sum of numerators over sum of denominators; None for metrics that are no ratios.
        distribution: ``edges`` of bins from least to greatest value, the last one closed, and ``counts`` of people in
            them; one bin when all values are the same. For 0/1 metrics ``values`` and their ``counts``.
        sensitivity: mean at each time-out in seconds; None for metrics that are not kept at several.
    """

    n_values: int
    n_null: int
    sample_n: int
    average_value: float | None
    median: float | None
    minimum: float | None
    maximum: float | None
    quantiles: Mapping[str, float] | None
    pooled_value: float | None
    distribution: Mapping[str, list[Any]] | None
    sensitivity: Mapping[str, float] | None


def statistics_of(people: People, card: Card) -> Statistics:
    """Describe the values of a slice.

    Args:
        people: its values in any order; the order does not change the last bit of a figure.
        card: the definition they follow.

    Returns:
        The figures.
    """
    import numpy as np

    has_value = ~np.isnan(people.values)
    values = np.sort(people.values[has_value])
    n_null, sample_n = int((~has_value).sum()), int(people.sample_sizes.sum())
    if not len(values):
        return Statistics(0, n_null, sample_n, *[None] * 8)
    levels = {str(level): float(np.quantile(values, level)) for level in QUANTILES}
    return Statistics(
        n_values=len(values),
        n_null=n_null,
        sample_n=sample_n,
        average_value=mean_of(values),
        median=float(np.quantile(values, 0.5)),
        minimum=float(values[0]),
        maximum=float(values[-1]),
        quantiles=levels,
        pooled_value=_pooled(people, has_value) if card.is_ratio else None,
        distribution=_counts(values) if card.unit == ZERO_OR_ONE else _histogram(values),
        sensitivity=_sensitivity(people.by_timeout[has_value]),
    )


def mean_of(values: Floats) -> float:
    """The plain mean, rounded once.

    Args:
        values: shape (n,), float64, n > 0, without NaN, in any order.

    Returns:
        The mean of the exact sum.

    >>> import numpy as np
    >>> mean_of(np.array([1e16, 1.0, -1e16]))
    0.3333333333333333
    """
    return math.fsum(values) / len(values)


def _pooled(people: People, has_value: Any) -> float | None:
    below = math.fsum(people.denominators[has_value])
    return math.fsum(people.numerators[has_value]) / below if below else None


def _counts(values: Floats) -> dict[str, list[Any]]:
    ones = int((values == 1).sum())
    return {"values": [0, 1], "counts": [len(values) - ones, ones]}


def _histogram(values: Floats) -> dict[str, list[Any]]:
    import numpy as np

    least, greatest = float(values[0]), float(values[-1])
    edges = np.linspace(least, greatest, BIN_COUNT + 1)
    if not (np.diff(edges) > 0).all():  # equal values, or so close that there are no ten steps of doubles between
        return {"edges": [least, greatest], "counts": [len(values)]}
    counts, _ = np.histogram(values, bins=edges)
    return {"edges": edges.tolist(), "counts": counts.tolist()}


def _sensitivity(by_timeout: Floats) -> dict[str, float] | None:
    import numpy as np

    if np.isnan(by_timeout).any():
        return None
    return {str(seconds): mean_of(by_timeout[:, place]) for place, seconds in enumerate(TIMEOUTS_SECONDS)}
