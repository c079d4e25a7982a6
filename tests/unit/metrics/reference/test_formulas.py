"""L1, L8, L9: the reference itself, held to numbers worked out by hand from the definitions."""

from __future__ import annotations

import datetime as dt
import math
import uuid
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from include.metrics.periods.grains import Grain, period_between, period_of, periods_of
from include.metrics.reference.formulas import reference_values
from tests.metric_events import MONDAY, REQUIRED, Learned, golden_events, learned, random_events, shuffled_twice
from tests.metric_frames import LONG_AFTER, UTC, all_cards, frame_of, values_in

MOSCOW, NEW_YORK = ZoneInfo("Europe/Moscow"), ZoneInfo("America/New_York")
AFTER_GOLDEN = dt.datetime(2025, 3, 11, tzinfo=dt.UTC)
BOTH_ZONES = {
    ("retention", 1): (1, 1, 1, 3),
    ("retention", 2): (0, 0, 1, 1),
    ("engagement_score", 1): (13.7, None, None, 11),
    ("completion_rate", 1): (0.5, 1, 2, 2),
    ("completion_rate", 2): (0.25, 1, 4, 4),
    ("time_on_task", 1): (1320, None, None, 3),
    ("activity_index", 1): (11 / 3, 11, 3, 11),
    ("activity_index", 2): (3 / 7, 3, 7, 7),
    ("focus_ratio", 1): (8828 / 180000, 8828, 180000, 11),
}
GOLDEN: dict[ZoneInfo, dict[tuple[str, int], tuple[float | None, ...]]] = {
    UTC: {
        ("engagement_score", 2): (0.5, 3, 6, 6),
        ("time_on_task", 2): (360, None, None, 11),
        ("focus_ratio", 2): (360 / 428, 360, 428, 11),
    },
    MOSCOW: {
        ("engagement_score", 2): (0.6, 3, 5, 5),
        ("time_on_task", 2): (1560, None, None, 11),
        ("focus_ratio", 2): (1560 / 1628, 1560, 1628, 11),
    },
}


def at(seconds: float, name: str = "page_view", **changes: Any) -> Learned:
    """An event some seconds after ten o'clock of the golden Monday."""
    moment = dt.datetime(2025, 3, 3, 10, tzinfo=dt.UTC) + dt.timedelta(milliseconds=round(seconds * 1000))
    return Learned(moment, name, **changes)


def value(events: Iterable[Learned], metric: str, version: int, **changes: Any) -> float | None:
    found = float(values_in(events, **changes)[metric, version].value)
    return None if math.isnan(found) else found


def figures(row: Any) -> tuple[float | None, ...]:
    found = (row.value, row.numerator, row.denominator, row.sample_n)
    return tuple(None if math.isnan(one) else float(one) for one in found)


class TestL1Golden:
    @pytest.mark.parametrize("zone", GOLDEN, ids=lambda zone: zone.key)
    def test_should_give_the_golden_values_when_events_are_shuffled_and_doubled(self, zone: ZoneInfo) -> None:
        rows = values_in(shuffled_twice(golden_events()), zone=zone, required=REQUIRED, now=AFTER_GOLDEN)
        expected = BOTH_ZONES | GOLDEN[zone]
        assert {key: figures(row) for key, row in rows.items()} == expected

    def test_should_keep_time_on_task_at_three_timeouts(self) -> None:
        rows = values_in(golden_events(), zone=MOSCOW)
        assert rows["time_on_task", 2].by_timeout == (360, 360, 1560)
        assert rows["time_on_task", 1].by_timeout is None

    @pytest.mark.parametrize(("zone", "day", "hour"), [(UTC, 11, 0), (MOSCOW, 10, 21)], ids=["utc", "moscow"])
    def test_should_know_retention_when_the_seventh_day_has_ended(self, zone: ZoneInfo, day: int, hour: int) -> None:
        ended = dt.datetime(2025, 3, day, hour, tzinfo=dt.UTC)
        before = values_in(golden_events(), zone=zone, now=ended - dt.timedelta(milliseconds=1))["retention", 2]
        assert (figures(before), before.null_reason) == ((None, None, None, 0.0), "not_closed")
        assert figures(values_in(golden_events(), zone=zone, now=ended)["retention", 2]) == (0.0, 0.0, 1.0, 1.0)


