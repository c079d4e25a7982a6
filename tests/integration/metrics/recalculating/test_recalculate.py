"""The recalculation job: running again, backfills, time passing, zones, and courses that do not exist."""

from __future__ import annotations

import datetime as dt
import logging

import pytest
from sqlalchemy import update

from include.days import iter_days
from include.errors import InputError, MetricsDisagree
from include.state.tables import metric_courses, metric_slices
from tests.metric_events import COURSE, MONDAY, golden_events, learned, random_events, shuffled_twice
from tests.metric_runs import CLOSED, MetricRuns, fresh_values

DAYS = tuple(MONDAY + dt.timedelta(days=offset) for offset in range(3))


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[arg-type]


@pytest.fixture
def golden(runs: MetricRuns) -> MetricRuns:
    runs.stores.set_zone("UTC")
    runs.stores.require()
    runs.stores.put(shuffled_twice(golden_events()))
    return runs


class TestRunAgain:
    """X6: running again changes nothing."""

    def test_should_leave_every_row_alone_when_run_twice(self, golden: MetricRuns) -> None:
        golden.run()
        rows, slices = golden.stored_rows(), golden.slices()
        report = golden.run(courses=(COURSE,), days=DAYS, run_id="again")
        assert (report.days, report.slices, report.new_slices) == (3, 11 * 3 + 12 * 2, 0)
        assert (report.changed, report.restated, report.vanished) == (0, 0, 0)
        assert golden.stored_rows() == rows
        assert golden.slices() == slices

    def test_should_do_nothing_when_nothing_has_come(self, golden: MetricRuns) -> None:
        golden.run()
        report = golden.run()
        assert (report.loads, report.courses, report.slices) == (0, (), 0)
        assert golden.waiting_days() == []

    def test_should_say_what_it_did_when_asked(self, golden: MetricRuns, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO):
            report = golden.run()
        assert (report.loads, report.courses, report.days, report.user_days, report.events) == (
            1, ("default/c1",), 3, 3, 11,
        )  # fmt: skip
        assert (report.slices, report.new_slices, report.values, report.changed) == (
            57,
            57,
            report.values,
            report.values,
        )
        assert report.compared == report.values > 0
        assert "course default/c1: days 3, user-days 3 of events 11, slices 57 (new 57)" in caplog.text


class TestBackfill:
    def test_should_give_the_same_when_a_range_is_calculated_day_by_day(self, runs: MetricRuns) -> None:
        runs.stores.set_zone("Europe/Moscow")
        runs.stores.require(("t1", "t2"))
        runs.stores.put(random_events(5, users=6, days=6))
        days = tuple(iter_days(MONDAY - dt.timedelta(days=1), MONDAY + dt.timedelta(days=7)))
        at_once = fresh_values(runs, days, now=CLOSED)
        slices = runs.slices()
        fresh_values(runs, (), now=CLOSED)
        with runs.stores.state.begin() as connection:
            connection.execute(metric_slices.delete().where(metric_slices.c.row_count == 0))
        for day in days:
            runs.run(courses=(COURSE,), days=(day,))
        assert runs.values() == at_once
        assert runs.slices() == slices
        assert runs.restatements() == []

    def test_should_build_lost_user_days_again_when_a_day_is_named(self, golden: MetricRuns) -> None:
        golden.run()
        before, parts = golden.values(), golden.stores.user_days()
        golden.stores.warehouse.execute("TRUNCATE TABLE user_days")
        report = golden.run(courses=(COURSE,), days=DAYS)
        assert report.changed == 0
        assert golden.stores.user_days() == parts
        assert golden.values() == before

    def test_should_calculate_only_named_metrics_when_days_are_named(self, golden: MetricRuns) -> None:
        golden.run()
        report = golden.run(courses=(COURSE,), days=DAYS[:1], metrics=("engagement", "retention"), versions=(1,))
        assert report.slices == 1 + 2 + 2  # version 1 of retention knows no days

    def test_should_store_empty_slices_when_nobody_was_there(self, golden: MetricRuns) -> None:
        golden.run()
        report = golden.run(courses=(COURSE,), days=(dt.date(2025, 5, 5),))
        assert (report.new_slices, report.values) == (35, 0)

    def test_should_store_empty_slices_when_the_period_is_in_the_future(self, golden: MetricRuns) -> None:
        report = golden.run(courses=(COURSE,), bounds=(utc(2029, 1, 1), utc(2029, 1, 8)))
        assert report.new_slices == 57 + 12
        assert {count for key, (count, _) in golden.slices().items() if key[5] == utc(2029, 1, 1)} == {0}

    def test_should_calculate_a_registered_course_when_it_has_no_events(self, runs: MetricRuns) -> None:
        runs.stores.set_zone("UTC", course="silent")
        report = runs.run(courses=("silent",), days=(MONDAY,))
        assert (report.courses, report.new_slices, report.values) == (("default/silent",), 35, 0)


