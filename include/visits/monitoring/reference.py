"""Which days a day is compared with: pure functions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

WINDOW_DAYS = 28  # four of each weekday
FEWEST_DAYS = 3  # fewer say nothing of how much days differ from each other
DAY_LETTERS = len("YYYY-MM-DD")  # a manifest may name a moment
ANY_DAY = 0  # kind of every day when weekdays cannot be told apart


def window_before(day: dt.date) -> tuple[dt.date, ...]:
    """The days before a day.

    Args:
        day: local day.

    Returns:
        28 days, oldest first.
    """
    return tuple(day - dt.timedelta(days=back) for back in range(WINDOW_DAYS, 0, -1))


def training_days(manifest: Mapping[str, Any], day: dt.date) -> tuple[dt.date, ...]:
    """Days a model was trained on, as its manifest names them.

    Args:
        manifest: of the model's version; ``trained_from`` and ``trained_to`` hold days.
        day: the day to be judged; never a day of its own reference.

    Returns:
        The days, oldest first; empty when the manifest names none.
    """
    named = [str(manifest[name])[:DAY_LETTERS] for name in ("trained_from", "trained_to") if manifest.get(name)]
    if len(named) < 2:
        return ()
    first, last = (dt.date.fromisoformat(one) for one in named)
    spanned = (first + dt.timedelta(days=step) for step in range((last - first).days + 1))
    return tuple(one for one in spanned if one != day)


def choose_days(
    wanted: Iterable[Sequence[dt.date]], scored: Collection[dt.date], blocked: Collection[dt.date]
) -> tuple[dt.date, ...]:
    """The first range that is stored well enough; days that wait for an approval teach nothing.

    Args:
        wanted: ranges in order of preference.
        scored: days with stored scores.
        blocked: days whose drift nobody has approved.

    Returns:
        Days of the reference; empty when no range has enough of them.
    """
    for days in wanted:
        usable = tuple(day for day in days if day in scored and day not in blocked)
        if len(usable) >= FEWEST_DAYS:
            return usable
    return ()


def kinds_of(days: Sequence[dt.date], day: dt.date) -> tuple[tuple[int, ...], int]:
    """Tell days apart by weekday when the reference holds enough of the day's own.

    Args:
        days: days of the reference.
        day: the day to be judged.

    Returns:
        Kind of each reference day, and of the day.

    >>> monday = dt.date(2026, 11, 2)
    >>> kinds_of([monday + dt.timedelta(days=step) for step in range(4)], monday)
    ((0, 0, 0, 0), 0)
    """
    weekdays = tuple(one.isoweekday() for one in days)
    if weekdays.count(day.isoweekday()) >= FEWEST_DAYS:
        return weekdays, day.isoweekday()
    return (ANY_DAY,) * len(days), ANY_DAY
