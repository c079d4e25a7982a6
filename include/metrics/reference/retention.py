"""Retention: who came back."""

from __future__ import annotations

import numpy as np
import pandas as pd

from include.metrics.periods.grains import Grain
from include.metrics.reference.days import day_start_ms
from include.metrics.reference.figures import KEY, Case, ratios
from include.metrics.reference.histories import OUTSIDE, period_numbers


def came_on_two_days(case: Case) -> pd.DataFrame:
    """Version 1: 1 for more than one active local day in the period, else 0; nothing for single days.

    Args:
        case: what there is.

    Returns:
        Figures by period and person.
    """
    days = case.inside.groupby(KEY)["day"].nunique()
    if case.periods[0].grain is Grain.DAY:
        days = days.iloc[:0]
    return ratios((days > 1).astype(int), pd.Series(1, index=days.index), days)


def came_on_day_n(case: Case) -> pd.DataFrame:
    """Version 2: for people whose first day lies in the period, whether day n after it was active.

    Args:
        case: what there is; ``n_days``, and ``kind`` exact (on that day) or unbounded (on that day or later).

    Returns:
        Figures by period and person; unknown until day n has ended.
    """
    first = case.history.groupby("person_id")[["event_ms", "day"]].first()
    first["period"] = period_numbers(first["event_ms"].to_numpy(), case.periods)
    first["target"] = first["day"] + np.timedelta64(int(case.parameters["n_days"]), "D")
    first["came"] = _came(case, first["target"]).groupby(case.history["person_id"]).any()
    ended_ms = day_start_ms(first["target"].to_numpy().astype("datetime64[D]") + 1, case.zone)
    first["is_closed"] = (ended_ms <= case.now_ms).astype(int)
    cohort = first[first["period"] != OUTSIDE].reset_index().set_index(KEY)
    return ratios(cohort["came"].astype(int), cohort["is_closed"], cohort["is_closed"], null_reason="not_closed")


def _came(case: Case, targets: pd.Series[pd.Timestamp]) -> pd.Series[bool]:
    day, target = case.history["day"], case.history["person_id"].map(targets)
    return day >= target if case.parameters["kind"] == "unbounded" else day == target