class TestOneEvent:
    def test_should_give_every_metric_its_least_value(self) -> None:
        rows = values_in([at(0)])
        assert {key: figures(row) for key, row in rows.items()} == {
            ("retention", 1): (0, 0, 1, 1),
            ("retention", 2): (0, 0, 1, 1),
            ("engagement_score", 1): (1, None, None, 1),
            ("engagement_score", 2): (0, 0, 1, 1),
            ("completion_rate", 1): (0, 0, 0, 0),
            ("completion_rate", 2): (None, None, None, 0),
            ("time_on_task", 2): (0, None, None, 1),
            ("activity_index", 1): (1, 1, 1, 1),
            ("activity_index", 2): (1 / 7, 1, 7, 7),
            ("focus_ratio", 1): (0, 0, 0, 1),
            ("focus_ratio", 2): (None, None, None, 1),
        }
        reasons = {key: row.null_reason for key, row in rows.items() if row.null_reason}
        assert reasons == {("completion_rate", 2): "no_catalogue", ("focus_ratio", 2): "no_active_time"}

    def test_should_have_no_rows_when_nothing_lies_in_the_period(self) -> None:
        assert values_in([at(-8 * 86_400), at(8 * 86_400)]) == {}
        assert values_in([]) == {}


class TestL9Gaps:
    @pytest.mark.parametrize(
        ("seconds", "time_1", "time_2", "focus_1", "focus_2", "sessions"),
        [
            (0, 0, (0, 0, 0), 0, None, 1),
            (299.999, 299.999, (299.999,) * 3, 1, 1, 1),
            (300, 300, (300,) * 3, 1, 1, 1),
            (300.001, 300.001, (0, 300.001, 300.001), 1, 1, 1),
            (600, 600, (0, 600, 600), 1, 1, 1),
            (600.001, 600.001, (0, 0, 600.001), 1, 1, 1),
            (1800, 1800, (0, 0, 1800), 1, 1, 1),
            (1800.001, 1800, (0, 0, 0), 1_800_000 / 1_800_001, None, 2),
            (7200, 1800, (0, 0, 0), 0.25, None, 2),
        ],
    )
    def test_should_count_cap_or_drop_a_gap(
        self,
        seconds: float,
        time_1: float,
        time_2: tuple[float, ...],
        focus_1: float,
        focus_2: float | None,
        sessions: int,
    ) -> None:
        rows = values_in([at(0, "task_start"), at(seconds, "scroll")])
        assert rows["time_on_task", 1].value == time_1
        assert (rows["time_on_task", 2].by_timeout, rows["time_on_task", 2].value) == (time_2, time_2[-1])
        assert figures(rows["focus_ratio", 1])[0] == focus_1
        assert figures(rows["focus_ratio", 2])[0] == focus_2
        assert rows["engagement_score", 2].denominator == sessions

    def test_should_cut_a_gap_in_version_2_when_midnight_lies_in_it(self) -> None:
        events = [learned("2025-03-03 23:55:00", "task_start"), learned("2025-03-04 00:05:00", "task_success")]
        assert (value(events, "time_on_task", 1), value(events, "time_on_task", 2)) == (600, 0)
        assert (value(events, "time_on_task", 2, zone=MOSCOW), value(events, "focus_ratio", 1)) == (600, 1)
        assert values_in(events)["engagement_score", 2].denominator == 2

    def test_should_close_a_task_at_midnight(self) -> None:
        events = [
            learned("2025-03-03 23:59:00", "task_start"),
            learned("2025-03-04 00:00:00", "scroll"),
            learned("2025-03-04 00:01:00", "scroll"),
        ]
        assert value(events, "time_on_task", 2) == 0
        assert value(events, "time_on_task", 2, zone=MOSCOW) == 120

    def test_should_count_no_gap_beyond_a_custom_period(self) -> None:
        events = [at(0, "task_start"), at(60, "scroll"), at(120, "scroll"), at(180, "task_success")]
        inside = period_between(at(60).at, at(180).at, UTC)
        rows = values_in(events, period=inside)
        assert (rows["time_on_task", 2].value, figures(rows["focus_ratio", 2])) == (0, (0, 0, 60, 2))


