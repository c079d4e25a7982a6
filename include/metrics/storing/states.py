"""What may still happen to the values of a period."""

from __future__ import annotations

import datetime as dt

OPEN, PROVISIONAL, CLOSED = "open", "provisional", "closed"


def period_state(end_at: dt.datetime, *, now: dt.datetime, grace_hours: float) -> str:
    """Tell whether a period has ended, and whether it may still change without a word.

    Args:
        end_at: first instant after the period, aware.
        now: aware.
        grace_hours: how long after its end a period may change without a restatement.

    Returns:
        ``open`` (has not ended), ``provisional`` (has ended a short time ago) or ``closed`` (changes are restated).

    >>> end_at = dt.datetime(2025, 3, 10, tzinfo=dt.UTC)
    >>> [period_state(end_at, now=end_at + dt.timedelta(hours=hours), grace_hours=48) for hours in (-1, 0, 47, 48)]
    ['open', 'provisional', 'provisional', 'closed']
    """
    if end_at > now:
        return OPEN
    return PROVISIONAL if end_at + dt.timedelta(hours=grace_hours) > now else CLOSED
