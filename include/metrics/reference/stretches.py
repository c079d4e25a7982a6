"""Stretches of activity: events of one person and day without a long pause, and the task that is open in them."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

OPENING = ("task_start", "task_attempt")
CLOSING = ("task_success", "task_fail")


def stretch_numbers(inside: pd.DataFrame, timeout_ms: int) -> pd.Series[int]:
    """Number the stretches that events belong to.

    Args:
        inside: events of periods, see :func:`include.metrics.reference.histories.events_inside`.
        timeout_ms: a longer pause begins a new stretch, as midnight does; one of exactly this length does not.

    Returns:
        One number per event, ascending.
    """
    is_end = inside["is_last_of_day"] | (inside["gap_ms"] > timeout_ms)
    return is_end.shift(1, fill_value=False).cumsum()


def active_ms(inside: pd.DataFrame, timeout_ms: int) -> pd.Series[int]:
    """The time after each event that counts as active.

    Args:
        inside: events of periods.
        timeout_ms: a longer pause counts nothing, as one over midnight does.

    Returns:
        Milliseconds per event.
    """
    counts = ~inside["is_last_of_day"] & (inside["gap_ms"] <= timeout_ms)
    return inside["gap_ms"].where(counts, 0)


def task_ms(inside: pd.DataFrame, timeout_ms: int) -> pd.Series[int]:
    """The active time after each event while a task is open.

    Args:
        inside: events of periods.
        timeout_ms: a longer pause closes the task, as midnight does.

    Returns:
        Milliseconds per event.
    """
    says = pd.Series(float("nan"), index=inside.index)
    says[_is_one_of(inside, OPENING)] = 1.0
    says[_is_one_of(inside, CLOSING)] = 0.0
    state = says.groupby(stretch_numbers(inside, timeout_ms)).ffill()
    return active_ms(inside, timeout_ms).where(state == 1.0, 0)


def _is_one_of(inside: pd.DataFrame, names: Collection[str]) -> pd.Series[bool]:
    return inside["event_name"].isin(list(names))
