"""When values change without a new event: a day begins, or the day of return has ended."""

from __future__ import annotations

import datetime as dt

from include.metrics.catalogue.cards import Card
from include.metrics.names import Metric
from include.metrics.periods.grains import ONE_DAY, Period, day_start, local_day

NOT_CLOSED = "not_closed"


def next_change_at(card: Card, period: Period, now: dt.datetime, *, has_not_closed: bool) -> dt.datetime | None:
    """The next instant at which values of a period have to be calculated again though no event came.

    Args:
        card: their definition.
        period: their period.
        now: aware; the moment they were calculated for.
        has_not_closed: whether one of them is NULL ``not_closed``.

    Returns:
        Aware UTC, after now; None when only events change them. Of retention it is the next end of a day of return,
        whether or not somebody's falls on it: calculating once more changes nothing.
    """
    if (card.metric, card.version) == (Metric.ACTIVITY_INDEX, 2):
        return _next_begin_at(period, now)
    if (card.metric, card.version) == (Metric.RETENTION, 2) and has_not_closed:
        return _next_close_at(period, now, card.parameters["n_days"])
    return None


def _next_begin_at(period: Period, now: dt.datetime) -> dt.datetime | None:
    day = max(period.first_day, local_day(now, period.zone) + ONE_DAY)
    return day_start(day, period.zone) if day < period.end_day else None


def _next_close_at(period: Period, now: dt.datetime, n_days: int) -> dt.datetime:
    first_open_day = max(period.first_day, local_day(now, period.zone) - dt.timedelta(days=n_days))
    return day_start(first_open_day + dt.timedelta(days=n_days + 1), period.zone)
