"""User-days made anew: the same rows however often, other courses and days as they were, nothing lost on the way."""

from __future__ import annotations

import datetime as dt
import random
import threading
import uuid
from dataclasses import replace
from typing import Any

import pytest

from include.errors import StoreError
from include.metrics.parts import building
from include.metrics.parts.building import CHUNK_DAYS, RebuildReport
from include.metrics.parts.sql import Statement, parts_of_events
from include.metrics.parts.touching import COHORT
from include.metrics.periods.grains import ONE_DAY
from include.warehouse.day_swap import STAGE_MARK
from tests.metric_events import COURSE, MONDAY, LearningStores, golden_events, learned, person_id, random_events
from tests.user_day_runs import catch_up, cohort_days, forget_all, rebuild, take, touched

WEEK = [MONDAY + ONE_DAY * number for number in range(7)]


def stages(stores: LearningStores) -> list[Any]:
    return stores.rows(
        "SELECT name FROM system.tables WHERE database = %(name)s AND position(name, %(mark)s) > 0",
        name=stores.warehouse.database,
        mark=STAGE_MARK,
    )


class TestRebuildDays:
    def test_should_hold_the_parts_of_each_day_when_a_week_is_made(self, stores: LearningStores) -> None:
        stores.put(golden_events())
        take(stores)
        assert rebuild(stores, WEEK) == RebuildReport(7, 3, 11)
        assert stores.user_days("toString(day), event_count, session_count") == [
            ("2025-03-03", 7, 3),
            ("2025-03-04", 3, 2),
            ("2025-03-05", 1, 1),
        ]
        assert stages(stores) == []

    def test_should_hold_the_same_rows_when_it_is_made_again(self, stores: LearningStores) -> None:
        stores.put(random_events(1))
        catch_up(stores)
        before = stores.user_days()
        rebuild(stores, {row[3] for row in before})
        assert stores.user_days() == before
        assert len(before) > 20

    def test_should_leave_other_courses_and_projects_when_a_day_is_made(self, stores: LearningStores) -> None:
        for seed, (course, project) in enumerate((("a", "default"), ("b", "default"), ("a", "shop"))):
            stores.put(random_events(seed, course=course, project=project))
        catch_up(stores)
        others = stores.user_days("*", "b"), stores.rows("SELECT * FROM user_days WHERE project = 'shop' ORDER BY ALL")
        stores.put([learned("2025-03-04 10:00:00", user=f"new {number}", course="a") for number in range(50)])
        take(stores)
        assert rebuild(stores, WEEK, "a").rows > 50
        assert (
            stores.user_days("*", "b"),
            stores.rows("SELECT * FROM user_days WHERE project = 'shop' ORDER BY ALL"),
        ) == others

    def test_should_leave_other_days_when_only_some_are_made(self, stores: LearningStores) -> None:
        stores.put(golden_events())
        catch_up(stores)
        stores.put([learned(f"2025-03-0{day} 15:00:00") for day in (3, 4, 5)])
        take(stores)
        rebuild(stores, [dt.date(2025, 3, 3), dt.date(2025, 3, 5)])
        assert [count for (count,) in stores.user_days("event_count")] == [8, 3, 2]

    def test_should_lose_the_row_when_the_events_of_a_person_are_gone(self, stores: LearningStores) -> None:
        """L6."""
        events = golden_events()
        stores.put([*events, learned("2025-03-03 10:00:00", user="u2")])
        catch_up(stores)
        stores.remove(*(event.event_id for event in events))
        assert rebuild(stores, WEEK) == RebuildReport(7, 1, 1)
        assert stores.user_days("toString(person_id)") == [(person_id("u2"),)]

    def test_should_drop_the_partition_when_a_day_has_no_events_any_more(self, stores: LearningStores) -> None:
        events = golden_events()
        stores.put(events)
        catch_up(stores)
        stores.remove(*(event.event_id for event in events))
        assert rebuild(stores, WEEK) == RebuildReport(7, 0, 0)
        assert stores.user_days() == []

    def test_should_pass_over_events_when_their_load_is_open(self, stores: LearningStores) -> None:
        stores.put([learned("2025-03-03 10:00:00")], is_landed=False)
        stores.put([learned("2025-03-03 11:00:00")])
        catch_up(stores)
        assert stores.user_days("event_count") == [(1,)]

    def test_should_add_a_late_event_to_its_day_when_its_load_was_taken(self, stores: LearningStores) -> None:
        """L4: the part is made of all events of the day, not of the new ones."""
        stores.put(golden_events())
        catch_up(stores)
        late = stores.put([learned("2025-03-05 12:00:30", "task_success", props={"task_id": "t2"})])
        catch_up(stores)
        assert stores.user_days("toString(day), event_count, task_gap_capped_ms, done_items, load_id")[-1] == (
            "2025-03-05", 2, 30_000, ["t2"], late,
        )  # fmt: skip

    def test_should_do_nothing_when_no_days_are_asked_for(self, stores: LearningStores) -> None:
        assert rebuild(stores, []) == RebuildReport()

    def test_should_keep_all_days_when_there_are_more_than_are_staged_at_a_time(self, stores: LearningStores) -> None:
        days = 2 * CHUNK_DAYS + 5
        stores.put(random_events(3, users=3, days=days, events_per_day=3))
        take(stores)
        rebuild(stores, [MONDAY + ONE_DAY * number for number in range(days)])
        at_once = stores.user_days()
        for number in (0, CHUNK_DAYS - 1, CHUNK_DAYS, 2 * CHUNK_DAYS, days - 1):
            rebuild(stores, [MONDAY + ONE_DAY * number])
        assert stores.user_days() == at_once
        assert len({row[3] for row in at_once}) > CHUNK_DAYS

    def test_should_be_without_events_when_the_zone_left_the_day_out(self, stores: LearningStores) -> None:
        """Samoa had no 30 December 2011."""
        stores.set_zone("Pacific/Apia")
        stores.put([learned("2011-12-30 09:59:59"), learned("2011-12-30 10:00:00")])
        take(stores)
        assert rebuild(stores, [dt.date(2011, 12, 30)]) == RebuildReport(1, 0, 0)
        assert rebuild(stores, [dt.date(2011, 12, day) for day in (29, 30, 31)]) == RebuildReport(3, 2, 2)
        assert stores.user_days("toString(day)") == [("2011-12-29",), ("2011-12-31",)]

    def test_should_keep_projects_apart_when_their_names_have_equal_letters(self, stores: LearningStores) -> None:
        for project in ("a-b", "a.b", "ab"):
            stores.put([learned("2025-03-03 10:00:00", project=project)])
        catch_up(stores)
        assert stores.user_days("project, event_count") == [("a-b", 1), ("a.b", 1), ("ab", 1)]

    def test_should_make_the_days_when_names_look_like_sql(self, stores: LearningStores) -> None:
        names = ("it's", "50% \\ `off`", "курс")
        for name in names:
            stores.put([learned("2025-03-03 10:00:00", project=name, course=name)])
        catch_up(stores)
        catch_up(stores)
        assert stores.user_days("project, course_id, event_count") == sorted((name, name, 1) for name in names)