class TestTimePasses:
    """Values that change without an event, because a day begins or ends."""

    def test_should_close_retention_when_the_day_of_return_has_ended(self, golden: MetricRuns) -> None:
        golden.run(now=utc(2025, 3, 10, 12))
        week = golden.value("retention", 2, "week", "u1")
        assert week is not None
        assert (week.value, week.null_reason, week.sample_n) == (None, "not_closed", 0)
        assert golden.run(now=utc(2025, 3, 10, 23, 59)).slices == 0
        report = golden.run(now=utc(2025, 3, 11))
        week = golden.value("retention", 2, "week", "u1")
        assert week is not None
        assert (week.value, week.null_reason, week.sample_n) == (0.0, "", 1)
        assert report.changed > 0
        days = [one for one in golden.restatements() if one.key.grain == "day"]
        assert {(one.key.metric, one.key.version, one.old_value, one.new_value, one.cause) for one in days} == {
            ("retention", 2, None, 0.0, "day_closed")
        }

    def test_should_ask_for_no_more_calculation_when_everything_is_closed(self, golden: MetricRuns) -> None:
        golden.run(now=CLOSED)
        assert {change for _, change in golden.slices().values()} == {None}

    def test_should_lower_activity_when_days_of_an_open_week_begin(self, golden: MetricRuns) -> None:
        shares = []
        for day in range(5, 11):
            golden.run(now=utc(2025, 3, day, 12))
            found = golden.value("activity_index", 2, "week", "u1")
            assert found is not None
            shares.append((found.numerator, found.denominator, found.sample_n))
        assert shares == [(3.0, float(begun), begun) for begun in (3, 4, 5, 6, 7, 7)]
        assert golden.restatements() == []

    def test_should_keep_other_metrics_alone_when_only_a_day_has_begun(self, golden: MetricRuns) -> None:
        golden.run(now=utc(2025, 3, 5, 12))
        report = golden.run(now=utc(2025, 3, 6, 12))
        assert report.days == 0
        assert report.slices == 2  # activity, version 2, of the week and of the month


class TestZones:
    def test_should_make_new_slices_and_leave_the_old_when_the_zone_changes(self, golden: MetricRuns) -> None:
        golden.run()
        before = golden.values()
        golden.stores.set_zone("Europe/Moscow")
        report = golden.run()
        after = golden.values()
        assert report.new_slices > 0
        assert golden.restatements() == []
        assert {key: found for key, found in after.items() if key in before} == before
        week = golden.value("time_on_task", 2, "week", "u1", start_at=utc(2025, 3, 2, 21))
        assert week is not None
        assert (week.value, week.by_timeout) == (1560.0, (360.0, 360.0, 1560.0))

    def test_should_keep_to_the_new_zone_when_events_come_later(self, golden: MetricRuns) -> None:
        golden.run()
        golden.stores.set_zone("Europe/Moscow")
        golden.run()
        old = golden.values(start_at=utc(2025, 3, 3))
        golden.stores.put([learned("2025-03-06 10:00:00", "scroll")])
        golden.run()
        assert golden.values(start_at=utc(2025, 3, 3)) == old
        assert {one.key.start_at.hour for one in golden.restatements()} == {21}

    def test_should_calculate_a_free_period_under_the_new_zone_when_it_changes(self, golden: MetricRuns) -> None:
        golden.run(courses=(COURSE,), bounds=(utc(2025, 3, 3, 1), utc(2025, 3, 5, 1)))
        golden.stores.set_zone("America/New_York")
        golden.run()
        digests = {key.digest for key in golden.values(metric="activity_index", version=1, grain="custom")}
        assert len(digests) == 2

    def test_should_leave_open_slices_of_the_old_zone_alone_when_time_passes(self, golden: MetricRuns) -> None:
        golden.run(now=utc(2025, 3, 5, 12))
        golden.stores.set_zone("Europe/Moscow")
        golden.run(now=utc(2025, 3, 5, 13))
        old = golden.values(start_at=utc(2025, 3, 3))
        golden.run(now=utc(2025, 4, 5))
        assert golden.values(start_at=utc(2025, 3, 3)) == old
        assert golden.run(now=utc(2025, 4, 6)).courses == ()

    def test_should_wait_for_the_next_run_when_the_zone_was_set_after_loads_were_taken(
        self, golden: MetricRuns
    ) -> None:
        golden.run()
        with golden.stores.state.begin() as connection:  # as take_loads left it: the days are still those of UTC
            connection.execute(update(metric_courses).values(time_zone="UTC"))
        before = golden.values()
        report = golden.run(courses=(COURSE,), days=DAYS)
        assert report.changed == 0
        assert golden.values() == before


