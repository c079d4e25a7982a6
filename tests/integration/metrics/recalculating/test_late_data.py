"""L4, L6, I10: what late, moved and removed events do to values of periods that were closed."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.metric_events import COURSE, MONDAY, golden_events, learned
from tests.metric_runs import CLOSED, MetricRuns

LATE_DAY = dt.date(2025, 3, 6)
LATE = (
    learned("2025-03-06 10:00:00", "task_attempt", props={"task_id": "t3"}),
    learned("2025-03-06 10:05:00", "task_success", props={"task_id": "t3"}),
)
GRAINS = ("day", "week", "month")


@pytest.fixture
def closed(runs: MetricRuns) -> MetricRuns:
    """The golden week of u1 and a page of u2, calculated when everything was closed."""
    runs.stores.set_zone("UTC")
    runs.stores.require()
    runs.stores.put(
        [*golden_events(), learned("2025-03-03 09:00:00", user="u2"), learned("2025-03-06 09:00:00", user="u2")]
    )
    runs.run(run_id="first")
    assert runs.restatements() == []
    return runs


class TestL4LateEvent:
    """A late event into a closed week: parts, week and month change; one restatement each; the sums hold."""

    def test_should_restate_every_changed_value_once_when_events_come_late(self, closed: MetricRuns) -> None:
        before = closed.values()
        load_id = closed.stores.put(LATE)
        report = closed.run(run_id="late")
        after = closed.values()
        changed = {key for key in before if before[key].value != after[key].value}
        first = {key for key in after if key not in before}
        restated = closed.restatements()
        assert changed
        assert {one.key for one in restated} == changed | {
            # Of a day that was never calculated for u1 but existed: its slices had u2 in them.
            key
            for key in first
            if key.start_at == dt.datetime(2025, 3, 6, tzinfo=dt.UTC) and after[key].value is not None
        }
        assert len(restated) == len({one.key for one in restated}) == report.restated
        assert {(one.cause, one.load_ids, one.run_id) for one in restated} == {("late_data", (load_id,), "late")}
        closed.assert_explained()

    @pytest.mark.parametrize("grain", GRAINS)
    def test_should_change_parts_day_week_and_month_when_events_come_late(self, closed: MetricRuns, grain: str) -> None:
        before = closed.value("engagement_score", 1, grain, "u1", start_at=_start_of(grain))
        closed.stores.put(LATE)
        closed.run()
        after = closed.value("engagement_score", 1, grain, "u1", start_at=_start_of(grain))
        assert after is not None
        assert after.value == pytest.approx((before.value if before and before.value else 0.0) + 4.5)
        assert closed.stores.rows(
            "SELECT event_count FROM user_days WHERE day = %(day)s AND task_success_count = 1", day=LATE_DAY
        ) == [(2,)]

    def test_should_say_old_and_new_when_a_week_is_restated(self, closed: MetricRuns) -> None:
        closed.stores.put(LATE)
        closed.run()
        (one,) = closed.restatements(metric="completion_rate", version=2, grain="week", user="u1")
        assert (one.old_value, one.new_value, one.old_sample_n, one.new_sample_n) == (0.25, 0.5, 4, 4)

    def test_should_leave_other_people_alone_when_one_person_is_late(self, closed: MetricRuns) -> None:
        before = closed.values(user="u2")
        closed.stores.put(LATE)
        closed.run()
        assert closed.values(user="u2") == before
        assert closed.restatements(user="u2") == []

    def test_should_restate_nothing_when_the_week_is_open_or_provisional(self, runs: MetricRuns) -> None:
        runs.stores.put(golden_events())
        week_end = dt.datetime(2025, 3, 10, tzinfo=dt.UTC)
        runs.run(now=dt.datetime(2025, 3, 5, 23, tzinfo=dt.UTC))
        runs.stores.put([learned("2025-03-09 10:00:00", "scroll"), learned("2025-03-08 10:00:00", "scroll")])
        report = runs.run(now=week_end + dt.timedelta(hours=47, minutes=59))
        assert report.changed > 0
        assert [one for one in runs.restatements() if one.key.grain == "week"] == []
        runs.stores.put([learned("2025-03-09 11:00:00", "scroll")])
        runs.run(now=week_end + dt.timedelta(hours=48))
        assert runs.restatements(metric="engagement_score", version=1, grain="week")

    def test_should_name_replay_when_events_come_from_the_quarantine(self, closed: MetricRuns) -> None:
        load_id = closed.stores.put(LATE, principal="replay")
        closed.run()
        assert {(one.cause, one.load_ids) for one in closed.restatements()} == {("replay", (load_id,))}

    def test_should_change_nothing_when_copies_come_late(self, closed: MetricRuns) -> None:
        before, rows = closed.values(), closed.stored_rows()
        closed.stores.put(golden_events(received_at=CLOSED))
        report = closed.run()
        assert report.slices > 0
        assert (closed.values(), closed.stored_rows(), closed.restatements()) == (before, rows, [])


class TestL6PersonEmptied:
    """A person without events any more loses every row, and each of them is restated to NULL."""

    def test_should_restate_to_null_when_a_person_vanishes(self, closed: MetricRuns) -> None:
        before = closed.values(user="u1")
        others = closed.values(user="u2")
        closed.stores.remove(*(event.event_id for event in golden_events()))
        days = tuple(MONDAY + dt.timedelta(days=offset) for offset in range(3))
        report = closed.run(courses=(COURSE,), days=days, cause="deletion", run_id="deleted")
        assert closed.values(user="u1") == {}
        assert closed.values(user="u2") == others
        known = {key: found for key, found in before.items() if found.value is not None}
        restated = closed.restatements()
        assert {one.key for one in restated} == set(known)
        assert {(one.new_value, one.new_sample_n, one.cause) for one in restated} == {(None, 0, "deletion")}
        assert {one.key: (one.old_value, one.old_sample_n) for one in restated} == {
            key: (found.value, found.sample_n) for key, found in known.items()
        }
        assert report.vanished == len(before)
        closed.assert_explained()

    def test_should_restate_from_null_when_the_person_comes_back(self, closed: MetricRuns) -> None:
        before = closed.values()
        closed.stores.remove(*(event.event_id for event in golden_events()))
        days = tuple(MONDAY + dt.timedelta(days=offset) for offset in range(3))
        closed.run(courses=(COURSE,), days=days, cause="deletion")
        closed.stores.put(golden_events())
        closed.run()
        assert closed.values() == before
        back = [one for one in closed.restatements() if one.cause == "late_data"]
        assert {(one.old_value, one.old_sample_n) for one in back} == {(None, 0)}
        closed.assert_explained()

    def test_should_keep_an_empty_slice_when_nobody_is_left(self, closed: MetricRuns) -> None:
        closed.stores.remove(*(event.event_id for event in golden_events()))
        closed.run(courses=(COURSE,), days=(dt.date(2025, 3, 5),), cause="deletion")
        slices = closed.slices()
        counts = {count for key, (count, _) in slices.items() if key[5] == dt.datetime(2025, 3, 5, tzinfo=dt.UTC)}
        assert counts == {0}


class TestFirstDayMoves:
    """Retention of other periods follows when somebody's first day becomes another one."""

    def test_should_change_the_old_cohort_when_an_earlier_event_comes(self, closed: MetricRuns) -> None:
        assert closed.value("retention", 2, "week", "u1") is not None
        closed.stores.put([learned("2025-02-26 10:00:00")])
        closed.run()
        weeks = closed.values(metric="retention", version=2, grain="week", user="u1")
        assert {(key.start_at.date(), found.value) for key, found in weeks.items()} == {
            (dt.date(2025, 2, 24), 1.0)  # back after seven days, on the fifth of March
        }
        (gone,) = closed.restatements(metric="retention", version=2, grain="week", user="u1")
        assert (gone.key.start_at.date(), gone.new_value, gone.new_sample_n) == (MONDAY, None, 0)

    def test_should_move_the_cohort_back_when_the_first_event_is_deleted(self, closed: MetricRuns) -> None:
        early = learned("2025-02-26 10:00:00")
        before = closed.values()
        closed.stores.put([early])
        closed.run()
        closed.stores.remove(early.event_id)
        closed.run(courses=(COURSE,), days=(dt.date(2025, 2, 26),), cause="deletion")
        assert closed.values() == before
        closed.assert_explained()

    def test_should_change_the_cohort_of_seven_days_ago_when_a_day_of_return_comes_late(
        self, closed: MetricRuns
    ) -> None:
        day_value = closed.value("retention", 2, "day", "u1")
        assert day_value is not None
        assert day_value.value == 0.0
        load_id = closed.stores.put([learned("2025-03-10 12:00:00")])
        closed.run()
        day_value = closed.value("retention", 2, "day", "u1")
        assert day_value is not None
        assert day_value.value == 1.0
        restated = closed.restatements(metric="retention", version=2, user="u1")
        assert {(one.key.grain, one.key.start_at.date()) for one in restated} == {
            ("day", MONDAY), ("week", MONDAY), ("month", dt.date(2025, 3, 1)),
        }  # fmt: skip
        assert {(one.cause, one.load_ids) for one in restated} == {("late_data", (load_id,))}

    def test_should_change_every_earlier_cohort_when_retention_is_unbounded(self, runs: MetricRuns) -> None:
        unbounded = runs.with_settings(retention_kind="unbounded")
        runs.stores.put(golden_events())
        unbounded.run()
        runs.stores.put([learned("2025-04-20 12:00:00")])
        unbounded.run()
        week = unbounded.value("retention", 2, "week", "u1", start_at=_start_of("week"))
        assert week is not None
        assert week.value == 1.0
        exact_digests = {key.digest for key in runs.values(metric="retention", version=2)}
        assert len(exact_digests) == 1  # nothing of the other definition came to be


