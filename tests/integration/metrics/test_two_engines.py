"""L2, I11, I16: SQL over user-days gives what pandas gives from raw events, on random streams, however they came in."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings

from include.errors import MetricsDisagree
from include.metrics.courses import LearningCourse
from include.metrics.parts.building import rebuild_days
from include.metrics.parts.snapshot import Snapshot
from include.metrics.parts.sql import PARTS_SETTINGS, parts_of_events
from include.metrics.periods.grains import (
    Grain,
    Period,
    day_start,
    local_day,
    period_between,
    periods_of,
)
from include.metrics.reference.checking import check_values
from include.metrics.reference.histories import ordered_history
from include.metrics.reference.sampling import Sample, load_sample
from include.metrics.tables import KINDS, USER_DAYS
from include.metrics.values.batches import Batch
from include.metrics.values.computing import value_rows
from include.services.engines.endpoints import Endpoints
from tests.event_rows import store
from tests.metric_events import MONDAY, REQUIRED, LearningStores, golden_events, own_learning
from tests.metric_frames import UTC, all_cards, frame_of
from tests.metric_streams import FIRST_DAY, MANY_EVENTS, Stream, streams

SNAPSHOT = Snapshot(4, (4,))
RECEIPT = str(uuid.UUID(int=1))
ONE_DAY = dt.timedelta(days=1)
PEOPLE = 10_000
AFTER_GOLDEN = dt.datetime(2025, 3, 12, tzinfo=dt.UTC)
COLUMNS = ", ".join(column.name for column in USER_DAYS.columns)


@pytest.fixture(scope="module")
def stores(endpoints: Endpoints) -> Iterator[LearningStores]:
    with own_learning(endpoints) as found:
        yield found


def settled(stream: Stream, course: LearningCourse) -> Stream:
    """The same stream in a project and course of its own; ids of events are unique in a project only."""
    events = ((replace(event, project=course.project, course=course.course_id), load) for event, load in stream.events)
    return replace(stream, events=tuple(events))


def put(stores: LearningStores, stream: Stream) -> None:
    """The events of a stream as its loads leave them."""
    store(stores.warehouse, [event.stored(load, RECEIPT) for event, load in stream.events], stores.table)


def build(stores: LearningStores, course: LearningCourse, intervals: Sequence[tuple[dt.date, dt.date]]) -> None:
    """User-days of some spans of days, first and last included, one after another."""
    for first, last in intervals:
        start_at, end_at = day_start(first, course.zone), day_start(last + ONE_DAY, course.zone)
        parts = parts_of_events(stores.table, course, start_at, end_at, SNAPSHOT)
        stores.warehouse.execute(
            f"INSERT INTO {USER_DAYS.name} ({COLUMNS}) SELECT {COLUMNS} FROM ({parts.sql})",
            parts.params,
            settings=PARTS_SETTINGS,
        )


def intervals_of(days: Sequence[dt.date], cuts: Sequence[float]) -> list[tuple[dt.date, dt.date]]:
    """Spans that together hold all days, in any order."""
    borders = sorted({round(cut * len(days)) for cut in cuts} | {0, len(days)})
    spans = [(days[0] + first * ONE_DAY, days[0] + (last - 1) * ONE_DAY) for first, last in pairwise(borders)]
    random.Random(len(cuts)).shuffle(spans)
    return spans


def sample_of(stream: Stream, course: LearningCourse) -> Sample:
    """Everybody, with the events that count."""
    history = ordered_history(frame_of(stream.counted()), course.zone)
    return Sample(course, tuple(sorted(set(history["person_id"]))), history)


def batches_of(stream: Stream, course: LearningCourse, days: Sequence[dt.date]) -> list[Batch]:
    """Days, weeks or months, and a free period that cuts days."""
    moments = sorted(event.at for event in stream.counted())
    first_at, length = moments[0] - dt.timedelta(seconds=1), moments[-1] - moments[0] + dt.timedelta(seconds=2)
    start_at, end_at = (first_at + length * share for share in sorted(stream.bounds))
    listed: list[tuple[Period, ...]] = [periods_of(days, stream.grain, course.zone)]
    if end_at > start_at:
        cut_at = (moment.replace(microsecond=moment.microsecond // 1000 * 1000) for moment in (start_at, end_at))
        listed.append((period_between(*cut_at, course.zone),))
    n_days, kind = stream.retention
    cards = all_cards(course.zone, retention_days=n_days, retention_kind=kind)
    now = moments[0] + dt.timedelta(milliseconds=stream.now_ms)
    return [Batch(course, periods, cards, stream.required, now, SNAPSHOT) for periods in listed]


class TestL2Streams:
    @given(stream=streams().filter(lambda one: bool(one.counted())))
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    def test_should_agree_on_every_column_when_streams_are_random(self, stores: LearningStores, stream: Stream) -> None:
        course = LearningCourse(uuid.uuid4().hex, "c1", stream.zone)
        stream = settled(stream, course)
        touched = [local_day(event.at, course.zone) for event in stream.counted()]
        days = [min(touched) + number * ONE_DAY for number in range((max(touched) - min(touched)).days + 1)]
        put(stores, stream)
        build(stores, course, intervals_of(days, stream.cuts))
        sample = sample_of(stream, course)
        for batch in batches_of(stream, course, days):
            rows = value_rows(stores.warehouse, stores.table, batch)
            assert {row.person_id for row in rows} <= set(sample.person_ids)
            assert check_values(sample, batch, rows) == len(rows)


MANY_DAYS = tuple(FIRST_DAY + number * ONE_DAY for number in range(14))


@pytest.fixture(scope="module")
def many(stores: LearningStores) -> Sample:
    """Everybody in a course with ten thousand people."""
    course = LearningCourse("many", "c1", ZoneInfo("America/New_York"))
    stores.warehouse.execute(MANY_EVENTS.format(table=stores.table, people=PEOPLE, count=12 * PEOPLE))
    rebuild_days(stores.warehouse, stores.state, stores.table, course, MANY_DAYS, SNAPSHOT)
    return load_sample(
        stores.warehouse, stores.table, course, SNAPSHOT, days=MANY_DAYS, count=2 * PEOPLE, seed="everybody"
    )


class TestL3ManyPeople:
    """L3, I11: ten thousand people, made where the events live."""

    @pytest.mark.parametrize("grain", [Grain.WEEK, Grain.MONTH])
    def test_should_agree_on_ten_thousand_people(self, stores: LearningStores, many: Sample, grain: Grain) -> None:
        cards = all_cards(many.course.zone)
        periods = periods_of(MANY_DAYS, grain, many.course.zone)
        now = day_start(MANY_DAYS[10], many.course.zone)
        batch = Batch(many.course, periods, cards, ("t1", "t2", "m3", "8"), now, SNAPSHOT)
        rows = value_rows(stores.warehouse, stores.table, batch)
        assert len(many.person_ids) == PEOPLE
        assert check_values(many, batch, rows) == len(rows) > 10 * PEOPLE
        assert {(row.metric, row.version) for row in rows} == {(card.metric, card.version) for card in cards}


# Columns of user-days that hold another number than the events say, and metrics that then come out wrong.
WRONG_PARTS = (
    *("event_count", "session_count", "engaged_session_count", "is_task_start_last"),
    *(f"{kind}_count" for kind in KINDS),
    *("gap_capped_ms", "task_gap_capped_ms", "active_1800_ms", "task_300_ms", "task_600_ms", "task_1800_ms"),
)


class TestWrongParts:
    """A user-day that does not follow from the events is found before its values are stored."""

    def planted(self, stores: LearningStores, change: str, where: str = "1") -> tuple[Sample, Batch]:
        """The golden case in a course whose user-days were tampered with."""
        course = LearningCourse(uuid.uuid4().hex, "c1", UTC)
        stream = [(replace(event, project=course.project), 1) for event in golden_events()]
        store(stores.warehouse, [event.stored(load, RECEIPT) for event, load in stream], stores.table)
        days = [MONDAY + number * ONE_DAY for number in range(7)]
        start_at, end_at = day_start(days[0], UTC), day_start(days[-1] + ONE_DAY, UTC)
        parts = parts_of_events(stores.table, course, start_at, end_at, SNAPSHOT)
        stores.warehouse.execute(
            f"INSERT INTO {USER_DAYS.name} ({COLUMNS}) SELECT {COLUMNS} FROM "
            f"(SELECT * {change} FROM ({parts.sql}) WHERE {where})",
            parts.params,
        )
        sample = load_sample(stores.warehouse, stores.table, course, SNAPSHOT, days=days, count=9, seed="run")
        return sample, Batch(
            course, periods_of(days, Grain.WEEK, UTC), all_cards(UTC), REQUIRED, AFTER_GOLDEN, SNAPSHOT
        )

    def test_should_pass_when_the_parts_are_right(self, stores: LearningStores) -> None:
        sample, batch = self.planted(stores, "")
        assert check_values(sample, batch, value_rows(stores.warehouse, stores.table, batch)) == 12

    @pytest.mark.parametrize("column", WRONG_PARTS)
    def test_should_fail_when_a_number_is_wrong(self, stores: LearningStores, column: str) -> None:
        changed = f"toUInt8(1 - {column})" if column == "is_task_start_last" else f"{column} + 1"
        sample, batch = self.planted(stores, f"REPLACE ({changed} AS {column})")
        with pytest.raises(MetricsDisagree):
            check_values(sample, batch, value_rows(stores.warehouse, stores.table, batch))

    @pytest.mark.parametrize(
        ("change", "where"),
        [
            ("REPLACE (arrayConcat(done_items, ['t4']) AS done_items)", "1"),
            ("REPLACE (first_at - 1 AS first_at)", "1"),
            ("REPLACE (last_at + 1 AS last_at)", "1"),
            ("REPLACE (day + 4 AS day)", "1"),
            ("", "day != '2025-03-04'"),
            ("REPLACE (toUUID('00000000-0000-4000-8000-000000000000') AS person_id)", "1"),
        ],
        ids=["item_too_many", "begins_early", "ends_late", "other_day", "day_lost", "other_person"],
    )
    def test_should_fail_when_a_row_is_wrong(self, stores: LearningStores, change: str, where: str) -> None:
        sample, batch = self.planted(stores, change, where)
        with pytest.raises(MetricsDisagree):
            check_values(sample, batch, value_rows(stores.warehouse, stores.table, batch))
