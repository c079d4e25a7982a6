"""What a day's events add up to: given events, expected part."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from include.metrics.courses import LearningCourse
from include.metrics.parts.snapshot import Snapshot
from include.metrics.parts.sql import parts_of_events
from include.metrics.tables import KIND_COUNTS, KINDS, TIMEOUTS_SECONDS, USER_DAYS
from tests.integration.metrics.parts.part_rows import Part, chosen, parts_between, parts_of
from tests.metric_events import (
    PROJECT,
    Learned,
    LearningStores,
    golden_events,
    learned,
    person_id,
    shuffled_twice,
)

START = dt.datetime(2025, 3, 3, 10, tzinfo=dt.UTC)
FIRST_ID, SECOND_ID = str(uuid.UUID(int=1)), str(uuid.UUID(int=2**127))  # in another order by their second halves
GAPS = ("gap_capped_ms", "active_300_ms", "active_600_ms", "active_1800_ms")
TASKS = ("task_300_ms", "task_600_ms", "task_1800_ms")
SESSIONS = ("session_count", "engaged_session_count")


@pytest.fixture
def stores(stores_of_module: LearningStores) -> LearningStores:
    """Stores with the events of other tests: each has a course of its own."""
    return stores_of_module


def walk(*steps: tuple[str, int], **changes: Any) -> list[Learned]:
    """Events from 10:00 UTC: each a name and the milliseconds until the next."""
    found, at = [], START
    for name, gap_ms in steps:
        found.append(Learned(at, name, **changes))
        at += dt.timedelta(milliseconds=gap_ms)
    return found


def only(parts: list[Part]) -> Part:
    assert len(parts) == 1
    return parts[0]


class TestColumns:
    def test_should_give_the_columns_of_user_days_when_parts_are_made(self, stores: LearningStores) -> None:
        course = LearningCourse(PROJECT, "nobody's", ZoneInfo("UTC"))
        query = parts_of_events(stores.table, course, START, START + dt.timedelta(days=1), Snapshot(10))
        types = stores.warehouse.execute(f"DESCRIBE TABLE ({query.sql})", query.params)
        assert [(row[0], row[1].replace(" ", "")) for row in types] == [
            (column.name, column.type.replace(" ", "")) for column in USER_DAYS.columns
        ]

    @pytest.mark.parametrize("name", [*KINDS, "forum_post", "Page_view", ""])
    def test_should_count_the_kind_when_the_name_is_exactly_its_own(self, stores: LearningStores, name: str) -> None:
        part = only(parts_of(stores, walk((name, 0))))
        wanted = f"{name if name in KINDS else 'other'}_count"
        assert {count: part[count] for count in KIND_COUNTS} == {count: int(count == wanted) for count in KIND_COUNTS}
        assert part["event_count"] == 1


class TestOneEvent:
    def test_should_have_no_time_when_there_is_one_event(self, stores: LearningStores) -> None:
        part = only(parts_of(stores, walk(("page_view", 0))))
        assert [part[name] for name in (*GAPS, *TASKS, "task_gap_capped_ms")] == [0] * 8
        assert (part["first_at"], part["last_at"]) == (START, START)
        assert chosen([part], *SESSIONS) == [(1, 0)]

    @pytest.mark.parametrize(
        ("name", "engaged"), [("task_attempt", 1), ("task_success", 1), ("task_fail", 1), ("task_start", 0)]
    )
    def test_should_be_engaged_when_the_one_event_is_a_key_event(
        self, stores: LearningStores, name: str, engaged: int
    ) -> None:
        assert chosen(parts_of(stores, walk((name, 0))), *SESSIONS) == [(1, engaged)]


class TestL8LastEvent:
    def test_should_add_nothing_when_the_last_event_is_a_task_start(self, stores: LearningStores) -> None:
        """L8: the engine's least(1800, NULL) would be 1800."""
        part = only(parts_of(stores, walk(("page_view", 60_000), ("task_start", 0))))
        assert (part["task_gap_capped_ms"], part["gap_capped_ms"], part["is_task_start_last"]) == (0, 60_000, 1)
        assert [part[name] for name in TASKS] == [0, 0, 0]

    def test_should_add_nothing_when_the_next_event_lies_behind_midnight(self, stores: LearningStores) -> None:
        events = [learned("2025-03-03 23:59:00", "task_start"), learned("2025-03-04 00:01:00", "task_success")]
        parts = parts_of(stores, events)
        assert chosen(parts, "task_gap_capped_ms", "task_1800_ms", "is_task_start_last", "session_count") == [
            (0, 0, 1, 1),
            (0, 0, 0, 1),
        ]


