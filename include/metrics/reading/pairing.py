"""People of two periods, each beside themselves."""

from __future__ import annotations

from dataclasses import dataclass

from include.metrics.reading.people import People
from include.metrics.reading.statistics import mean_of

TOLERANCE = 1e-9  # relative; what differs by less has stayed, as for restatements


@dataclass(frozen=True)
class Paired:
    """People with a value in both periods.

    Attributes:
        n_both: how many there are.
        n_rose: of them, with a greater value in the second period.
        n_fell: with a smaller one.
        n_stayed: with the same one, but for a relative 1e-9.
        mean_difference: mean of second minus first; None without people.
    """

    n_both: int
    n_rose: int
    n_fell: int
    n_stayed: int
    mean_difference: float | None


def paired_of(first: People, second: People) -> Paired:
    """Compare the people who have a value in both periods, each with themselves.

    Args:
        first: values of the first period.
        second: values of the second period.

    Returns:
        The counts and the mean difference.
    """
    import numpy as np

    _, before, after = np.intersect1d(first.person_ids, second.person_ids, assume_unique=True, return_indices=True)
    old, new = first.values[before], second.values[after]
    has_both = ~(np.isnan(old) | np.isnan(new))
    old, new = old[has_both], new[has_both]
    difference = new - old
    has_stayed = np.abs(difference) <= TOLERANCE * np.maximum(np.abs(old), np.abs(new))
    return Paired(
        n_both=len(difference),
        n_rose=int((difference[~has_stayed] > 0).sum()),
        n_fell=int((difference[~has_stayed] < 0).sum()),
        n_stayed=int(has_stayed.sum()),
        mean_difference=mean_of(difference) if len(difference) else None,
    )
