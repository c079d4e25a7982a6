"""Labelled visits as a trainer takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Samples:
    """Visits whose outcome is known.

    Attributes:
        features: shape (n, k), float64, columns in the order a model takes them.
        labels: shape (n,), int8, 1 for level 4+ and 0 otherwise.
        groups: shape (n,), uint64, client ids; no client is on both sides of a split.
        at_seconds: shape (n,), int64, start of the visit, epoch seconds.
    """

    features: pd.DataFrame
    labels: NDArray[np.int8]
    groups: NDArray[np.uint64]
    at_seconds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def positive_count(self) -> int:
        """Visits of level 4+."""
        return int(self.labels.sum())

    def take(self, rows: ArrayLike) -> Samples:
        """Some of the visits.

        Args:
            rows: row numbers, or shape (n,) booleans.

        Returns:
            Those visits, in the order asked.
        """
        import numpy as np

        chosen = np.asarray(rows)
        numbers = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        return Samples(
            self.features.iloc[numbers].reset_index(drop=True),
            self.labels[numbers],
            self.groups[numbers],
            self.at_seconds[numbers],
        )
