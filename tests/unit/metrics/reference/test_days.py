"""I16: the days of the reference, cut by another calendar, are those of the periods."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.metrics.periods.grains import day_start, local_day
from include.metrics.reference.days import EPOCH, day_start_ms, epoch_ms, local_days

# Midnight that comes twice, that does not exist, days of 23 and 25 hours, and a day that a zone left out.
ZONES = (
    "UTC",
    "Europe/Moscow",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "Pacific/Apia",
)
TURNS = ("1987-10-25", "2009-11-01", "2011-03-27", "2011-12-30", "2014-10-26", "2018-11-04", "2025-03-09", "2025-03-30")
instants = st.builds(
    lambda turn, ms: epoch_ms(dt.datetime.fromisoformat(turn).replace(tzinfo=dt.UTC)) + ms,
    st.sampled_from(TURNS),
    st.one_of(st.integers(-3 * 86_400_000, 3 * 86_400_000), st.integers(-48, 48).map(lambda hours: hours * 1_800_000)),
)


class TestLocalDays:
    @pytest.mark.parametrize("zone", ZONES)
    @given(found=st.lists(instants, min_size=1, max_size=20))
    @settings(max_examples=50, deadline=None)
    def test_should_be_the_days_of_the_periods(self, zone: str, found: list[int]) -> None:
        named = ZoneInfo(zone)
        moments = [EPOCH + dt.timedelta(milliseconds=ms) for ms in found]
        expected = [local_day(moment, named) for moment in moments]
        days = local_days(np.array(found), named)
        assert days.astype(object).tolist() == expected
        assert day_start_ms(days, named).tolist() == [epoch_ms(day_start(day, named)) for day in expected]