class TestI10Counts:
    """I10: events in are events out, or nothing is swapped."""

    def test_should_swap_nothing_when_the_staged_parts_lack_an_event(
        self, stores: LearningStores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stores.put(golden_events())
        catch_up(stores)
        before = stores.user_days()
        stores.put([learned("2025-03-03 23:59:59.999")])
        take(stores)

        def cut(*arguments: Any, **how: Any) -> Statement:
            table, course, start_at, end_at, snapshot = arguments
            return parts_of_events(table, course, start_at, end_at - dt.timedelta(milliseconds=1), snapshot, **how)

        monkeypatch.setattr(building, "parts_of_events", cut)
        with pytest.raises(StoreError, match="staged events 7 of 8"):
            rebuild(stores, [MONDAY])
        assert (stores.user_days(), stages(stores)) == (before, [])


class TestCopies:
    """Rows of one event: equal ones, which a killed loader leaves, and others, when its id was forgotten meanwhile."""

    def test_should_count_each_event_once_when_a_load_was_inserted_again(self, stores: LearningStores) -> None:
        load_id = stores.put(random_events(7, users=5, days=3))
        catch_up(stores)
        once = stores.user_days()
        stores.insert_again(load_id)
        rebuild(stores, [MONDAY + dt.timedelta(days=offset) for offset in range(3)])
        assert once
        assert stores.user_days() == once

    @pytest.mark.parametrize("is_merged", [True, False], ids=["merged", "apart"])
    def test_should_keep_the_first_copy_when_a_later_one_differs(
        self, stores: LearningStores, *, is_merged: bool
    ) -> None:
        event_id = "00000000-0000-0000-0000-000000000009"
        first, later = (dt.datetime(2025, 3, day, 12, tzinfo=dt.UTC) for day in (3, 20))
        stores.put([learned("2025-03-03 10:00:00", "task_success", event_id=event_id, received_at=first)])
        catch_up(stores)
        before = stores.user_days("* EXCEPT load_id")
        changed = learned("2025-03-03 10:00:07", "task_success", event_id=event_id, received_at=later)
        stores.put([replace(changed, props={"task_id": "other"}), learned("2025-03-03 11:00:00", user="u2")])
        if is_merged:
            stores.warehouse.execute(f"OPTIMIZE TABLE {stores.table} FINAL")
        catch_up(stores)
        assert stores.user_days("* EXCEPT load_id")[: len(before)] == before
        assert len(stores.user_days()) == 2


class TestCohorts:
    """Days that somebody's first day moves from or to, for cohorts of retention."""

    @pytest.fixture
    def stores(self, stores: LearningStores) -> LearningStores:
        stores.put([learned("2025-03-05 10:00:00", event_id="00000000-0000-0000-0000-000000000005")])
        stores.put([learned("2025-03-07 10:00:00"), learned("2025-03-04 10:00:00", user="u2")])
        catch_up(stores)
        forget_all(stores)
        return stores

    def test_should_note_both_days_when_a_first_day_moves_back(self, stores: LearningStores) -> None:
        late = stores.put([learned("2025-03-03 10:00:00", "task_success")])
        catch_up(stores)
        assert [(row.day.day, row.cause, row.load_ids, row.may_complete) for row in touched(stores)] == [
            (3, "late_data", (late,), False),
            (5, "late_data", (late,), False),
        ]

    def test_should_note_both_days_when_the_first_day_loses_its_events(self, stores: LearningStores) -> None:
        stores.remove("00000000-0000-0000-0000-000000000005")
        rebuild(stores, [dt.date(2025, 3, 5)])
        assert cohort_days(stores) == ["2025-03-05", "2025-03-07"]
        assert {row.cause for row in touched(stores, COHORT)} == {"recalculation"}

    def test_should_note_the_day_when_somebody_comes_for_the_first_time(self, stores: LearningStores) -> None:
        stores.put([learned("2025-03-06 10:00:00", user="u3")])
        catch_up(stores)
        assert cohort_days(stores) == ["2025-03-06"]

    def test_should_note_nothing_when_only_later_days_change(self, stores: LearningStores) -> None:
        stores.put([learned("2025-03-06 10:00:00"), learned("2025-03-05 11:00:00"), learned("2025-03-07 11:00:00")])
        catch_up(stores)
        assert cohort_days(stores) == []

    def test_should_note_nothing_when_another_course_changes(self, stores: LearningStores) -> None:
        stores.put([learned("2025-03-01 10:00:00", course="other")])
        catch_up(stores)
        assert (cohort_days(stores), cohort_days(stores, "other")) == ([], ["2025-03-01"])


class TestAtOnce:
    def test_should_keep_both_courses_when_two_are_made_on_one_day_at_once(self, stores: LearningStores) -> None:
        courses = ("a", "b", "c")
        for number, course in enumerate(courses):
            stores.put(random_events(number, course=course, days=5))
        take(stores)
        days = sorted({row.day for row in touched(stores)})
        barrier, failures = threading.Barrier(len(courses)), list[BaseException]()

        def make(course: str) -> None:
            try:
                for _ in range(2):
                    barrier.wait(30)
                    rebuild(stores, days, course)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=make, args=(course,)) for course in courses]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        found = stores.user_days()
        for course in courses:
            rebuild(stores, days, course)
        assert stores.user_days() == found
        assert {row[1] for row in found} == set(courses)


