"""The values of all people of one slice, as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class People:
    """Values of one metric, version, course and period; arrays of equal length, a place per person.

    Attributes:
        person_ids: shape (n,), the 16 bytes of each person's id.
        values: shape (n,), float64; NaN where there is no value.
        numerators: shape (n,), float64; NaN for metrics that are no ratios.
        denominators: shape (n,), float64; NaN for metrics that are no ratios.
        sample_sizes: shape (n,), int64: what each value is made of.
        by_timeout: shape (n, 3), float64: the value at time-outs of 300, 600 and 1800 s; NaN for other metrics.
    """

    person_ids: NDArray[np.bytes_]
    values: Floats
    numerators: Floats
    denominators: Floats
    sample_sizes: NDArray[np.int64]
    by_timeout: Floats


def nobody() -> People:
    """A slice without rows.

    Returns:
        Arrays of length 0.
    """
    import numpy as np

    none = np.empty(0)
    return People(np.empty(0, "S16"), none, none, none, np.empty(0, np.int64), np.empty((0, 3)))


def people_of(rows: Any) -> People:
    """Take values out of rows of a fixed layout.

    Args:
        rows: shape (n,), a numpy structured array with person_id, value, numerator, denominator, sample_n, at_300,
            at_600 and at_1800, of any byte order; NaN where a store has NULL.

    Returns:
        The people, in the order of the rows.
    """
    import numpy as np

    value, numerator, denominator, *by_timeout = (
        rows[name].astype(np.float64) for name in ("value", "numerator", "denominator", "at_300", "at_600", "at_1800")
    )
    sizes = rows["sample_n"].astype(np.int64)
    return People(rows["person_id"].copy(), value, numerator, denominator, sizes, np.column_stack(by_timeout))


def runs_of(codes: Any, rows: Any) -> Iterator[tuple[int, Any]]:
    """Cut rows where their code changes.

    Args:
        codes: shape (n,), integers in ascending order.
        rows: shape (n,), any array.

    Returns:
        Each code with its rows.

    >>> import numpy as np
    >>> [(code, run.tolist()) for code, run in runs_of(np.array([3, 3, 8]), np.array([0.5, 1.5, 2.5]))]
    [(3, [0.5, 1.5]), (8, [2.5])]
    """
    import numpy as np

    found, starts = np.unique(codes, return_index=True)
    return zip(found.tolist(), np.split(rows, starts[1:]) if len(rows) else (), strict=True)
