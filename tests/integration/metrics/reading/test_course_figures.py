"""Figures of a course against values written out by hand, and stored ones against those rolled up on read."""

from __future__ import annotations

import datetime as dt
import statistics
from zoneinfo import ZoneInfo

import pytest

from include.metrics.names import Metric
from include.metrics.reading.course_figures import CourseFigure
from include.metrics.retention.asking import ask_curves
from include.metrics.retention.cohorts import CurveKind
from include.metrics.retention.curves import retention_curves
from tests.metric_events import Learned, learned, random_events
from tests.metric_reader import WEEK, Reader, day_of, instant
from tests.metric_runs import MetricRuns

MONTH = (instant("2025-02-24"), instant("2025-04-07"))


def described(figures: list[CourseFigure]) -> list[tuple[object, ...]]:
    """All that may not depend on where values come from."""
    return [
        (one.metric, one.version, one.period.start_at, one.n_users, one.statistics, one.card_digest, one.state)
        for one in figures
    ]


def planted_events() -> list[Learned]:
    """Ten people: person k begins on day k mod 4 of the week and comes back k days later, every second one succeeds."""
    events = []
    for k in range(10):
        first = instant("2025-03-03 10:00:00") + dt.timedelta(days=k % 4)
        events += [
            Learned(first, "task_start", f"u{k}", props={"task_id": "t1"}),
            Learned(first + dt.timedelta(seconds=60 * (k + 1)), "task_success" if k % 2 else "task_fail", f"u{k}"),
            Learned(first + dt.timedelta(days=k), "page_view", f"u{k}"),
        ]
    return events


@pytest.fixture(scope="module")
def planted(own: MetricRuns) -> Reader:
    """Read only by the tests of the first class; those of the others begin with empty stores."""
    own.stores.clear()
    own.stores.put(planted_events())
    own.run()
    return Reader(own)


class TestCourseFigures:
    def test_should_describe_the_values_when_people_differ(self, planted: Reader) -> None:
        found = planted.figure("time_on_task", 2).statistics
        seconds = [60.0 * (k + 1) for k in range(10)]
        assert (found.n_values, found.n_null) == (10, 0)
        assert found.average_value == statistics.fmean(seconds)
        assert (found.median, found.minimum, found.maximum) == (330.0, 60.0, 600.0)
        assert found.quantiles == pytest.approx({"0.1": 114.0, "0.25": 195.0, "0.75": 465.0, "0.9": 546.0})
        assert found.distribution is not None
        assert found.distribution["counts"] == [1] * 10
        assert found.distribution["edges"] == pytest.approx([60.0 + 54 * place for place in range(11)])
        assert found.pooled_value is None

    def test_should_show_the_mean_at_each_timeout_when_gaps_are_longer(self, planted: Reader) -> None:
        found = planted.figure("time_on_task", 2).statistics
        assert found.sensitivity == {"300": 90.0, "600": 330.0, "1800": 330.0}
        assert planted.figure("time_on_task", 1).statistics.sensitivity is None

    def test_should_pool_ratios_when_people_have_different_denominators(self, planted: Reader) -> None:
        # Version 2 of engagement: engaged sessions over sessions; the page view alone is a session of no length.
        found = planted.figure("engagement_score", 2).statistics
        in_week = [k for k in range(10) if k and k % 4 + k < 7]
        sessions = 10 + len(in_week)
        assert found.pooled_value == 10 / sessions
        assert found.average_value == pytest.approx((len(in_week) * 0.5 + (10 - len(in_week))) / 10)

    def test_should_count_zeros_and_ones_when_values_are_nothing_else(self, planted: Reader) -> None:
        figure = planted.figure("retention", 2)
        assert figure.unit == "share of cohort persons with a closed day"
        assert figure.statistics.distribution == {"values": [0, 1], "counts": [9, 1]}
        assert figure.statistics.average_value == figure.statistics.pooled_value == 0.1

    def test_should_count_everybody_with_events_when_a_metric_has_rows_of_some(self, planted: Reader) -> None:
        bounds = (instant("2025-03-10"), instant("2025-03-17"))
        figures = {(one.metric, one.version): one for one in planted.figures(bounds=bounds)}
        people = figures[Metric.ENGAGEMENT_SCORE, 1].n_users
        assert people == len([k for k in range(10) if 7 <= k % 4 + k < 14])
        for key in ((Metric.RETENTION, 2), (Metric.TIME_ON_TASK, 1)):
            assert figures[key].n_users == people
            assert figures[key].statistics.n_values + figures[key].statistics.n_null == 0
            assert figures[key].statistics.average_value is None

    def test_should_answer_with_nulls_when_nobody_was_there(self, planted: Reader) -> None:
        figures = planted.figures(bounds=(instant("2024-03-04"), instant("2024-03-11")))
        assert len(figures) == 12
        assert {(one.n_users, one.statistics.average_value, one.statistics.distribution) for one in figures} == {
            (0, None, None)
        }

    def test_should_say_nothing_when_bounds_cut_days_and_nobody_calculated_them(self, planted: Reader) -> None:
        assert planted.figures(bounds=(instant("2025-03-03 10:30:00"), instant("2025-03-04"))) == []

    def test_should_write_the_keys_of_the_seed_when_shown(self, planted: Reader) -> None:
        document = planted.figure("retention", 1).document()
        assert list(document)[:5] == ["metric_name", "course_id", "period_start", "period_end", "average_value"]
        expected = {"version": 1, "unit": "share", "n_users": 10, "n_null": 0, "min": 0.0, "max": 1.0, "grain": "week"}
        assert {key: document[key] for key in expected} == expected

    def test_should_be_daily_over_period_actives_when_it_is_version_2_of_activity(self, planted: Reader) -> None:
        """Mean of active days over days = average daily actives over period actives."""
        daily = [one.n_users for one in planted.figures(grain="day", metrics=["activity_index"], version=2)]
        week = planted.figure("activity_index", 2)
        assert len(daily) == 7
        assert week.statistics.average_value == pytest.approx(sum(daily) / 7 / week.n_users, rel=1e-12)


