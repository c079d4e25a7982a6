"""I16: each event lies in exactly one local day, also where clocks change, and in the day that Python says."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections import Counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.metrics.periods.grains import ONE_DAY, day_start, local_day
from tests.integration.metrics.parts.part_rows import chosen, parts_of
from tests.metric_events import Learned, LearningStores, learned

ONE_MS = dt.timedelta(milliseconds=1)
FIRST, LAST = dt.date(1975, 1, 1), dt.date(2037, 12, 31)
ZONES = sorted(zoneinfo.available_timezones())
# Short and long days, days whose midnight does not exist, or comes twice, and a date that was left out.
CHANGES = (
    ("Europe/Berlin", dt.date(2025, 3, 30), 23),
    ("Europe/Berlin", dt.date(2025, 10, 26), 25),
    ("America/New_York", dt.date(2025, 3, 9), 23),
    ("America/New_York", dt.date(2025, 11, 2), 25),
    ("Europe/Moscow", dt.date(2025, 3, 30), 24),
    ("America/Sao_Paulo", dt.date(2018, 11, 4), 23),
    ("America/St_Johns", dt.date(2010, 11, 7), 25),
    ("Australia/Lord_Howe", dt.date(2025, 4, 6), 24.5),
    ("Pacific/Apia", dt.date(2011, 12, 30), 0),
)


@pytest.fixture
def stores(stores_of_module: LearningStores) -> LearningStores:
    """Stores with the events of other tests: each has a course of its own."""
    return stores_of_module


def around(day: dt.date, zone: ZoneInfo) -> list[dt.datetime]:
    """Instants at the edges of a day and near them, and every 40 minutes from two days before to two after."""
    edges = [day_start(day + ONE_DAY * offset, zone) for offset in (-1, 0, 1, 2)]
    near = [edge + ONE_MS * offset for edge in edges for offset in (-1, 0, 1)]
    return sorted({*near, *(edges[0] + dt.timedelta(minutes=40 * step) for step in range(-36, 144))})


def assert_each_in_its_day(stores: LearningStores, instants: list[dt.datetime], zone: ZoneInfo) -> None:
    parts = parts_of(stores, [Learned(instant) for instant in instants], zone.key)
    expected = Counter(local_day(instant, zone) for instant in instants)
    assert {part["day"]: part["event_count"] for part in parts} == dict(expected)
    for part in parts:
        assert (
            day_start(part["day"], zone) <= part["first_at"] <= part["last_at"] < day_start(part["day"] + ONE_DAY, zone)
        )


class TestI16Days:
    @pytest.mark.parametrize(("zone", "day", "hours"), CHANGES)
    def test_should_lie_in_one_day_each_when_clocks_change(
        self, stores: LearningStores, zone: str, day: dt.date, hours: float
    ) -> None:
        found = ZoneInfo(zone)
        assert day_start(day + ONE_DAY, found) - day_start(day, found) == dt.timedelta(hours=hours)
        assert_each_in_its_day(stores, around(day, found), found)

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(zone=st.sampled_from(ZONES), days=st.lists(st.dates(FIRST, LAST), min_size=1, max_size=3))
    def test_should_lie_in_one_day_each_when_the_zone_is_any(
        self, stores: LearningStores, zone: str, days: list[dt.date]
    ) -> None:
        found = ZoneInfo(zone)
        instants = {instant for day in days for instant in around(day, found)}
        start = min(instants)
        in_reach = [instant for instant in sorted(instants) if instant < start + dt.timedelta(days=400)]
        assert_each_in_its_day(stores, in_reach, found)

    def test_should_count_gaps_of_a_night_with_an_hour_more_when_clocks_go_back(self, stores: LearningStores) -> None:
        """02:30 comes twice: the gap is an hour, not nothing."""
        parts = parts_of(stores, [learned("2025-10-26 00:30:00"), learned("2025-10-26 01:30:00")], "Europe/Berlin")
        assert chosen(parts, "session_count", "gap_capped_ms") == [(2, 1_800_000)]
