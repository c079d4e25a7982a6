"""Periods: many in one query, days of 23 and 25 hours, running ones, and those that cut days."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from include.metrics.catalogue.cards import cards_of
from include.metrics.names import Metric
from include.metrics.periods.grains import ONE_DAY, Grain, Period, day_start, period_of
from include.metrics.values.batches import Batch
from include.metrics.values.computing import read_values, value_rows
from include.settings.learning import LearningSettings
from tests.metric_events import MONDAY, golden_events, learned, person_id, random_events
from tests.metric_values import WEEK, Learners, free, instant

UTC, NEW_YORK, MOSCOW = ZoneInfo("UTC"), ZoneInfo("America/New_York"), ZoneInfo("Europe/Moscow")
ACTIVE2 = ("activity_index", 2)


class TestBatches:
    @pytest.mark.parametrize("grain", [Grain.DAY, Grain.WEEK, Grain.MONTH])
    def test_should_give_each_period_its_own_when_one_query_calculates_many(
        self, learners: Learners, grain: Grain
    ) -> None:
        learners.did(random_events(5, users=4, days=45), "Europe/Moscow")
        learners.stores.require()
        firsts = {MONDAY + dt.timedelta(days=place) for place in (0, 1, 2, 9, 30, 31, 44, 60)}
        periods = sorted({period_of(day, grain, MOSCOW) for day in firsts}, key=lambda period: period.start_at)
        together = learners.rows(*periods)
        alone = [row for period in periods for row in learners.rows(period)]
        assert len(together) > 20
        assert together == sorted(alone, key=lambda r: (r.metric, r.version, r.period_start_at, r.person_id))

    def test_should_keep_grains_and_free_periods_apart(self, learners: Learners) -> None:
        day = period_of(MONDAY, Grain.DAY, UTC)
        overlapping = [
            free("2025-03-01 00:00:00", "2025-03-04 00:00:00"),
            free("2025-03-03 12:00:00", "2025-03-05 00:00:00"),
        ]
        batches = learners.batches(*overlapping, WEEK, day, period_of(MONDAY + ONE_DAY, Grain.DAY, UTC))
        assert [[period.grain for period in batch.periods] for batch in batches] == [
            [Grain.DAY, Grain.DAY], [Grain.WEEK], [Grain.CUSTOM], [Grain.CUSTOM],
        ]  # fmt: skip

    def test_should_read_one_person_alone_when_asked(self, learners: Learners) -> None:
        learners.did(random_events(6, users=3, days=10), "UTC")
        learners.stores.require()
        one = person_id("u2")
        for period in (WEEK, free("2025-03-03 05:00:00", "2025-03-08 17:30:00")):
            rows = learners.rows(period)
            assert learners.rows(period, person=one) == [row for row in rows if row.person_id == one] != rows

    @pytest.mark.parametrize("metric", Metric)
    def test_should_give_the_same_when_only_one_metric_is_asked(self, learners: Learners, metric: Metric) -> None:
        learners.did(golden_events(), "UTC")
        learners.stores.require()
        assert learners.rows(WEEK, metrics=[metric]) == [row for row in learners.rows(WEEK) if row.metric is metric]

    def test_should_give_nothing_when_no_day_has_retention_of_version_1(self, learners: Learners) -> None:
        learners.did(golden_events())
        s = learners.stores
        (batch,) = learners.batches(period_of(MONDAY, Grain.DAY, UTC), metrics=[Metric.RETENTION], versions=[1])
        assert value_rows(s.warehouse, s.table, batch) == []
        with read_values(s.warehouse, s.table, batch) as body:
            assert body.read() == b""


class TestEmptyPeriods:
    @pytest.mark.parametrize(
        "period", [period_of(dt.date(2025, 3, 10), Grain.WEEK, UTC), free("2025-03-03 12:00:00", "2025-03-03 13:00:00")]
    )
    def test_should_have_no_rows_when_nobody_did_anything(self, learners: Learners, period: Period) -> None:
        learners.did(golden_events())
        assert learners.rows(period) == []

    def test_should_have_no_rows_when_the_course_has_no_days_at_all(self, learners: Learners) -> None:
        assert learners.rows(WEEK, course="nobody's") == []

    def test_should_leave_out_who_was_active_outside_it_only(self, learners: Learners) -> None:
        learners.did(
            [*golden_events(), learned("2025-03-02 23:59:59.999", user="u2"), learned("2025-03-10 00:00:00", user="u2")]
        )
        assert {row.person_id for row in learners.rows(WEEK)} == {person_id("u1")}


class TestRunningPeriods:
    @pytest.mark.parametrize(
        ("now", "begun"),
        [
            ("2025-03-05 23:59:59.999", 3), ("2025-03-06 00:00:00", 4), ("2025-03-09 00:00:00", 7),
            ("2025-03-20 00:00:00", 7),
        ],
    )  # fmt: skip
    def test_should_count_the_days_that_have_begun(self, learners: Learners, now: str, begun: int) -> None:
        learners.did(golden_events())
        row = learners.of(now=instant(now))[ACTIVE2]
        assert (row.numerator, row.denominator, row.sample_n) == (3, begun, begun)

    def test_should_count_a_day_as_begun_when_an_event_is_dated_ahead_of_the_clock(self, learners: Learners) -> None:
        learners.did([learned("2025-03-03 23:58:00"), learned("2025-03-04 00:01:00")])
        row = learners.of(now=instant("2025-03-03 23:59:00"))[ACTIVE2]
        assert (row.value, row.numerator, row.denominator) == (1, 2, 2)

    def test_should_count_local_days_when_the_zone_is_ahead(self, learners: Learners) -> None:
        learners.did(golden_events(), "Europe/Moscow")
        week = period_of(MONDAY, Grain.WEEK, MOSCOW)
        sample = [
            learners.of(week, now=instant(f"2025-03-05 {time}"))[ACTIVE2].sample_n
            for time in ("20:59:59.999", "21:00:00")
        ]
        assert sample == [3, 4]


class TestI16DaysOfTheClock:
    @pytest.mark.parametrize(("day", "hours"), [("2025-03-09", 23), ("2025-11-02", 25)])
    def test_should_hold_its_first_and_last_instant_when_clocks_change(
        self, learners: Learners, day: str, hours: int
    ) -> None:
        period = period_of(dt.date.fromisoformat(day), Grain.DAY, NEW_YORK)
        assert period.end_at - period.start_at == dt.timedelta(hours=hours)
        ms = dt.timedelta(milliseconds=1)
        moments = (period.start_at - ms, period.start_at, period.end_at - ms, period.end_at)
        learners.did([learned(f"{at:%Y-%m-%d %H:%M:%S.%f}") for at in moments], NEW_YORK.key)
        found = learners.of(period)
        assert found["engagement_score", 1].sample_n == 2
        assert found["focus_ratio", 1].denominator == pytest.approx(hours * 3600 - 0.001, rel=1e-12)

    def test_should_go_on_counting_when_an_hour_is_skipped(self, learners: Learners) -> None:
        learners.did(
            [learned("2025-03-09 06:59:00", "task_start"), learned("2025-03-09 07:01:00", "task_success")], NEW_YORK.key
        )
        found = learners.of(period_of(dt.date(2025, 3, 9), Grain.DAY, NEW_YORK))
        assert (found["time_on_task", 1].value, found["time_on_task", 2].value) == (120, 120)

    def test_should_span_days_not_hours_when_a_week_has_a_short_day(self, learners: Learners) -> None:
        learners.did([learned("2025-03-09 05:00:00"), learned("2025-03-10 04:00:00")], NEW_YORK.key)
        found = learners.of(period_of(dt.date(2025, 3, 9), Grain.MONTH, NEW_YORK))
        assert (found["activity_index", 1].denominator, found[ACTIVE2].sample_n) == (2, 31)


class TestCutDays:
    def test_should_see_only_the_events_inside_when_days_are_cut_at_both_ends(self, learners: Learners) -> None:
        learners.did(golden_events(), "UTC")
        found = learners.of(free("2025-03-03 10:02:00", "2025-03-04 09:00:08"))
        expected = {
            ("retention", 1): 1, ("engagement_score", 1): 9.7, ("engagement_score", 2): 2 / 5,
            ("completion_rate", 1): 1 / 2, ("time_on_task", 1): 1200, ("time_on_task", 2): 60,
            ("activity_index", 1): 7 / 2, ("activity_index", 2): 1,
            ("focus_ratio", 1): (180 + 60 + 1800 + 1800 + 1200 + 1800) / (22 * 3600 + 57 * 60),
            ("focus_ratio", 2): 1 / 4,
        }  # fmt: skip
        assert {key: found[key].value for key in expected} == {
            key: pytest.approx(value, rel=1e-12) for key, value in expected.items()
        }
        assert ("retention", 2) not in found

    def test_should_hold_both_ends_when_they_lie_inside_one_day(self, learners: Learners) -> None:
        learners.did(golden_events(), "UTC")
        found = learners.of(free("2025-03-03 10:01:00", "2025-03-03 10:06:00"))
        assert (found["time_on_task", 1].value, found["time_on_task", 2].value) == (120, 120)
        assert (found["retention", 1].value, found[ACTIVE2].value) == (0, 1)

    @pytest.mark.parametrize("zone", [UTC, MOSCOW, NEW_YORK], ids=str)
    def test_should_equal_stored_days_when_whole_days_are_made_from_events(
        self, learners: Learners, zone: ZoneInfo
    ) -> None:
        learners.did(random_events(7, users=5, days=12), zone.key)
        learners.stores.require()
        start, end = (day_start(MONDAY + dt.timedelta(days=place), zone) for place in (2, 9))
        whole = Period(Grain.CUSTOM, start, end, zone)
        cut = Period(Grain.CUSTOM, start + dt.timedelta(milliseconds=1), end - dt.timedelta(milliseconds=1), zone)
        assert (whole.is_whole_days, cut.is_whole_days) == (True, False)
        stored, from_events = ([replaced(row) for row in learners.rows(period)] for period in (whole, cut))
        assert stored == from_events
        assert len(stored) > 20

    def test_should_count_loads_of_the_snapshot_only_when_events_are_read(self, learners: Learners) -> None:
        learners.did([learned("2025-03-03 10:00:00")], "UTC")
        learners.stores.put([learned("2025-03-03 10:01:00")])
        cards = cards_of([Metric.ENGAGEMENT_SCORE], [1], "UTC", LearningSettings())
        period = free("2025-03-03 09:00:00", "2025-03-03 11:00:00")
        s = learners.stores
        batch = Batch(s.course(), (period,), cards, None, instant("2025-04-01 00:00:00"), learners.snapshot)
        assert [row.value for row in value_rows(s.warehouse, s.table, batch)] == [1]


def replaced(row: object) -> tuple[object, ...]:
    """Everything but the start of the period."""
    return tuple(value for name, value in vars(row).items() if name != "period_start_at")
