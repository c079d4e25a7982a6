"""X8: days of 23 and 25 hours are whole days of their zone."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from include.events.statistics.periods import parse_period

ZONES = {"America/New_York": ("2025-03-09", "2025-11-02"), "Europe/Moscow": ("2010-03-28", "2010-10-31")}


class TestParsePeriod:
    """X8: where clocks are changed, a day has 23 or 25 hours, and the days together have no gap."""

    @pytest.mark.parametrize(
        ("zone", "day", "hours"),
        [(zone, day, hours) for zone, days in ZONES.items() for day, hours in zip(days, (23, 25), strict=True)],
    )
    def test_should_hold_the_hours_of_the_day_when_clocks_are_changed(self, zone: str, day: str, hours: int) -> None:
        date = dt.date.fromisoformat(day)
        days = [(date + dt.timedelta(days=step)).isoformat() for step in (-1, 0, 1, 2)]
        before, itself, after = (parse_period(first, last, ZoneInfo(zone)) for first, last in pairwise(days))
        assert itself[0] is not None
        assert itself[1] is not None
        assert itself[1] - itself[0] == dt.timedelta(hours=hours)
        assert (before[1], itself[1]) == (itself[0], after[0])