class TestSettings:
    def test_should_make_other_slices_when_the_days_of_retention_change(self, golden: MetricRuns) -> None:
        golden.run()
        golden.with_settings(retention_days=2).run(courses=(COURSE,), days=DAYS)
        found = {found.value for found in golden.values(metric="retention", version=2, grain="week").values()}
        assert found == {0.0, 1.0}
        assert golden.restatements() == []


class TestWhichCourses:
    def test_should_refuse_a_course_that_nobody_knows(self, golden: MetricRuns) -> None:
        with pytest.raises(InputError, match="There is no course 'c9'") as caught:
            golden.run(courses=("c9",), days=DAYS)
        assert caught.value.code == "course_unknown"

    def test_should_refuse_a_known_course_when_another_project_is_named(self, golden: MetricRuns) -> None:
        with pytest.raises(InputError) as caught:
            golden.run(project="shop", courses=(COURSE,), days=DAYS)
        assert caught.value.code == "course_unknown"

    def test_should_ask_for_the_project_when_several_have_the_course(self, golden: MetricRuns) -> None:
        golden.stores.set_zone("UTC", project="shop")
        with pytest.raises(InputError) as caught:
            golden.run(courses=(COURSE,), days=DAYS)
        assert caught.value.code == "ambiguous_project"
        assert golden.run(project="shop", courses=(COURSE,), days=DAYS).courses == ("shop/c1",)

    def test_should_leave_other_courses_alone_when_one_is_named(self, golden: MetricRuns) -> None:
        golden.stores.put([learned("2025-03-03 10:00:00", course="c2")])
        assert golden.run(courses=(COURSE,)).courses == ("default/c1",)
        assert golden.waiting_days() == [(MONDAY, "events")]
        assert golden.run().courses == ("default/c2",)
        assert golden.waiting_days() == []

    def test_should_calculate_every_course_of_a_project_when_days_are_named(self, golden: MetricRuns) -> None:
        golden.stores.put([learned("2025-03-03 10:00:00", course="c2"), learned("2025-03-03 10:00:00", project="shop")])
        golden.run()
        assert golden.run(project="default", days=(MONDAY,)).courses == ("default/c1", "default/c2")
        assert golden.run(days=(MONDAY,)).courses == ("default/c1", "default/c2", "shop/c1")


class TestTwoEngines:
    """I11: a value the engines disagree on is never stored."""

    @pytest.fixture
    def planted(self, golden: MetricRuns) -> MetricRuns:
        """A stored user-day that says more than its events."""
        golden.run()
        golden.stores.warehouse.execute(
            "ALTER TABLE user_days UPDATE page_view_count = 9 WHERE day = '2025-03-03' AND course_id = 'c1'",
            settings={"mutations_sync": 2},
        )
        return golden

    def test_should_leave_everything_as_it_was_when_user_days_are_wrong(self, planted: MetricRuns) -> None:
        rows, slices, week = planted.stored_rows(), planted.slices(), (utc(2025, 3, 3), utc(2025, 3, 10))
        with pytest.raises(MetricsDisagree, match=r"engagement_score version 1 .* course default/c1"):
            planted.run(courses=(COURSE,), bounds=week)
        assert (planted.stored_rows(), planted.slices(), planted.restatements()) == (rows, slices, [])

    def test_should_finish_other_courses_and_go_on_when_days_are_built_again(self, planted: MetricRuns) -> None:
        planted.stores.put([learned("2025-03-04 15:00:00", user="u1"), learned("2025-03-03 15:00:00", course="c2")])
        with pytest.raises(MetricsDisagree):
            planted.run()
        assert planted.values(course="c2")
        assert planted.waiting_days() == [(dt.date(2025, 3, 4), "events")]
        planted.run(courses=(COURSE,), days=(MONDAY,))
        assert planted.waiting_days() == []
        found = planted.value("engagement_score", 1, "week", "u1", course=COURSE)
        assert found is not None
        assert found.value == pytest.approx(14.7)
