"""I16: an instant belongs to exactly one local day, and so to one period of each grain."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.metrics.periods.grains import (
    STANDARD_GRAINS,
    Grain,
    Period,
    day_start,
    local_day,
    period_between,
    period_of,
    periods_of,
)

UTC, MOSCOW, BERLIN = ZoneInfo("UTC"), ZoneInfo("Europe/Moscow"), ZoneInfo("Europe/Berlin")
ST_JOHNS = ZoneInfo("America/St_Johns")  # set clocks back at one minute past midnight until 2011
SAO_PAULO = ZoneInfo("America/Sao_Paulo")  # had days without a midnight until 2018
APIA = ZoneInfo("Pacific/Apia")  # had no 30 December 2011
ZONES = (UTC, MOSCOW, BERLIN, ST_JOHNS, SAO_PAULO, APIA, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu"))
INSTANTS = st.datetimes(dt.datetime(2001, 1, 1), dt.datetime(2037, 1, 1), timezones=st.just(dt.UTC))


def instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)


class TestLocalDay:
    @given(INSTANTS, st.sampled_from(ZONES))
    def test_should_be_the_day_whose_bounds_hold_the_instant(self, moment: dt.datetime, zone: ZoneInfo) -> None:
        day = local_day(moment, zone)
        assert day_start(day, zone) <= moment < day_start(day + dt.timedelta(days=1), zone)

    @pytest.mark.parametrize(
        ("moment", "zone", "day"),
        [
            ("2025-03-03T20:59:59.999+00:00", MOSCOW, dt.date(2025, 3, 3)),
            ("2025-03-03T21:00:00+00:00", MOSCOW, dt.date(2025, 3, 4)),
            ("2018-11-04T03:00:00+00:00", SAO_PAULO, dt.date(2018, 11, 4)),  # 01:00, the first there was
            ("2006-10-29T02:30:30+00:00", ST_JOHNS, dt.date(2006, 10, 29)),  # 00:00:30
            ("2006-10-29T02:31:00+00:00", ST_JOHNS, dt.date(2006, 10, 29)),  # 23:01 of the 28th, shown once more
        ],
        ids=["before-midnight", "midnight", "no-midnight", "before-back", "after-back"],
    )
    def test_should_be_the_last_day_that_began(self, moment: str, zone: ZoneInfo, day: dt.date) -> None:
        assert local_day(instant(moment), zone) == day


class TestPeriodOf:
    @given(INSTANTS, st.sampled_from(ZONES), st.sampled_from(STANDARD_GRAINS))
    def test_should_hold_its_day_and_touch_its_neighbour(
        self, moment: dt.datetime, zone: ZoneInfo, grain: Grain
    ) -> None:
        day = local_day(moment, zone)
        period = period_of(day, grain, zone)
        assert day in period.days
        assert period_of(period.end_day, grain, zone).start_at == period.end_at
        assert all(period_of(one, grain, zone) == period for one in (period.days[0], period.days[-1]))

    @pytest.mark.parametrize(
        ("day", "hours"), [(dt.date(2025, 3, 30), 23), (dt.date(2025, 10, 26), 25), (dt.date(2025, 7, 1), 24)]
    )
    def test_should_be_as_long_as_clocks_say(self, day: dt.date, hours: int) -> None:
        period = period_of(day, Grain.DAY, BERLIN)
        assert period.end_at - period.start_at == dt.timedelta(hours=hours)

    def test_should_begin_on_monday_when_a_week(self) -> None:
        period = period_of(dt.date(2025, 3, 9), Grain.WEEK, UTC)
        assert (period.first_day, period.end_day) == (dt.date(2025, 3, 3), dt.date(2025, 3, 10))

    def test_should_end_with_the_year_when_december(self) -> None:
        period = period_of(dt.date(2024, 12, 31), Grain.MONTH, MOSCOW)
        assert (period.first_day, period.end_day) == (dt.date(2024, 12, 1), dt.date(2025, 1, 1))

    def test_should_refuse_when_no_grain_of_the_calendar(self) -> None:
        with pytest.raises(ValueError, match="follows from no day"):
            period_of(dt.date(2025, 1, 1), Grain.CUSTOM, UTC)


class TestPeriodsOf:
    def test_should_give_each_once_in_order_when_days_repeat(self) -> None:
        days = [dt.date(2025, 3, 12), dt.date(2025, 3, 4), dt.date(2025, 3, 5), dt.date(2025, 3, 4)]
        assert [period.first_day for period in periods_of(days, Grain.WEEK, UTC)] == [
            dt.date(2025, 3, 3),
            dt.date(2025, 3, 10),
        ]


class TestPeriodBetween:
    @given(INSTANTS, st.sampled_from(ZONES), st.sampled_from(STANDARD_GRAINS))
    def test_should_know_the_grain_when_bounds_are_exact(
        self, moment: dt.datetime, zone: ZoneInfo, grain: Grain
    ) -> None:
        period = period_of(local_day(moment, zone), grain, zone)
        assert period_between(period.start_at, period.end_at, zone) == period

    @pytest.mark.parametrize(
        ("start", "end", "is_whole"),
        [
            ("2025-03-03T00:00:00+00:00", "2025-03-05T00:00:00+00:00", True),
            ("2025-03-03T00:00:00+00:00", "2025-03-04T00:00:00.001+00:00", False),
            ("2025-03-03T03:00:00+03:00", "2025-03-05T03:00:00+03:00", True),
        ],
        ids=["two-days", "a-millisecond-more", "offset"],
    )
    def test_should_be_custom_when_bounds_are_others(self, start: str, end: str, is_whole: bool) -> None:
        period = period_between(instant(start), instant(end), UTC)
        assert (period.grain, period.is_whole_days) == (Grain.CUSTOM, is_whole)

    def test_should_not_touch_the_day_after_when_it_ends_at_midnight(self) -> None:
        period = Period(Grain.CUSTOM, instant("2025-03-03T12:00+00:00"), instant("2025-03-05T00:00+00:00"), UTC)
        assert period.days == (dt.date(2025, 3, 3), dt.date(2025, 3, 4))
