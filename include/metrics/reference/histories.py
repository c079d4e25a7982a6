"""Raw events put in order, and those of them that lie in periods."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from include.metrics.periods.grains import Period
from include.metrics.reference.days import Instants, epoch_ms, local_days
from include.metrics.reference.items import items_of

EVENT_COLUMNS = ("event_id", "event_name", "event_ms", "person_id", "props", "module_id")
SUCCESS = "task_success"
OUTSIDE = -1


def ordered_history(events: pd.DataFrame, zone: ZoneInfo) -> pd.DataFrame:
    """Put the events of some persons in order.

    Args:
        events: one row per event or copy of it, any order, columns ``EVENT_COLUMNS``: ids as lower-case text,
            ``event_ms`` int64 epoch milliseconds, ``props`` JSON text.
        zone: zone of the course.

    Returns:
        Each event once, by person, time and id, with ``day`` (datetime64[D], local) and ``item`` (text, of successes
        only, else empty).
    """
    copies_of_one = events["event_id"].duplicated()
    history = events[~copies_of_one].sort_values(["person_id", "event_ms", "event_id"], ignore_index=True)
    history["event_ms"] = history["event_ms"].astype(np.int64)
    history["day"] = local_days(history["event_ms"].to_numpy(), zone)
    is_success = history["event_name"] == SUCCESS
    history["item"] = pd.Series("", index=history.index, dtype=object)
    history.loc[is_success, "item"] = items_of(history.loc[is_success, "props"], history.loc[is_success, "module_id"])
    return history


def period_numbers(event_ms: Instants, periods: Sequence[Period]) -> Instants:
    """Find the period each instant lies in.

    Args:
        event_ms: shape (n,), int64, epoch milliseconds.
        periods: ascending and disjoint.

    Returns:
        Shape (n,), int64: place of the period, or ``OUTSIDE``.
    """
    starts = np.array([epoch_ms(period.start_at) for period in periods], dtype=np.int64)
    ends = np.array([epoch_ms(period.end_at) for period in periods], dtype=np.int64)
    places = np.searchsorted(starts, event_ms, side="right") - 1
    is_inside = (places >= 0) & (event_ms < ends[np.maximum(places, 0)])
    return np.where(is_inside, places, OUTSIDE).astype(np.int64)


def events_inside(history: pd.DataFrame, periods: Sequence[Period]) -> pd.DataFrame:
    """The events of periods, and what follows each of them.

    Args:
        history: events in order, see :func:`ordered_history`.
        periods: ascending and disjoint.

    Returns:
        Those events in the same order, with ``period`` (its place), ``gap_ms`` (until the person's next event in the
        period, 0 after the last one) and ``is_last_of_day`` (nothing follows on that day of the period).
    """
    numbers = period_numbers(history["event_ms"].to_numpy(), periods)
    inside: pd.DataFrame = history[numbers != OUTSIDE].reset_index(drop=True)
    inside["period"] = numbers[numbers != OUTSIDE]
    following = inside[["person_id", "period", "day"]].shift(-1)
    goes_on = (inside["person_id"] == following["person_id"]) & (inside["period"] == following["period"])
    next_ms = inside["event_ms"].shift(-1, fill_value=0)
    inside["gap_ms"] = (next_ms - inside["event_ms"]).where(goes_on, 0)
    inside["is_last_of_day"] = ~goes_on | (inside["day"] != following["day"])
    return inside
