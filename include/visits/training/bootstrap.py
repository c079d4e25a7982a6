"""How sure a difference between two rankings of the same visits is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 400
INTERVAL = 0.95
_BLOCK_CELLS = 4_000_000  # weights held at a time, 32 MB


@dataclass(frozen=True)
class Difference:
    """PR-AUC of one ranking minus that of another.

    Attributes:
        value: on the visits as they are.
        low, high: interval at 95 %.
    """

    value: float
    low: float
    high: float


def pr_auc_difference(
    labels: NDArray[np.int8],
    groups: NDArray[np.uint64],
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Difference:
    """Compare two rankings of the same visits by a paired bootstrap over clients.

    Clients are drawn with replacement, all visits of a client together, and both rankings are measured on the
    same draw, so that what is hard for both cancels out.

    Args:
        labels: shape (n,), 0 or 1, both present.
        groups: shape (n,), client ids.
        ours: shape (n,), higher means more likely level 4+.
        theirs: shape (n,), the same of the other.
        seed: of the draws.
        resamples: number of draws.

    Returns:
        The difference and its percentile interval; draws without both classes are left out.

    Source:
        Efron, Tibshirani: An introduction to the bootstrap (1993), chapter 13; clusters as in Field, Welsh:
        Bootstrapping clustered data (2007).
    """
    import numpy as np

    clients, client_of_row = np.unique(groups, return_inverse=True)
    random = np.random.default_rng(seed)
    steps = [_Steps.of(labels, ranking) for ranking in (ours, theirs)]
    block = max(1, _BLOCK_CELLS // len(labels))
    found = []
    for start in range(0, resamples, block):
        draws = min(block, resamples - start)
        times = random.multinomial(len(clients), np.full(len(clients), 1 / len(clients)), size=draws)
        weights = times[:, client_of_row].astype(np.float64)
        positives = weights @ labels
        usable = (positives > 0) & (positives < weights.sum(axis=1))
        found.append(steps[0].pr_auc(weights[usable]) - steps[1].pr_auc(weights[usable]))
    differences, one = np.concatenate(found), np.ones((1, len(labels)))
    value = float((steps[0].pr_auc(one) - steps[1].pr_auc(one))[0])
    if not len(differences):
        return Difference(value, -1.0, 1.0)
    low, high = np.quantile(differences, [(1 - INTERVAL) / 2, (1 + INTERVAL) / 2])
    return Difference(value, float(low), float(high))


@dataclass(frozen=True)
class _Steps:
    """A ranking, ready to be measured under many weightings of its visits.

    Attributes:
        order: shape (n,), rows from the highest value down.
        ends: shape (m,), last place of each run of equal values.
        hits: shape (n,), labels in that order.
    """

    order: NDArray[np.int64]
    ends: NDArray[np.int64]
    hits: NDArray[np.float64]

    @classmethod
    def of(cls, labels: NDArray[np.int8], ranking: NDArray[np.float64]) -> _Steps:
        """Sort once."""
        import numpy as np

        order = np.argsort(-ranking, kind="stable")
        ranked = ranking[order]
        ends = np.flatnonzero(np.append(ranked[1:] < ranked[:-1], True))
        return cls(order, ends, labels[order].astype(np.float64))

    def pr_auc(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Average precision under each row of ``weights``, shape (draws, n)."""
        import numpy as np

        sorted_weights = weights[:, self.order]
        taken = np.cumsum(sorted_weights, axis=1)[:, self.ends]
        right = np.cumsum(sorted_weights * self.hits, axis=1)[:, self.ends]
        precision = np.divide(right, taken, out=np.zeros_like(right), where=taken > 0)
        gained = np.diff(right, axis=1, prepend=0.0)
        return np.asarray((precision * gained).sum(axis=1) / right[:, -1])