class TestLaterCompletion:
    def test_should_change_later_periods_when_a_success_comes_late(self, closed: MetricRuns) -> None:
        before = closed.values(metric="completion_rate", version=2, grain="day", user="u1")
        closed.stores.put([learned("2025-02-10 10:00:00", "task_success", props={"task_id": "t4"})])
        closed.run()
        after = closed.values(metric="completion_rate", version=2, grain="day", user="u1")
        assert {after[key].value - found.value for key, found in before.items() if found.value is not None} == {0.25}
        assert len(closed.restatements(metric="completion_rate", version=2, grain="day", user="u1")) == len(before)

    def test_should_change_later_and_free_periods_when_a_success_is_deleted(self, closed: MetricRuns) -> None:
        bounds = (dt.datetime(2025, 3, 4, 7, tzinfo=dt.UTC), dt.datetime(2025, 3, 7, 7, tzinfo=dt.UTC))
        closed.run(courses=(COURSE,), bounds=bounds, metrics=("completion",), versions=(2,))
        closed.stores.remove(golden_events()[4].event_id)  # the success of Monday
        closed.run(courses=(COURSE,), days=(MONDAY,), metrics=("retention",), versions=(1,), cause="deletion")
        known = closed.values(metric="completion_rate", version=2, user="u1")
        assert {(key.grain, found.value) for key, found in known.items()} == {
            ("day", 0.0), ("week", 0.0), ("month", 0.0), ("custom", 0.0),
        }  # fmt: skip
        told = closed.restatements(metric="completion_rate", version=2, user="u1")
        assert {one.key for one in told} == set(known)
        assert {one.cause for one in told} == {"deletion"}

    def test_should_leave_later_periods_alone_when_nothing_can_have_been_completed(self, closed: MetricRuns) -> None:
        closed.stores.put([learned("2025-02-10 10:00:00", "page_view")])
        report = closed.run()
        begun = {key[5].date() for key in closed.slices()} & {dt.date(2025, 2, 10), dt.date(2025, 2, 1)}
        assert len(begun) == 2
        # The day, week and month of the event, and the cohort that the first day left.
        assert report.slices == 11 + 12 + 12 + 3