class TestL9Gaps:
    """L9: a gap of exactly the time-out counts whole; a longer one is capped (version 1) or dropped (version 2)."""

    @pytest.mark.parametrize(
        ("gap_ms", "capped", "active", "sessions"),
        [
            (0, 0, (0, 0, 0), 1),
            (1, 1, (1, 1, 1), 1),
            (299_999, 299_999, (299_999,) * 3, 1),
            (300_000, 300_000, (300_000,) * 3, 1),
            (300_001, 300_001, (0, 300_001, 300_001), 1),
            (600_000, 600_000, (0, 600_000, 600_000), 1),
            (600_001, 600_001, (0, 0, 600_001), 1),
            (1_800_000, 1_800_000, (0, 0, 1_800_000), 1),
            (1_800_001, 1_800_000, (0, 0, 0), 2),
            (7_200_000, 1_800_000, (0, 0, 0), 2),
        ],
    )
    def test_should_count_a_gap_by_its_length_when_a_task_is_open(
        self, stores: LearningStores, gap_ms: int, capped: int, active: tuple[int, ...], sessions: int
    ) -> None:
        part = only(parts_of(stores, walk(("task_start", gap_ms), ("page_view", 0))))
        assert tuple(part[name] for name in GAPS) == (capped, *active)
        assert tuple(part[name] for name in TASKS) == active
        assert (part["task_gap_capped_ms"], part["session_count"]) == (capped, sessions)

    def test_should_know_the_time_outs_of_the_table_when_they_are_read(self) -> None:
        assert TIMEOUTS_SECONDS == (300, 600, 1800)


class TestOpenTask:
    @pytest.mark.parametrize(
        ("names", "minutes"),
        [
            (("task_start", "scroll", "page_view", "task_success", "scroll"), 3),
            (("task_attempt", "scroll", "task_fail", "scroll"), 2),
            (("scroll", "task_start", "task_start", "task_success"), 2),
            (("task_success", "scroll", "task_fail", "scroll"), 0),
            (("task_start", "task_success", "scroll", "task_attempt", "forum_post"), 2),
            (("page_view", "scroll", "video_play"), 0),
        ],
    )
    def test_should_count_minutes_between_start_and_end_when_steps_are_a_minute_apart(
        self, stores: LearningStores, names: tuple[str, ...], minutes: int
    ) -> None:
        part = only(parts_of(stores, walk(*((name, 60_000) for name in names))))
        assert [part[name] for name in TASKS] == [minutes * 60_000] * 3

    def test_should_close_a_task_when_a_gap_is_over_the_time_out(self, stores: LearningStores) -> None:
        """At 300 s the task is closed by the gap and stays so; at 600 s it is open throughout."""
        part = only(parts_of(stores, walk(("task_start", 300_001), ("scroll", 60_000), ("scroll", 0))))
        assert [part[name] for name in TASKS] == [0, 360_001, 360_001]

    def test_should_stay_closed_when_nothing_opens_it_after_a_gap(self, stores: LearningStores) -> None:
        steps = (
            ("task_start", 1_000),
            ("scroll", 1_800_001),
            ("scroll", 5_000),
            ("task_attempt", 7_000),
            ("scroll", 0),
        )
        part = only(parts_of(stores, walk(*steps)))
        assert [part[name] for name in TASKS] == [8_000] * 3

    def test_should_open_again_when_a_start_follows_the_gap_itself(self, stores: LearningStores) -> None:
        part = only(parts_of(stores, walk(("task_start", 1_800_001), ("task_start", 9_000), ("scroll", 0))))
        assert [part[name] for name in TASKS] == [9_000] * 3
        assert part["task_gap_capped_ms"] == 1_809_000