class TestRetentionFigure:
    def test_should_equal_the_curve_at_day_7_when_days_of_return_end(self, reader: Reader) -> None:
        reader.runs.stores.put(planted_events())
        shares = []
        for now in (instant("2025-03-10 12:00:00"), instant("2025-03-12 12:00:00"), instant("2025-04-12")):
            reader.runs.run(now=now)
            question = ask_curves(day_of(0), day_of(6))
            (cohort,) = retention_curves(reader.stores.warehouse, reader.course(), question, now=now).cohorts
            point, figure = cohort.points[7], reader.figure("retention", 2, now=now)
            assert figure.is_stored
            assert point.share(CurveKind.EXACT) == figure.statistics.average_value
            assert (point.closed_count, cohort.person_count) == (figure.statistics.n_values, figure.n_users)
            shares.append(figure.statistics.average_value)
        assert shares == [None, 0.0, 0.1]


class TestStoredEqualsDerived:
    """Every period of whole days has the same figures whether it was calculated before or is rolled up now."""

    @pytest.mark.parametrize("zone", ["Europe/Moscow", "America/New_York"])
    def test_should_have_the_same_figures_when_nothing_is_stored(self, reader: Reader, zone: str) -> None:
        now = instant("2025-03-27 12:00:00")
        stores = reader.runs.stores
        stores.set_zone(zone)
        stores.require(("t1", "t2"))
        stores.put(random_events(21, users=8, days=32, first_day=dt.date(2025, 2, 25), share_active=0.4))
        reader.runs.run(now=now)
        figures = {grain: reader.figures(now=now, bounds=MONTH, grain=grain) for grain in ("day", "week", "month")}
        stored = [one for one in figures["week"] if one.is_stored]
        assert len(stored) >= 4 * 12
        reader.forget_values()
        for grain, expected in figures.items():
            found = reader.figures(now=now, bounds=MONTH, grain=grain)
            assert not any(one.is_stored for one in found)
            assert described(found) == described(expected)

    def test_should_count_the_same_people_when_bounds_cut_days(self, reader: Reader) -> None:
        reader.runs.stores.put([learned("2025-03-03 09:00:00"), learned("2025-03-03 11:00:00", user="u2")])
        bounds = (instant("2025-03-03 10:00:00"), instant("2025-03-03 12:00:00"))
        reader.runs.run()
        order = {"courses": ("c1",), "project": "default", "bounds": bounds}
        reader.runs.run(**order, metrics=("time_on_task",), versions=(1,))
        alone = reader.figures(bounds=bounds)
        assert [(one.metric, one.n_users) for one in alone] == [(Metric.TIME_ON_TASK, 1)]
        reader.runs.run(**order)
        assert {one.n_users for one in reader.figures(bounds=bounds)} == {1}

    def test_should_cut_days_in_the_zone_of_the_course_when_bounds_are_of_another(self, reader: Reader) -> None:
        reader.runs.stores.set_zone("Asia/Tokyo")
        reader.runs.stores.put([learned("2025-03-09 16:00:00")])  # Monday there
        reader.runs.run()
        tokyo = ZoneInfo("Asia/Tokyo")
        week = tuple(dt.datetime(2025, 3, day, tzinfo=tokyo).astimezone(dt.UTC) for day in (10, 17))
        (figure,) = reader.figures(bounds=week, metrics=["activity_index"], version=2)
        assert (figure.period.grain, figure.n_users) == ("week", 1)
        assert reader.figures(bounds=WEEK, metrics=["activity_index"], version=2) == []