def neighbour(event_id: str) -> str:
    """Another id at the same place of the order."""
    return str(uuid.UUID(int=uuid.UUID(event_id).int ^ 1))


class TestI11AnyOrder:
    """I11: parts do not depend on how events came, nor on the order in which days are made."""

    @pytest.mark.parametrize("seed", range(3))
    def test_should_hold_the_same_rows_when_events_come_in_other_loads(self, stores: LearningStores, seed: int) -> None:
        rng = random.Random(seed)
        zone = rng.choice(["UTC", "Europe/Moscow", "America/New_York"])
        events = random_events(seed, users=4, days=8)
        for course in (COURSE, "split"):
            stores.set_zone(zone, course)
        stores.put(events)
        catch_up(stores)
        rest = [replace(event, course="split", event_id=neighbour(event.event_id)) for event in events]
        rng.shuffle(rest)
        while rest:
            size = rng.randint(20, 120)
            stores.put([*rest[:size], *rng.sample(rest[:size], min(3, size))])  # some of them twice
            rest = rest[size:]
            take(stores)
            for day in rng.sample(days := sorted({row.day for row in touched(stores)}), rng.randint(1, len(days))):
                rebuild(stores, [day], "split")
        catch_up(stores)
        columns = "* EXCEPT (course_id, load_id)"
        assert stores.user_days(columns, "split") == stores.user_days(columns, COURSE)
        assert sum(count for (count,) in stores.user_days("event_count", "split")) == len(events)
