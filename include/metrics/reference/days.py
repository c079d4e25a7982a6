"""Local days of instants, cut by pandas' own calendar and not by the day starts that the SQL is given."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Instants = NDArray[np.int64]
Days = NDArray[np.datetime64]
ONE_DAY = np.timedelta64(1, "D")
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
ONE_MS = dt.timedelta(milliseconds=1)


def epoch_ms(moment: dt.datetime) -> int:
    """Count the milliseconds since 1970 UTC.

    Args:
        moment: aware instant.

    Returns:
        Whole milliseconds, exact.
    """
    return (moment - EPOCH) // ONE_MS


def day_start_ms(days: Days, zone: ZoneInfo) -> Instants:
    """The first instants of local days.

    Args:
        days: shape (n,), datetime64[D], local days, any order.
        zone: their zone.

    Returns:
        Shape (n,), int64, epoch milliseconds; where midnight comes twice the first one, where it does not exist the
        first instant that does.

    >>> day_start_ms(np.array(["2025-03-30", "2025-03-31"], "datetime64[D]"), ZoneInfo("Europe/Berlin")).tolist()
    [1743289200000, 1743372000000]
    """
    found, place = np.unique(days, return_inverse=True)
    midnights = pd.DatetimeIndex(found.astype("datetime64[ms]"))
    instants = midnights.tz_localize(zone, ambiguous=np.ones(len(found), dtype=bool), nonexistent="shift_forward")
    starts: Instants = instants.as_unit("ms").asi8[place]
    return starts


def local_days(event_ms: Instants, zone: ZoneInfo) -> Days:
    """The local days that instants belong to.

    Args:
        event_ms: shape (n,), int64, epoch milliseconds, any order.
        zone: the zone.

    Returns:
        Shape (n,), datetime64[D]; a day that has begun goes on where clocks set back show the date before once more.

    >>> local_days(np.array([1741035599999, 1741035600000]), ZoneInfo("Europe/Moscow")).astype(str).tolist()
    ['2025-03-03', '2025-03-04']
    """
    instants = pd.DatetimeIndex(np.asarray(event_ms).astype("datetime64[ms]")).tz_localize("UTC").tz_convert(zone)
    shown = instants.tz_localize(None).to_numpy().astype("datetime64[D]")
    following = (shown.astype(np.int64) + 1).astype("datetime64[D]")
    days: Days = np.where(day_start_ms(following, zone) <= event_ms, following, shown)
    return days