class TestOrder:
    """Events of one instant stand in the order of their ids as text."""

    @pytest.mark.parametrize(
        ("start_id", "success_id", "task_ms"), [(FIRST_ID, SECOND_ID, 0), (SECOND_ID, FIRST_ID, 60_000)]
    )
    def test_should_order_by_id_when_start_and_success_have_one_instant(
        self, stores: LearningStores, start_id: str, success_id: str, task_ms: int
    ) -> None:
        events = [
            Learned(START, "task_success", event_id=success_id),
            Learned(START, "task_start", event_id=start_id),
            Learned(START + dt.timedelta(minutes=1), "scroll"),
        ]
        part = only(parts_of(stores, events))
        assert [part[name] for name in (*TASKS, "task_gap_capped_ms")] == [task_ms] * 4

    def test_should_order_ids_as_texts_when_their_halves_disagree(self, stores: LearningStores) -> None:
        """ClickHouse orders UUIDs by their second half."""
        low = "00000000-0000-0001-0000-000000000000"
        high = "00000000-0000-0002-ffff-000000000000"
        swapped_low, swapped_high = "00000000-0000-0001-ffff-000000000000", "00000000-0000-0002-0000-000000000000"
        for first, second in ((low, high), (swapped_low, swapped_high)):
            events = [Learned(START, "scroll", event_id=first), Learned(START, "task_start", event_id=second)]
            assert only(parts_of(stores, events))["is_task_start_last"] == 1
            turned = [replace(events[0], name="task_start"), replace(events[1], name="scroll")]
            assert only(parts_of(stores, turned))["is_task_start_last"] == 0

    def test_should_have_no_time_when_all_events_have_one_instant(self, stores: LearningStores) -> None:
        part = only(parts_of(stores, walk(("task_start", 0), ("page_view", 0), ("page_view", 0))))
        assert [part[name] for name in (*GAPS, *TASKS)] == [0] * 7
        assert chosen([part], *SESSIONS) == [(1, 1)]

    def test_should_see_the_same_second_when_milliseconds_differ(self, stores: LearningStores) -> None:
        part = only(parts_of(stores, walk(("task_start", 250), ("task_success", 700), ("scroll", 0))))
        assert (part["task_1800_ms"], part["active_1800_ms"]) == (250, 950)


class TestSessions:
    @pytest.mark.parametrize(
        ("steps", "expected"),
        [
            ((("scroll", 10_000), ("scroll", 0)), (1, 0)),
            ((("scroll", 10_001), ("scroll", 0)), (1, 1)),
            ((("page_view", 5), ("page_view", 0)), (1, 1)),
            ((("page_view", 1_800_001), ("page_view", 0)), (2, 0)),
            ((("page_view", 1_800_000), ("page_view", 0)), (1, 1)),
            ((("task_fail", 1_800_001), ("scroll", 1_800_001), ("task_attempt", 0)), (3, 2)),
            ((("forum_post", 10_001), ("forum_post", 0)), (1, 1)),
        ],
    )
    def test_should_count_sessions_when_gaps_part_them(
        self, stores: LearningStores, steps: tuple[tuple[str, int], ...], expected: tuple[int, int]
    ) -> None:
        assert chosen(parts_of(stores, walk(*steps)), *SESSIONS) == [expected]

    def test_should_end_a_session_when_midnight_comes(self, stores: LearningStores) -> None:
        events = [learned("2025-03-03 23:59:55"), learned("2025-03-04 00:00:05")]
        assert chosen(parts_of(stores, events), *SESSIONS) == [(1, 0), (1, 0)]

    def test_should_count_other_events_only_when_a_person_does_nothing_else(self, stores: LearningStores) -> None:
        part = only(parts_of(stores, walk(("forum_post", 60_000), ("note_added", 60_000), ("forum_post", 0))))
        assert (part["event_count"], part["other_count"], part["active_300_ms"], part["task_300_ms"]) == (
            3,
            3,
            120_000,
            0,
        )


