"""Periods: half-open intervals of instants, and the local days they are made of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from include.days import day_bounds, iter_days

ONE_DAY = dt.timedelta(days=1)


class Grain(StrEnum):
    """Lengths of periods."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    CUSTOM = "custom"


STANDARD_GRAINS = (Grain.DAY, Grain.WEEK, Grain.MONTH)


@dataclass(frozen=True)
class Period:
    """One half-open interval of a course.

    Attributes:
        grain: day, ISO week, month, or custom for everything else.
        start_at: first instant, aware UTC.
        end_at: first instant after it, aware UTC.
        zone: zone of its days.
    """

    grain: Grain
    start_at: dt.datetime
    end_at: dt.datetime
    zone: ZoneInfo

    @property
    def first_day(self) -> dt.date:
        """Local day of the first instant."""
        return local_day(self.start_at, self.zone)

    @property
    def end_day(self) -> dt.date:
        """The local day after the last one that the period touches."""
        return local_day(self.end_at - dt.timedelta(milliseconds=1), self.zone) + ONE_DAY

    @property
    def days(self) -> tuple[dt.date, ...]:
        """Local days it touches, in order."""
        return tuple(iter_days(self.first_day, self.end_day - ONE_DAY))

    @property
    def is_whole_days(self) -> bool:
        """Whether it begins and ends with a local day."""
        return (
            day_start(self.first_day, self.zone) == self.start_at and day_start(self.end_day, self.zone) == self.end_at
        )


def day_start(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The first instant of a local day.

    Args:
        day: the day.
        zone: its zone.

    Returns:
        Aware UTC; where midnight does not exist, the first instant that does.

    >>> day_start(dt.date(2018, 11, 4), ZoneInfo("America/Sao_Paulo")).isoformat()
    '2018-11-04T03:00:00+00:00'
    """
    return day_bounds(day, zone)[0]


def local_day(instant: dt.datetime, zone: ZoneInfo) -> dt.date:
    """The local day an instant belongs to: the last one that has begun.

    Args:
        instant: aware.
        zone: the zone.

    Returns:
        The day, also where clocks set back show the date of the day before once more.
    """
    day = instant.astimezone(zone).date()
    return day + ONE_DAY if day_start(day + ONE_DAY, zone) <= instant else day


def period_of(day: dt.date, grain: Grain, zone: ZoneInfo) -> Period:
    """The day, ISO week or month that holds a day.

    Args:
        day: local day.
        grain: day, week or month.
        zone: the zone.

    Returns:
        The period.

    Raises:
        ValueError: custom periods follow from no day.
    """
    first, end = _bounds(day, grain)
    return Period(grain, day_start(first, zone), day_start(end, zone), zone)


def periods_of(days: Iterable[dt.date], grain: Grain, zone: ZoneInfo) -> tuple[Period, ...]:
    """The periods of one grain that hold some days.

    Args:
        days: local days in any order.
        grain: day, week or month.
        zone: the zone.

    Returns:
        Periods, each once, in order.
    """
    firsts = sorted({_bounds(day, grain)[0] for day in days})
    return tuple(period_of(first, grain, zone) for first in firsts)


def period_between(start_at: dt.datetime, end_at: dt.datetime, zone: ZoneInfo) -> Period:
    """The period between two instants, under the name of its grain.

    Args:
        start_at: aware.
        end_at: aware, later.
        zone: the zone.

    Returns:
        A day, ISO week or month when the bounds are exactly those of one, else custom.
    """
    start_at, end_at = start_at.astimezone(dt.UTC), end_at.astimezone(dt.UTC)
    for grain in STANDARD_GRAINS:
        found = period_of(local_day(start_at, zone), grain, zone)
        if (found.start_at, found.end_at) == (start_at, end_at):
            return found
    return Period(Grain.CUSTOM, start_at, end_at, zone)


def _bounds(day: dt.date, grain: Grain) -> tuple[dt.date, dt.date]:
    if grain is Grain.DAY:
        return day, day + ONE_DAY
    if grain is Grain.WEEK:
        monday = day - dt.timedelta(days=day.weekday())
        return monday, monday + dt.timedelta(days=7)
    if grain is Grain.MONTH:
        first = day.replace(day=1)
        return first, (first + dt.timedelta(days=31)).replace(day=1)
    raise ValueError("a custom period follows from no day")
