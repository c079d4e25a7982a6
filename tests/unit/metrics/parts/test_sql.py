"""What goes into the queries of parts: instants that days begin at, and values that are never text of the query."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.metrics.courses import LearningCourse
from include.metrics.parts.building import CHUNK_DAYS, chunks_of
from include.metrics.parts.snapshot import Snapshot
from include.metrics.parts.sql import days_by_start, events_between, milliseconds_of, parts_of_events
from include.metrics.periods.grains import ONE_DAY, day_start, local_day

ONE_MS = dt.timedelta(milliseconds=1)
ZONES = sorted(zoneinfo.available_timezones())
START = dt.datetime(2025, 3, 3, tzinfo=dt.UTC)
EVIL = "x' OR 1 = 1 --"


class TestDaysByStart:
    @given(
        zone=st.sampled_from(ZONES),
        start_at=st.datetimes(dt.datetime(1975, 1, 1), dt.datetime(2037, 1, 1), timezones=st.just(dt.UTC)),
        length=st.timedeltas(ONE_MS, dt.timedelta(days=40)),
    )
    def test_should_cover_the_interval_without_a_gap_when_it_is_any(
        self, zone: str, start_at: dt.datetime, length: dt.timedelta
    ) -> None:
        course, end_at = LearningCourse("default", "c", ZoneInfo(zone)), start_at + length
        found = days_by_start(course, start_at, end_at)
        starts = list(found)
        assert starts == sorted(starts)
        assert starts[0] <= milliseconds_of(start_at)
        assert milliseconds_of(day_start(list(found.values())[-1] + ONE_DAY, course.zone)) >= milliseconds_of(end_at)
        assert found[starts[0]] == local_day(start_at, course.zone)

    def test_should_leave_a_day_out_when_the_zone_did(self) -> None:
        course = LearningCourse("default", "c", ZoneInfo("Pacific/Apia"))
        found = days_by_start(
            course, day_start(dt.date(2011, 12, 29), course.zone), dt.datetime(2012, 1, 1, tzinfo=dt.UTC)
        )
        assert [day.day for day in found.values()] == [29, 31, 1]


class TestStatements:
    def test_should_bind_every_value_when_names_look_like_sql(self) -> None:
        course = LearningCourse(EVIL, EVIL, ZoneInfo("UTC"))
        query = parts_of_events("events", course, START, START + ONE_DAY, Snapshot(7, (3, 5)), person_id=EVIL)
        assert EVIL not in query.sql
        assert list(query.params.values()).count(EVIL) == 3
        assert (query.params["snapshot_frontier"], query.params["snapshot_excluded"]) == (7, [3, 5])

    def test_should_widen_what_is_read_by_a_day_when_clocks_were_corrected(self) -> None:
        course = LearningCourse("default", "c", ZoneInfo("UTC"))
        values = events_between("events", course, START, START + ONE_DAY, Snapshot(0), columns="event_id").params
        day_ms = 86_400_000
        assert values["parts_end"] - values["parts_start"] == day_ms
        assert values["parts_start"] - values["parts_first"] == values["parts_last"] - values["parts_end"] == day_ms


class TestChunksOf:
    @pytest.mark.parametrize(
        ("offsets", "sizes"),
        [
            ([], []),
            ([0], [1]),
            ([1, 0, 1], [2]),
            ([0, 2, 3], [1, 2]),
            (range(CHUNK_DAYS), [CHUNK_DAYS]),
            (range(CHUNK_DAYS + 1), [CHUNK_DAYS, 1]),
            ([*range(CHUNK_DAYS), CHUNK_DAYS + 1], [CHUNK_DAYS, 1]),
        ],
    )
    def test_should_cut_at_gaps_and_when_full_when_days_are_given(self, offsets: list[int], sizes: list[int]) -> None:
        chunks = list(chunks_of(START.date() + ONE_DAY * offset for offset in offsets))
        assert [len(chunk) for chunk in chunks] == sizes
        assert [day for chunk in chunks for day in chunk] == sorted({START.date() + ONE_DAY * one for one in offsets})