class TestItems:
    @pytest.mark.parametrize(
        ("props", "module_id", "items"),
        [
            ({"task_id": "t1"}, "m1", ["t1"]),
            ({"task_id": " t1 "}, "", [" t1 "]),
            ({"task_id": "задача"}, "", ["задача"]),
            ({"task_id": 7}, "m1", ["7"]),
            ({"task_id": -7}, "m1", ["-7"]),
            ({"task_id": 0}, "", ["0"]),
            ({"task_id": 2**63}, "", [str(2**63)]),
            ({"task_id": ""}, "m1", ["m1"]),
            ({"task_id": ""}, "", []),
            ({"task_id": 7.0}, "m1", ["m1"]),
            ({"task_id": True}, "m1", ["m1"]),
            ({"task_id": None}, "m1", ["m1"]),
            ({"task_id": {"id": "t1"}}, "m1", ["m1"]),
            ({"task_id": ["t1"]}, "", []),
            ({}, "m1", ["m1"]),
            ({}, "", []),
            ({"data": {"task_id": "t1"}}, "", []),
        ],
        ids=json.dumps,
    )
    def test_should_take_the_item_from_the_event_when_a_task_succeeds(
        self, stores: LearningStores, props: dict[str, Any], module_id: str, items: list[str]
    ) -> None:
        part = only(parts_of(stores, walk(("task_success", 0), props=props, module_id=module_id)))
        assert part["done_items"] == items

    @pytest.mark.parametrize("name", ["task_start", "task_attempt", "task_fail", "page_view", "task_succeeded"])
    def test_should_do_nothing_when_no_task_succeeds(self, stores: LearningStores, name: str) -> None:
        assert only(parts_of(stores, walk((name, 0), props={"task_id": "t1"}, module_id="m1")))["done_items"] == []

    def test_should_name_items_once_and_in_order_when_they_succeed_often(self, stores: LearningStores) -> None:
        done = [walk(("task_success", 0), props={"task_id": item})[0] for item in ("t2", "t10", "t2", "t1")]
        assert only(parts_of(stores, done))["done_items"] == ["t1", "t10", "t2"]


class TestGoldenParts:
    """L1: the parts of the golden case."""

    NUMBERS = (
        "event_count", "gap_capped_ms", "task_gap_capped_ms", "active_1800_ms", "task_1800_ms", *SESSIONS,
        "is_task_start_last", "done_items",
    )  # fmt: skip

    def test_should_be_as_in_the_specification_when_the_zone_is_utc(self, stores: LearningStores) -> None:
        parts = parts_of(stores, shuffled_twice(golden_events()))
        assert chosen(parts, *self.NUMBERS) == [
            (7, 4_020_000, 120_000, 420_000, 360_000, 3, 1, 1, ["t1"]),
            (3, 1_808_000, 0, 8_000, 0, 2, 2, 0, []),
            (1, 0, 0, 0, 0, 1, 0, 1, []),
        ]
        assert [str(part["day"]) for part in parts] == ["2025-03-03", "2025-03-04", "2025-03-05"]

    def test_should_join_the_evening_and_the_night_when_the_zone_is_moscow(self, stores: LearningStores) -> None:
        """23:50 UTC is 02:50 of the 4th in Moscow: task_start t2 and task_fail t2 share a day, 20 minutes apart."""
        parts = parts_of(stores, shuffled_twice(golden_events()), "Europe/Moscow")
        assert chosen(parts, *self.NUMBERS) == [
            (6, 2_220_000, 120_000, 420_000, 360_000, 2, 1, 0, ["t1"]),
            (4, 3_008_000, 1_200_000, 1_208_000, 1_200_000, 2, 2, 0, []),
            (1, 0, 0, 0, 0, 1, 0, 1, []),
        ]
        assert {part["time_zone"] for part in parts} == {"Europe/Moscow"}

    def test_should_differ_by_time_out_when_gaps_lie_between_them(self, stores: LearningStores) -> None:
        parts = parts_of(stores, golden_events(), "Europe/Moscow")
        names = ("active_300_ms", "active_600_ms", "active_1800_ms", *TASKS)
        assert chosen(parts, *names)[1] == (8_000, 8_000, 1_208_000, 0, 0, 1_200_000)


