"""The mean of several estimators, as one estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Blend:
    """Answers the mean of what its members answer.

    Args:
        members: fitted estimators with predict_proba.
    """

    def __init__(self, members: Sequence[Any]) -> None:
        self.members = list(members)

    def predict_proba(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities of both classes.

        Args:
            matrix: shape (n, k), float64.

        Returns:
            Shape (n, 2), float64.
        """
        return np.asarray(np.mean([member.predict_proba(matrix) for member in self.members], axis=0))
