"""Engagement: how much people do, and in how many of their sessions."""

from __future__ import annotations

import pandas as pd

from include.metrics.reference.figures import KEY, MS_PER_SECOND, Case, amounts, ratios
from include.metrics.reference.stretches import stretch_numbers


def points(case: Case) -> pd.DataFrame:
    """Version 1: the sum of the weights of all events.

    Args:
        case: what there is; ``weights`` by kind of event.

    Returns:
        Figures by period and person.
    """
    weights = case.parameters["weights"]
    weight = case.inside["event_name"].map(lambda name: float(weights.get(name, weights.get("other", 0.0))))
    return amounts(case.sums(weight.astype(float)), case.event_counts())


def engaged_sessions(case: Case) -> pd.DataFrame:
    """Version 2: the share of sessions that last, show two pages, or hold a key event.

    Args:
        case: what there is; ``timeout_seconds``, ``engaged_over_seconds``, ``engaged_page_views``, ``key_events``.

    Returns:
        Figures by period and person.
    """
    given = case.parameters
    events = case.inside.assign(
        session=stretch_numbers(case.inside, case.timeout_ms),
        is_page=case.inside["event_name"] == "page_view",
        is_key=case.inside["event_name"].isin(list(given["key_events"])),
    )
    sessions = events.groupby([*KEY, "session"]).agg(
        first_ms=("event_ms", "min"), last_ms=("event_ms", "max"), pages=("is_page", "sum"), has_key=("is_key", "any")
    )
    lasts = sessions["last_ms"] - sessions["first_ms"] > given["engaged_over_seconds"] * MS_PER_SECOND
    is_engaged = lasts | (sessions["pages"] >= given["engaged_page_views"]) | sessions["has_key"]
    counted = is_engaged.astype(int).groupby(level=KEY)
    return ratios(counted.sum(), counted.size(), counted.size())