class TestL8LastEvent:
    def test_should_add_nothing_when_the_last_event_is_a_task_start(self) -> None:
        rows = values_in([at(0), at(60, "task_start")])
        assert (rows["time_on_task", 1].value, rows["time_on_task", 1].sample_n) == (0, 1)
        assert (rows["time_on_task", 2].value, rows["focus_ratio", 1].value) == (0, 1)

    def test_should_have_no_row_of_version_1_without_a_task_start(self) -> None:
        assert ("time_on_task", 1) not in values_in([at(0, "task_attempt"), at(9, "task_success")])


class TestTaskState:
    @pytest.mark.parametrize(
        ("steps", "seconds"),
        [
            ([(0, "task_start"), (60, "page_view"), (90, "task_success"), (120, "scroll")], 90),
            ([(0, "task_attempt"), (60, "video_play"), (90, "task_fail"), (120, "scroll")], 90),
            ([(0, "page_view"), (60, "task_success"), (90, "scroll")], 0),
            ([(0, "task_start"), (60, "task_fail"), (90, "task_attempt"), (100, "forum_post"), (130, "scroll")], 100),
            ([(0, "task_start"), (1801, "scroll"), (1861, "scroll")], 0),
            ([(0, "task_start"), (1801, "task_attempt"), (1861, "scroll")], 60),
        ],
        ids=["closed", "failed", "never_open", "opened_again", "closed_by_a_pause", "opened_after_a_pause"],
    )
    def test_should_count_time_while_a_task_is_open(self, steps: list[tuple[int, str]], seconds: float) -> None:
        assert value([at(*step) for step in steps], "time_on_task", 2) == seconds

    @pytest.mark.parametrize(("start_id", "success_id", "seconds"), [(1, 2, 0), (2, 1, 60)])
    def test_should_go_by_id_when_two_events_share_a_moment(
        self, start_id: int, success_id: int, seconds: float
    ) -> None:
        events = [
            at(0, "task_start", event_id=str(uuid.UUID(int=start_id << 64))),
            at(0, "task_success", event_id=str(uuid.UUID(int=success_id << 64))),
            at(60),
        ]
        assert value(events, "time_on_task", 2) == seconds


class TestEngagement:
    @pytest.mark.parametrize(
        ("events", "engaged"),
        [
            ([at(0, "scroll"), at(10, "scroll")], 0),
            ([at(0, "scroll"), at(10.001, "scroll")], 1),
            ([at(0), at(1)], 1),
            ([at(0), at(1, "video_play")], 0),
            ([at(0, "task_fail")], 1),
            ([at(0, "task_start")], 0),
        ],
        ids=["ten_seconds", "over_ten_seconds", "two_pages", "one_page", "key_event", "start_is_no_key_event"],
    )
    def test_should_know_an_engaged_session(self, events: list[Learned], engaged: int) -> None:
        assert figures(values_in(events)["engagement_score", 2]) == (engaged, engaged, 1, 1)

    def test_should_weigh_unknown_events_as_nothing(self) -> None:
        assert value([at(0, "scroll"), at(1, "forum_post"), at(2, "other")], "engagement_score", 1) == 0.2