class TestFreePeriods:
    """Free periods are calculated again when a late event falls into them."""

    BOUNDS = (dt.datetime(2025, 3, 3, 10, 30, tzinfo=dt.UTC), dt.datetime(2025, 3, 7, 9, 15, tzinfo=dt.UTC))

    def test_should_restate_a_free_period_when_a_late_event_falls_into_it(self, closed: MetricRuns) -> None:
        closed.run(courses=(COURSE,), bounds=self.BOUNDS, metrics=("engagement_score",), versions=(1,))
        before = closed.value("engagement_score", 1, "custom", "u1")
        load_id = closed.stores.put(LATE)
        closed.run()
        after = closed.value("engagement_score", 1, "custom", "u1")
        assert before is not None
        assert after is not None
        assert (before.value, after.value) == (7.0, 11.5)
        (one,) = closed.restatements(grain="custom")
        assert (one.cause, one.load_ids) == ("late_data", (load_id,))

    def test_should_change_the_completion_of_a_later_free_period_when_a_success_comes_late(
        self, closed: MetricRuns
    ) -> None:
        closed.run(courses=(COURSE,), bounds=self.BOUNDS)
        closed.stores.put([learned("2025-02-10 10:00:00", "task_success", props={"task_id": "t4"})])
        closed.run()
        found = closed.value("completion_rate", 2, "custom", "u1")
        assert found is not None
        assert found.value == 0.5

    def test_should_calculate_only_what_was_asked_for_when_a_period_is_free(self, closed: MetricRuns) -> None:
        closed.run(courses=(COURSE,), bounds=self.BOUNDS, metrics=("focus_ratio", "completion"), versions=(2,))
        made = {key[1:3] for key in closed.slices() if key[4] == "custom"}
        assert made == {("focus_ratio", 2), ("completion_rate", 2)}

    def test_should_use_the_name_of_the_grain_when_bounds_are_those_of_a_week(self, closed: MetricRuns) -> None:
        bounds = (dt.datetime(2025, 3, 3, tzinfo=dt.UTC), dt.datetime(2025, 3, 10, tzinfo=dt.UTC))
        before = closed.stored_rows()
        report = closed.run(courses=(COURSE,), bounds=bounds)
        assert (report.slices, report.new_slices, report.changed) == (12, 0, 0)
        assert closed.stored_rows() == before


def _start_of(grain: str) -> dt.datetime:
    """The period of a grain that holds the late day."""
    first = {"day": LATE_DAY, "week": MONDAY, "month": dt.date(2025, 3, 1)}[grain]
    return dt.datetime.combine(first, dt.time(), dt.UTC)
