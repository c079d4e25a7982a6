"""Days, ranges and instants of a counter's zone."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.days import (
    day_bounds,
    iter_days,
    parse_day,
    parse_range,
    require_closed_day,
    resolve_local,
    resolve_run_days,
    today_in,
    zone_of,
)
from include.errors import InputError

MOSCOW, NEW_YORK, BERLIN = (ZoneInfo(name) for name in ("Europe/Moscow", "America/New_York", "Europe/Berlin"))
ZONES = (MOSCOW, NEW_YORK, BERLIN, ZoneInfo("Asia/Kathmandu"), ZoneInfo("Pacific/Apia"), ZoneInfo("America/Sao_Paulo"))
DAYS = st.dates(dt.date(2015, 1, 1), dt.date(2035, 12, 31))


class TestParseDay:
    @given(DAYS)
    def test_should_give_the_day_back_when_it_was_written_as_iso(self, day: dt.date) -> None:
        assert parse_day(day.isoformat()) == day

    @pytest.mark.parametrize("text", ["", "2025-7-1", "20250701", "2025-02-30", "01.07.2025", "2025-W27-2", "today"])
    def test_should_say_how_a_day_is_written_when_it_is_malformed(self, text: str) -> None:
        with pytest.raises(InputError, match="YYYY-MM-DD") as caught:
            parse_day(text)
        assert (caught.value.code, repr(text) in caught.value.message) == ("bad_date", True)


class TestRanges:
    @given(DAYS, st.integers(0, 365))
    def test_should_hold_every_day_once_when_a_range_is_read(self, first: dt.date, length: int) -> None:
        last = first + dt.timedelta(days=length)
        days = parse_range(first.isoformat(), last.isoformat())
        assert (days[0], days[-1], len(days), len(set(days))) == (first, last, length + 1, length + 1)
        assert days == tuple(iter_days(first, last)) == tuple(sorted(days))

    @pytest.mark.parametrize(
        ("first", "last", "sentence"),
        [("2025-07-02", "2025-07-01", "is reversed"), ("2024-01-01", "2025-01-01", "longer than 366 days")],
    )
    def test_should_refuse_a_range_when_it_is_reversed_or_too_long(self, first: str, last: str, sentence: str) -> None:
        with pytest.raises(InputError, match=sentence) as caught:
            parse_range(first, last)
        assert caught.value.code == "bad_period"


class TestClosedDays:
    @pytest.mark.parametrize(
        ("zone", "now", "today"),
        [
            (MOSCOW, "2025-07-01T20:59:59+00:00", "2025-07-01"),
            (MOSCOW, "2025-07-01T21:00:00+00:00", "2025-07-02"),
            (NEW_YORK, "2025-07-02T03:59:59+00:00", "2025-07-01"),
            (NEW_YORK, "2025-07-02T04:00:00+00:00", "2025-07-02"),
        ],
    )
    def test_should_change_the_day_at_local_midnight(self, zone: ZoneInfo, now: str, today: str) -> None:
        assert today_in(zone, dt.datetime.fromisoformat(now)) == dt.date.fromisoformat(today)

    @pytest.mark.parametrize("ahead_days", [0, 1, 400])
    def test_should_refuse_a_day_when_it_is_not_over(self, ahead_days: int) -> None:
        now = dt.datetime(2025, 7, 2, 12, tzinfo=dt.UTC)
        with pytest.raises(InputError, match="ask for 2025-07-01 or earlier") as caught:
            require_closed_day(dt.date(2025, 7, 2) + dt.timedelta(days=ahead_days), MOSCOW, now)
        assert caught.value.code == "date_not_closed"

    def test_should_take_yesterday_when_it_is_over(self) -> None:
        require_closed_day(dt.date(2025, 7, 1), MOSCOW, dt.datetime(2025, 7, 1, 21, tzinfo=dt.UTC))
        with pytest.raises(InputError):
            require_closed_day(dt.date(2025, 7, 1), MOSCOW, dt.datetime(2025, 7, 1, 20, 59, tzinfo=dt.UTC))


class TestDayBounds:
    @given(DAYS, st.sampled_from(ZONES))
    def test_should_leave_no_gap_when_days_follow_each_other(self, day: dt.date, zone: ZoneInfo) -> None:
        start, end = day_bounds(day, zone)
        assert end == day_bounds(day + dt.timedelta(days=1), zone)[0]
        assert dt.timedelta(hours=23) <= end - start <= dt.timedelta(hours=25)

    @pytest.mark.parametrize(("day", "hours"), [("2025-03-30", 23), ("2025-10-26", 25), ("2025-06-01", 24)])
    def test_should_be_shorter_or_longer_when_clocks_change(self, day: str, hours: int) -> None:
        start, end = day_bounds(dt.date.fromisoformat(day), BERLIN)
        assert end - start == dt.timedelta(hours=hours)


class TestResolveLocal:
    @given(st.integers(1_420_070_400, 2_082_758_400), st.sampled_from(ZONES))
    def test_should_find_the_instant_again_when_its_wall_clock_is_read(self, epoch: int, zone: ZoneInfo) -> None:
        shown = dt.datetime.fromtimestamp(epoch, zone)
        found = resolve_local(shown.replace(tzinfo=None, fold=0), zone)
        assert found.epoch_seconds == epoch or (found.is_ambiguous and shown.fold == 1)

    def test_should_refuse_a_time_when_clocks_jump_over_it(self) -> None:
        with pytest.raises(InputError, match="does not exist in Europe/Berlin"):
            resolve_local(dt.datetime(2025, 3, 30, 2, 30), BERLIN)


class TestZones:
    @pytest.mark.parametrize("name", ["Europe/Atlantis", "", "../etc/passwd", "UTC+3"])
    def test_should_name_the_zone_when_it_is_unknown(self, name: str) -> None:
        with pytest.raises(InputError, match="IANA") as caught:
            zone_of(name)
        assert caught.value.code == "bad_zone"


class TestRunDays:
    START = dt.datetime(2025, 6, 30, 21, tzinfo=dt.UTC)

    @pytest.mark.parametrize(
        ("params", "key", "start", "expected"),
        [
            ({"date": "2025-07-05"}, "2025-07-01", START, ["2025-07-05"]),
            ({"date_from": "2025-07-05", "date_to": "2025-07-06"}, None, None, ["2025-07-05", "2025-07-06"]),
            ({"date_from": "2025-07-05"}, None, None, ["2025-07-05"]),
            ({"date_to": "2025-07-05"}, None, None, ["2025-07-05"]),
            ({"date": None}, "2025-07-03", START, ["2025-07-03"]),
            ({}, None, START, ["2025-07-01"]),
        ],
    )
    def test_should_follow_the_order_of_precedence(
        self, params: dict[str, object], key: str | None, start: dt.datetime | None, expected: list[str]
    ) -> None:
        assert [day.isoformat() for day in resolve_run_days(params, key, start, MOSCOW)] == expected

    @pytest.mark.parametrize(
        ("params", "code"),
        [({}, "no_day"), ({"date": "2025-07-01", "date_to": "2025-07-02"}, "conflicting_input")],
    )
    def test_should_refuse_when_no_day_or_two_ways_are_named(self, params: dict[str, object], code: str) -> None:
        with pytest.raises(InputError) as caught:
            resolve_run_days(params, None, None, MOSCOW)
        assert caught.value.code == code
