"""Activity index: how often, and on how many of the days."""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd

from include.metrics.periods.grains import Period
from include.metrics.reference.days import ONE_DAY, day_start_ms, epoch_ms, local_days
from include.metrics.reference.figures import KEY, Case, ratios


def events_per_day(case: Case) -> pd.DataFrame:
    """Version 1: events per local day from the first to the last one with events.

    Args:
        case: what there is.

    Returns:
        Figures by period and person.
    """
    days = case.inside.groupby(KEY)["day"]
    span = (days.max() - days.min()).dt.days + 1
    return ratios(case.event_counts(), span, case.event_counts())


def share_of_days(case: Case) -> pd.DataFrame:
    """Version 2: active local days of those days of the period that have begun.

    Args:
        case: what there is; a day with events has begun, also when the clock says that it is a minute away.

    Returns:
        Figures by period and person.
    """
    days = case.inside.groupby(KEY)["day"]
    firsts = np.array([_first_day(case, period) for period in case.periods])
    begun = np.array([_begun_count(case, period) for period in case.periods])
    numbers = days.max().index.get_level_values("period").to_numpy()
    to_last_active = (days.max() - firsts[numbers].astype("datetime64[s]")).dt.days + 1
    in_all = to_last_active.clip(lower=pd.Series(begun[numbers], index=to_last_active.index))
    return ratios(days.nunique(), in_all, in_all)


def _first_day(case: Case, period: Period) -> np.datetime64:
    return cast(np.datetime64, local_days(np.array([epoch_ms(period.start_at)]), case.zone)[0])


def _begun_count(case: Case, period: Period) -> int:
    """Local days of a period whose first instant is not after the present."""
    last = local_days(np.array([epoch_ms(period.end_at) - 1]), case.zone)[0]
    days = np.arange(_first_day(case, period), last + ONE_DAY)
    return int((day_start_ms(days, case.zone) <= case.now_ms).sum())
