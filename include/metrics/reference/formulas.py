"""The six metrics in both versions, calculated in pandas from raw events.

Written from the definitions alone: no user-days, nothing of the SQL. What a definition leaves open (time-outs,
weights, n) is taken from its card, so what is compared is what the card says.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from include.metrics.names import Metric
from include.metrics.periods.grains import Period
from include.metrics.reference.activity import events_per_day, share_of_days
from include.metrics.reference.completion import required_items_done, successful_attempts
from include.metrics.reference.days import epoch_ms
from include.metrics.reference.engagement import engaged_sessions, points
from include.metrics.reference.figures import FIGURES, Case
from include.metrics.reference.histories import events_inside, ordered_history
from include.metrics.reference.retention import came_on_day_n, came_on_two_days
from include.metrics.reference.time_on_task import (
    after_task_starts,
    open_tasks,
    share_of_active_time,
    share_of_span,
)

if TYPE_CHECKING:
    from include.metrics.catalogue.cards import Card

REFERENCE_COLUMNS = ("metric", "version", "period_start_at", "person_id", *FIGURES)

Formula = Callable[[Case], pd.DataFrame]
FORMULAS: Mapping[tuple[Metric, int], Formula] = {
    (Metric.RETENTION, 1): came_on_two_days,
    (Metric.RETENTION, 2): came_on_day_n,
    (Metric.ENGAGEMENT_SCORE, 1): points,
    (Metric.ENGAGEMENT_SCORE, 2): engaged_sessions,
    (Metric.COMPLETION_RATE, 1): successful_attempts,
    (Metric.COMPLETION_RATE, 2): required_items_done,
    (Metric.TIME_ON_TASK, 1): after_task_starts,
    (Metric.TIME_ON_TASK, 2): open_tasks,
    (Metric.ACTIVITY_INDEX, 1): events_per_day,
    (Metric.ACTIVITY_INDEX, 2): share_of_days,
    (Metric.FOCUS_RATIO, 1): share_of_span,
    (Metric.FOCUS_RATIO, 2): share_of_active_time,
}


def reference_values(
    events: pd.DataFrame,
    *,
    periods: Sequence[Period],
    cards: Sequence[Card],
    required: Sequence[str] | None,
    now: dt.datetime,
) -> pd.DataFrame:
    """Calculate metrics of some persons in one course.

    Args:
        events: their whole history, any order, copies allowed; columns as in
            :func:`include.metrics.reference.histories.ordered_history`.
        periods: of one grain and zone, ascending and disjoint, at least one.
        cards: definitions to calculate by.
        required: required items of the course at the end of every one of these periods; None without a catalogue.
        now: aware; days that have not begun or ended by then count as such.

    Returns:
        One row per metric, version, period and person with columns ``REFERENCE_COLUMNS``: ``period_start_at`` aware
        UTC, times in seconds, NaN for what is not there, ``by_timeout`` a tuple of seconds or None.
    """
    history = ordered_history(events, periods[0].zone)
    return values_of_history(history, periods=periods, cards=cards, required=required, now=now)


def values_of_history(
    history: pd.DataFrame,
    *,
    periods: Sequence[Period],
    cards: Sequence[Card],
    required: Sequence[str] | None,
    now: dt.datetime,
) -> pd.DataFrame:
    """Calculate metrics from events that are in order already; see :func:`reference_values`.

    Args:
        history: what :func:`include.metrics.reference.histories.ordered_history` gives for the zone of the periods.
        periods: of one grain and zone, ascending and disjoint, at least one.
        cards: definitions to calculate by.
        required: required items, or None.
        now: aware.

    Returns:
        As :func:`reference_values`.
    """
    inside = events_inside(history, periods)
    tables = []
    for card in cards if len(inside) else ():  # without events in the periods nobody has a row
        case = Case(history, inside, periods, card.parameters, required, epoch_ms(now))
        tables.append(_labelled(FORMULAS[card.metric, card.version](case), card, periods))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(REFERENCE_COLUMNS))


def _labelled(figures: pd.DataFrame, card: Card, periods: Sequence[Period]) -> pd.DataFrame:
    table = figures.reset_index()
    table["metric"], table["version"] = str(card.metric), card.version
    table["period_start_at"] = pd.Series([periods[number].start_at for number in table["period"]], dtype=object)
    return table[list(REFERENCE_COLUMNS)]
