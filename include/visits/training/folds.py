"""Splitting labelled visits: by client for honest predictions, by time for the last look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from include.visits.training.held_out import hold_out

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from include.visits.training.samples import Samples

Fold: TypeAlias = "tuple[NDArray[np.int64], NDArray[np.int64]]"
"""Row numbers to learn from, and row numbers to ask about."""

_SIZE_STEPS = (2, 4)  # clients with one visit, a few, many
_MOST_POSITIVES = 2  # clients with so many level 4+ visits or more are dealt alike


def grouped_folds(labels: NDArray[np.int8], groups: NDArray[np.uint64], *, folds: int = 5, seed: int = 0) -> list[Fold]:
    """Deal clients into folds that resemble each other; no client is in two of them.

    Clients are dealt in strata of alike numbers of visits and of level 4+ visits. One deal of whole
    clients takes milliseconds for 100,000 visits, where placing them one by one takes minutes.

    Args:
        labels: shape (n,), 0 or 1.
        groups: shape (n,), client ids.
        folds: number of folds, at least 2.
        seed: order of the deal.

    Returns:
        For each fold the row numbers to learn from and to predict, each sorted.

    Source:
        Stratified grouped cross-validation, scikit-learn user guide 3.1.2.3.
    """
    import numpy as np
    from sklearn.model_selection import StratifiedKFold

    clients, client_of_row, visits = np.unique(groups, return_inverse=True, return_counts=True)
    positives = np.bincount(client_of_row, weights=labels, minlength=len(clients)).astype(np.int64)
    strata = np.minimum(positives, _MOST_POSITIVES) * 3 + np.digitize(visits, _SIZE_STEPS)
    for fallback in ((positives > 0) * 3, np.bincount(strata).argmax()):  # a rare kind of client joins a common one
        strata = np.where(np.bincount(strata)[strata] < folds, fallback, strata)
    deal = StratifiedKFold(folds, shuffle=True, random_state=seed)
    fold_of_client = np.empty(len(clients), dtype=np.int64)
    for number, (_, chosen) in enumerate(deal.split(clients, strata)):
        fold_of_client[chosen] = number
    fold_of_row = fold_of_client[client_of_row]
    return [(np.flatnonzero(fold_of_row != k), np.flatnonzero(fold_of_row == k)) for k in range(folds)]


@dataclass(frozen=True)
class TimeSplit:
    """Visits to learn from, and later ones to check by.

    Attributes:
        learn: row numbers.
        check: row numbers of later visits; none when all visits start at one instant.
    """

    learn: NDArray[np.int64]
    check: NDArray[np.int64]


def split_by_time(samples: Samples) -> TimeSplit:
    """Keep the last day or days, about a fifth of the visits, out of learning.

    Args:
        samples: n visits.

    Returns:
        Rows on both sides. A client may come back on the held-out days, as it does in production.
    """
    import numpy as np

    every = np.arange(len(samples), dtype=np.int64)
    if samples.at_seconds.min() == samples.at_seconds.max():
        return TimeSplit(every, every[:0])
    split = hold_out(samples.at_seconds)
    return TimeSplit(split.learn, split.judge)
