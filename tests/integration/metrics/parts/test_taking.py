"""Loads that landed: which days of which courses they touch, why, and what counts from then on."""

from __future__ import annotations

import threading

from sqlalchemy import update

from include.metrics.parts.snapshot import Snapshot
from include.metrics.parts.taking import TakenReport
from include.metrics.parts.touching import EVENTS
from include.state.tables import projects
from tests.metric_events import COURSE, PROJECT, REPLAY, LearningStores, golden_events, learned
from tests.user_day_runs import catch_up, forget_all, rebuild, snapshot_of, take, touched

LONE_ID = "00000000-0000-0000-0000-000000000001"


def days_of(stores: LearningStores, course: str = COURSE) -> list[str]:
    return [str(row.day) for row in touched(stores) if row.course_id == course]


def set_project_zone(stores: LearningStores, zone: str) -> None:
    with stores.state.begin() as connection:
        connection.execute(update(projects).where(projects.c.project == PROJECT).values(time_zone=zone))


class TestTakeLoads:
    def test_should_touch_the_days_of_the_events_when_a_load_has_landed(self, stores: LearningStores) -> None:
        load_id = stores.put(golden_events())
        assert take(stores) == TakenReport((load_id,), 1, 3)
        assert [(row.day.day, row.cause, row.load_ids, row.may_complete) for row in touched(stores)] == [
            (3, "late_data", (load_id,), True),
            (4, "late_data", (load_id,), False),
            (5, "late_data", (load_id,), False),
        ]

    def test_should_touch_nothing_when_it_is_called_again(self, stores: LearningStores) -> None:
        stores.put(golden_events())
        take(stores)
        before = touched(stores)
        assert take(stores) == TakenReport()
        assert touched(stores) == before

    def test_should_leave_a_load_alone_when_it_has_not_landed(self, stores: LearningStores) -> None:
        open_id = stores.put([learned("2025-03-07 10:00:00")], is_landed=False)
        closed_id = stores.put([learned("2025-03-08 10:00:00")])
        assert take(stores).load_ids == (closed_id,)
        assert days_of(stores) == ["2025-03-08"]
        assert snapshot_of(stores) == Snapshot(closed_id, (open_id,), ())
        stores.land(open_id)
        assert take(stores).load_ids == (open_id,)
        assert days_of(stores) == ["2025-03-07", "2025-03-08"]
        assert snapshot_of(stores) == Snapshot(closed_id, (), ())

    def test_should_name_the_load_when_ids_came_before(self, stores: LearningStores) -> None:
        first = learned("2025-03-07 10:00:00")
        stores.put([first])
        repeating = stores.put([first, learned("2025-03-08 10:00:00")])
        take(stores)
        assert snapshot_of(stores) == Snapshot(repeating, (), (repeating,))

    def test_should_only_note_a_load_when_its_events_belong_to_no_course(self, stores: LearningStores) -> None:
        load_id = stores.put(
            [learned("2025-03-07 10:00:00", scope_type="order"), learned("2025-03-07 10:00:00", scope_type="")]
        )
        assert take(stores) == TakenReport((load_id,), 0, 0)
        assert (touched(stores), snapshot_of(stores).frontier) == ([], load_id)

    def test_should_tell_projects_and_courses_apart_when_a_load_has_several(self, stores: LearningStores) -> None:
        stores.put(
            [
                learned("2025-03-03 10:00:00", course="a"),
                learned("2025-03-04 10:00:00", course="b"),
                learned("2025-03-05 10:00:00", course="a", project="shop"),
            ]
        )
        assert take(stores).courses == 3
        assert [(row.project, row.course_id, row.day.day) for row in touched(stores)] == [
            ("default", "a", 3),
            ("default", "b", 4),
            ("shop", "a", 5),
        ]

    def test_should_take_nothing_when_nothing_was_ever_loaded(self, stores: LearningStores) -> None:
        assert take(stores) == TakenReport()
        assert snapshot_of(stores) == Snapshot(0, (), ())

    def test_should_cut_days_in_the_zone_of_each_course_when_zones_differ(self, stores: LearningStores) -> None:
        """I16: each event touches exactly the local day it lies on."""
        stores.set_zone("Europe/Moscow", "msk")
        stores.set_zone("America/New_York", "nyc")
        for course in ("msk", "nyc", "utc"):
            stores.put([learned("2025-03-03 22:30:00", course=course), learned("2025-03-04 03:00:00", course=course)])
        take(stores)
        assert days_of(stores, "msk") == ["2025-03-04"]
        assert days_of(stores, "nyc") == ["2025-03-03"]
        assert days_of(stores, "utc") == ["2025-03-03", "2025-03-04"]

    def test_should_find_the_day_when_clocks_go_back_over_midnight(self, stores: LearningStores) -> None:
        """I16: in St. John's of 2010 the hour before midnight came twice; its second run belongs to the new day."""
        stores.set_zone("America/St_Johns")
        stores.put([learned("2010-11-07 02:29:59"), learned("2010-11-07 02:45:00"), learned("2010-11-08 03:29:59")])
        take(stores)
        assert days_of(stores) == ["2010-11-06", "2010-11-07"]

    def test_should_note_each_load_once_when_several_take_at_once(self, stores: LearningStores) -> None:
        load_ids = {stores.put([learned(f"2025-03-{day:02} 10:00:00")]) for day in range(1, 21)}
        reports: list[TakenReport] = []
        threads = [threading.Thread(target=lambda: reports.append(take(stores))) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(load_id for report in reports for load_id in report.load_ids) == sorted(load_ids)
        assert len(touched(stores)) == 20


class TestCauses:
    def test_should_say_replay_when_every_new_event_of_a_day_came_out_of_the_quarantine(
        self, stores: LearningStores
    ) -> None:
        stores.put([learned("2025-03-03 10:00:00"), learned("2025-03-04 10:00:00")], principal=REPLAY)
        stores.put([learned("2025-03-04 11:00:00")])
        take(stores)
        assert [(row.day.day, row.cause) for row in touched(stores)] == [(3, "replay"), (4, "late_data")]

    def test_should_say_late_data_when_a_replayed_day_that_waits_gets_late_events(self, stores: LearningStores) -> None:
        first = stores.put([learned("2025-03-03 10:00:00", "task_success")], principal=REPLAY)
        take(stores)
        second = stores.put([learned("2025-03-03 11:00:00")])
        take(stores)
        assert [(row.cause, row.load_ids, row.may_complete) for row in touched(stores)] == [
            ("late_data", (first, second), True)
        ]

    def test_should_say_replay_when_the_day_was_seen_to_before(self, stores: LearningStores) -> None:
        stores.put([learned("2025-03-03 10:00:00")])
        take(stores)
        forget_all(stores)
        second = stores.put([learned("2025-03-03 11:00:00")], principal=REPLAY)
        take(stores)
        assert [(row.cause, row.load_ids) for row in touched(stores)] == [("replay", (second,))]


class TestChangedZone:
    def test_should_touch_old_and_new_days_when_the_zone_of_a_course_changes(self, stores: LearningStores) -> None:
        stores.put(golden_events())
        stores.put([learned("2025-03-07 23:30:00", course="other")])
        take(stores)
        rebuild(stores, [row.day for row in touched(stores, EVENTS)])
        forget_all(stores)
        stores.set_zone("Pacific/Kiritimati")  # 14 hours ahead
        assert take(stores) == TakenReport((), 1, 4)
        assert [(row.course_id, row.day.day, row.cause, row.may_complete) for row in touched(stores)] == [
            (COURSE, 3, "definition_change", True),
            (COURSE, 4, "definition_change", True),
            (COURSE, 5, "definition_change", True),
            (COURSE, 6, "definition_change", True),
        ]

    def test_should_leave_no_row_of_the_old_zone_when_the_touched_days_are_made_anew(
        self, stores: LearningStores
    ) -> None:
        stores.put([learned("2025-03-03 10:00:00"), learned("2025-03-05 23:30:00")])
        take(stores)
        rebuild(stores, [row.day for row in touched(stores, EVENTS)])
        stores.set_zone("Europe/Moscow")
        take(stores)
        rebuild(stores, [row.day for row in touched(stores, EVENTS)])
        assert stores.user_days("toString(day), time_zone, event_count") == [
            ("2025-03-03", "Europe/Moscow", 1),
            ("2025-03-06", "Europe/Moscow", 1),
        ]

    def test_should_touch_the_old_days_when_no_event_of_the_course_is_left(self, stores: LearningStores) -> None:
        stores.put([learned("2025-03-03 10:00:00", event_id=LONE_ID)])
        catch_up(stores)
        stores.remove(LONE_ID)
        stores.set_zone("Europe/Moscow")
        take(stores)
        assert days_of(stores) == ["2025-03-03", "2025-03-03"]  # the events of a day, and the cohort
        catch_up(stores)
        assert stores.user_days() == []

    def test_should_touch_all_days_when_the_zone_of_the_project_changes(self, stores: LearningStores) -> None:
        stores.put([learned("2025-03-03 22:30:00")])
        take(stores)
        forget_all(stores)
        set_project_zone(stores, "Europe/Moscow")
        try:
            assert take(stores) == TakenReport((), 1, 1)
            assert days_of(stores) == ["2025-03-04"]
        finally:
            set_project_zone(stores, "UTC")

    def test_should_say_definition_change_when_late_events_come_at_the_same_time(self, stores: LearningStores) -> None:
        stores.put([learned("2025-03-03 10:00:00")])
        take(stores)
        forget_all(stores)
        stores.set_zone("Europe/Moscow")
        late = stores.put([learned("2025-03-03 11:00:00")])
        assert take(stores).load_ids == (late,)
        assert [(row.cause, row.load_ids) for row in touched(stores)] == [("definition_change", (late,))]
        assert take(stores) == TakenReport()