class TestWhichEvents:
    def test_should_count_an_event_once_when_it_was_sent_twice(self, stores: LearningStores) -> None:
        events = walk(("page_view", 1_000), ("task_start", 0))
        part = only(parts_of(stores, shuffled_twice(events)))
        assert (part["event_count"], part["gap_capped_ms"]) == (2, 1_000)

    def test_should_keep_people_apart_when_their_events_alternate(self, stores: LearningStores) -> None:
        events = [replace(event, user=f"u{place % 2}") for place, event in enumerate(walk(*[("scroll", 60_000)] * 6))]
        parts = parts_of(stores, events)
        assert {str(part["person_id"]): (part["event_count"], part["gap_capped_ms"]) for part in parts} == {
            person_id("u0"): (3, 240_000),
            person_id("u1"): (3, 240_000),
        }

    def test_should_pass_over_other_scopes_when_they_have_the_same_id(self, stores: LearningStores) -> None:
        events = walk(("page_view", 0), ("page_view", 0))
        assert only(parts_of(stores, [events[0], replace(events[1], scope_type="page")]))["event_count"] == 1

    def test_should_clip_events_when_the_interval_cuts_a_day(self, stores: LearningStores) -> None:
        """The start is inside, the end is not; the gap to what was cut off does not count."""
        events = walk(*[("page_view", 60_000)] * 5)
        parts = parts_of(stores, events, start_at=events[1].at, end_at=events[4].at)
        assert chosen(parts, "event_count", "gap_capped_ms", "first_at") == [(3, 120_000, events[1].at)]
        assert str(parts[0]["day"]) == "2025-03-03"

    def test_should_find_an_event_when_the_clock_of_its_sender_was_a_day_off(self, stores: LearningStores) -> None:
        events = [
            replace(event, occurred_at=event.at - dt.timedelta(hours=23, minutes=59)) for event in walk(("scroll", 0))
        ]
        parts = parts_of(stores, events, start_at=START, end_at=START + dt.timedelta(milliseconds=1))
        assert len(parts) == 1

    def test_should_see_one_person_when_one_is_asked_for(self, stores: LearningStores) -> None:
        stores.put([learned("2025-05-01 10:00:00", user=user, course="asked") for user in ("a", "b", "c")])
        course = LearningCourse(PROJECT, "asked", ZoneInfo("UTC"))
        month = (dt.datetime(2025, 5, 1, tzinfo=dt.UTC), dt.datetime(2025, 6, 1, tzinfo=dt.UTC))
        parts = parts_between(stores, course, *month, person_id=person_id("b"))
        assert [str(part["person_id"]) for part in parts] == [person_id("b")]

    def test_should_see_taken_loads_only_when_others_have_come_since(self, stores: LearningStores) -> None:
        loads = [stores.put([learned(f"2025-06-0{day} 10:00:00", course="loads")]) for day in (1, 2, 3)]
        course = LearningCourse(PROJECT, "loads", ZoneInfo("UTC"))
        month = (dt.datetime(2025, 6, 1, tzinfo=dt.UTC), dt.datetime(2025, 7, 1, tzinfo=dt.UTC))
        seen = {
            snapshot: [part["load_id"] for part in parts_between(stores, course, *month, snapshot)]
            for snapshot in (Snapshot(0), Snapshot(loads[1]), Snapshot(loads[2], (loads[0],)), Snapshot(loads[2]))
        }
        assert list(seen.values()) == [[], loads[:2], loads[1:], loads]