class TestRetention:
    @pytest.mark.parametrize(
        ("day", "kind", "came"),
        [(6, "exact", 0), (7, "exact", 1), (8, "exact", 0), (6, "unbounded", 0), (9, "unbounded", 1)],
    )
    def test_should_look_for_day_n_or_later(self, day: int, kind: str, came: int) -> None:
        events = [at(0), at(day * 86_400)]
        assert value(events, "retention", 2, retention_kind=kind) == came

    def test_should_leave_out_people_who_came_before_the_period(self) -> None:
        assert ("retention", 2) not in values_in([at(-8 * 86_400), at(0)])

    def test_should_count_local_days_when_clocks_change(self) -> None:
        saturday = learned("2025-03-09 04:59:59.999")  # New York, 8 March, the last moment
        sunday, still_sunday = learned("2025-03-09 05:00:00"), learned("2025-03-10 03:59:59.999")  # 23 hours long
        monday = learned("2025-03-10 04:00:00")
        month = period_of(MONDAY, Grain.MONTH, NEW_YORK)
        events = [saturday, sunday, still_sunday, monday]
        assert values_in(events, period=month, zone=NEW_YORK)["retention", 1].sample_n == 3
        assert values_in(events[1:3], period=month, zone=NEW_YORK)["retention", 1].value == 0

    def test_should_make_no_version_1_for_single_days(self) -> None:
        assert ("retention", 1) not in values_in([at(0)], period=period_of(MONDAY, Grain.DAY, UTC))


class TestActivity:
    def test_should_divide_by_the_days_that_have_begun(self) -> None:
        wednesday = dt.datetime(2025, 3, 5, tzinfo=dt.UTC)
        assert figures(values_in([at(0)], now=wednesday)["activity_index", 2]) == (1 / 3, 1, 3, 3)
        assert figures(values_in([at(0)], now=wednesday - dt.timedelta(milliseconds=1))["activity_index", 2])[2] == 2

    def test_should_take_a_day_with_events_as_begun(self) -> None:
        ahead = learned("2025-03-04 00:01:00")
        found = values_in([at(0), ahead], now=dt.datetime(2025, 3, 3, 23, 59, tzinfo=dt.UTC))
        assert figures(found["activity_index", 2]) == (1, 2, 2, 2)


class TestCompletion:
    def test_should_unite_what_was_done_from_the_start_to_the_end_of_the_period(self) -> None:
        events = [
            at(-30 * 86_400, "task_success", props={"task_id": "t1"}),
            at(0, "task_success", props={"task_id": "t1"}),
            at(1, "task_success", module_id="t2"),
            at(2, "task_fail", module_id="t3"),
            learned("2025-03-10 00:00:00", "task_success", module_id="t4"),
        ]
        assert figures(values_in(events, required=REQUIRED)["completion_rate", 2]) == (0.5, 2, 4, 4)

    @pytest.mark.parametrize(
        ("props", "is_done"),
        [
            ('{"task_id":"7"}', True),
            ('{"task_id":7}', True),
            ('{"task_id":7.0}', False),
            ('{"task_id":true}', False),
            ('{"task_id":["7"]}', False),
            ('{"other":{"task_id":"7"}}', False),
            ('{"task_id":"8"}', False),
            ("", False),
        ],
    )
    def test_should_take_texts_and_integers_as_items(self, props: str, is_done: bool) -> None:
        assert value([at(0, "task_success", props=props)], "completion_rate", 2, required=("7",)) == is_done

    @pytest.mark.parametrize("props", ['{"task_id":""}', '{"task_id":null}', '{"task_id":{}}', "{}"])
    def test_should_fall_back_to_the_module_when_no_item_is_named(self, props: str) -> None:
        assert value([at(0, "task_success", props=props, module_id="7")], "completion_rate", 2, required=("7",)) == 1


class TestManyPeriods:
    def test_should_give_each_period_the_same_as_alone(self) -> None:
        events = random_events(11, users=4, days=12)
        days = [MONDAY + dt.timedelta(days=number) for number in range(12)]
        for grain in (Grain.DAY, Grain.WEEK):
            periods = periods_of(days, grain, NEW_YORK)
            given = {"cards": all_cards(NEW_YORK), "required": ("t1", "m1", "7"), "now": LONG_AFTER}
            together = reference_values(frame_of(events), periods=periods, **given)
            alone = [reference_values(frame_of(events), periods=[period], **given) for period in periods]
            key = ["metric", "version", "period_start_at", "person_id"]
            listed = [table.set_index(key) for table in alone]
            for table in listed:
                pd.testing.assert_frame_equal(together.set_index(key).loc[table.index], table)
            assert len(together) == sum(len(table) for table in listed)
