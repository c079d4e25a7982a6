"""Completion: how much of what was tried, or asked for, succeeded."""

from __future__ import annotations

import numpy as np
import pandas as pd

from include.metrics.periods.grains import Period
from include.metrics.reference.days import epoch_ms
from include.metrics.reference.figures import KEY, Case, ratios


def successful_attempts(case: Case) -> pd.DataFrame:
    """Version 1: successes of all finished attempts, 0 without any.

    Args:
        case: what there is.

    Returns:
        Figures by period and person.
    """
    successes = case.sums((case.inside["event_name"] == "task_success").astype(int))
    failures = case.sums((case.inside["event_name"] == "task_fail").astype(int))
    return ratios(successes, successes + failures, successes + failures)


def required_items_done(case: Case) -> pd.DataFrame:
    """Version 2: required items that succeeded from the start of the course to the end of the period.

    Args:
        case: what there is; without required items every value is unknown.

    Returns:
        Figures by period and person, for people with events in the period.
    """
    people = case.event_counts().index
    required = pd.Series(len(set(case.required or ())), index=people)
    done = pd.concat([_done_before_end(case, number, period) for number, period in enumerate(case.periods)])
    return ratios(done.reindex(people, fill_value=0), required, required, null_reason="no_catalogue")


def _done_before_end(case: Case, number: int, period: Period) -> pd.Series[int]:
    """Required items each person had done at the end of a period."""
    history = case.history
    is_done = (history["event_name"] == "task_success") & (history["event_ms"] < epoch_ms(period.end_at))
    done = history[is_done & history["item"].isin(list(case.required or ()))]
    counts = done.groupby("person_id")["item"].nunique().astype(np.int64)
    return pd.concat({number: counts}, names=KEY)
