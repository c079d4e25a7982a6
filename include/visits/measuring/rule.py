"""Rule 180-5-5: long, deep and active visits are of level 4 or higher without asking a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

MIN_DURATION_SECONDS = 180
MIN_PAGE_VIEWS = 5
MIN_SLOTS = 5


def passes_rule(duration_seconds: ArrayLike, page_views: ArrayLike, slots: ArrayLike) -> NDArray[np.bool_]:
    """Which visits rule 180-5-5 flags; every border is included.

    Args:
        duration_seconds: shape (n,), whole seconds, visitDuration as delivered.
        page_views: shape (n,), depth as delivered, may be negative.
        slots: shape (n,), distinct 15-second slots.

    Returns:
        Shape (n,), True where all three conditions hold.

    Source:
        Visit scoring rule 180-5-5, docs/metrics/slots.md.

    >>> passes_rule([180, 179, 180, 180], [5, 5, 4, 5], [5, 5, 5, 4]).tolist()
    [True, False, False, False]
    """
    import numpy as np

    long = np.asarray(duration_seconds) >= MIN_DURATION_SECONDS
    deep = np.asarray(page_views) >= MIN_PAGE_VIEWS
    active = np.asarray(slots) >= MIN_SLOTS
    return np.asarray(long & deep & active)


def rule_parameters() -> dict[str, Any]:
    """The rule's borders as query parameters.

    Returns:
        Parameters by name.
    """
    return {
        "rule_duration_seconds": MIN_DURATION_SECONDS,
        "rule_page_views": MIN_PAGE_VIEWS,
        "rule_slots": MIN_SLOTS,
    }
