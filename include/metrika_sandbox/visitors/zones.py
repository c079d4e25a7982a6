"""Local wall-clock time of many instants at once."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from include.days import day_bounds
from include.metrika_sandbox.visitors.ids import Int64Array

ObjectArray = npt.NDArray[np.object_]
EPOCH_DAY = dt.date(1970, 1, 1)
DAY_SECONDS = 86_400
UTC_PLUS_3_SECONDS = 3 * 3600  # zone of dateTimeUTC and goalsDateTime as documented
TABLE_DAYS = 3


def day_epochs(day: dt.date, zone: ZoneInfo) -> tuple[int, int]:
    """First and one-past-last epoch second of a local day (23 to 25 hours apart)."""
    start, end = day_bounds(day, zone)
    return int(start.timestamp()), int(end.timestamp())


def day_number(day: dt.date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH_DAY).days


@lru_cache(maxsize=64)
def _offset_steps(zone: ZoneInfo, first_epoch: int, hours: int) -> tuple[Int64Array, Int64Array]:
    """Where the zone's offset changes: epochs of the steps and offsets in seconds."""
    epochs: list[int] = []
    offsets: list[int] = []
    for quarter in range(hours * 4):
        epoch = first_epoch + quarter * 900
        moment = dt.datetime.fromtimestamp(epoch, tz=zone)
        offset = int((moment.utcoffset() or dt.timedelta()).total_seconds())
        if not offsets or offset != offsets[-1]:
            epochs.append(epoch)
            offsets.append(offset)
    return np.array(epochs, dtype=np.int64), np.array(offsets, dtype=np.int64)


def local_seconds(epochs: Int64Array, zone: ZoneInfo) -> Int64Array:
    """Wall-clock seconds since 1970-01-01 00:00 local time.

    Args:
        epochs: shape (n,), int64, Unix seconds, spanning a few days at most.
        zone: the counter's zone.

    Returns:
        Shape (n,), int64; equal for both readings of an ambiguous hour.
    """
    if not len(epochs):
        return epochs
    first = int(epochs.min()) // DAY_SECONDS * DAY_SECONDS
    hours = (int(epochs.max()) - first) // 3600 + 1
    steps, offsets = _offset_steps(zone, first, -(-hours // 24) * 24)
    return np.asarray(epochs + offsets[np.searchsorted(steps, epochs, side="right") - 1], dtype=np.int64)


@lru_cache(maxsize=8)
def _day_texts(number: int) -> ObjectArray:
    """``YYYY-MM-DD HH:MM:SS`` of every second of a day."""
    prefix = (EPOCH_DAY + dt.timedelta(days=number)).isoformat()
    texts = [
        f"{prefix} {hour:02d}:{minute:02d}:{second:02d}"
        for hour in range(24)
        for minute in range(60)
        for second in range(60)
    ]
    return np.array(texts, dtype=object)


def date_texts(local: Int64Array) -> list[str]:
    """``YYYY-MM-DD`` of wall-clock seconds."""
    numbers = local // DAY_SECONDS
    names = {number: (EPOCH_DAY + dt.timedelta(days=number)).isoformat() for number in np.unique(numbers).tolist()}
    return [names[number] for number in numbers.tolist()]


def time_texts(local: Int64Array) -> list[str]:
    """``YYYY-MM-DD HH:MM:SS`` of wall-clock seconds."""
    numbers = local // DAY_SECONDS
    texts = np.empty(len(local), dtype=object)
    for number in np.unique(numbers).tolist():
        chosen = numbers == number
        texts[chosen] = _day_texts(number)[local[chosen] % DAY_SECONDS]
    return texts.tolist()
