"""Values of one person: stored, rolled up on read, or absent for a reason."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from include.metrics.names import Metric
from include.metrics.reading.users import UserValue, values_of_user
from include.state.tables import metric_slices, metric_values
from tests.metric_events import golden_events, learned, person_id, random_events
from tests.metric_reader import WEEK, Reader, day_of, instant, values_by_key
from tests.metric_runs import CLOSED, MetricRuns

GOLDEN = {
    ("retention", 1): 1.0,
    ("retention", 2): 0.0,
    ("engagement_score", 1): 13.7,
    ("engagement_score", 2): 0.5,
    ("completion_rate", 1): 0.5,
    ("completion_rate", 2): 0.25,
    ("time_on_task", 1): 1320.0,
    ("time_on_task", 2): 360.0,
    ("activity_index", 1): 11 / 3,
    ("activity_index", 2): 3 / 7,
    ("focus_ratio", 1): 8828 / 180000,
    ("focus_ratio", 2): 360 / 428,
}
ZONES = ("UTC", "Europe/Moscow", "America/New_York")


def shown(values: list[UserValue]) -> dict[tuple[str, int, dt.datetime], tuple[object, ...]]:
    """All that may not depend on where a value comes from."""
    return {
        (one.metric.value, one.version, one.period.start_at): (
            one.value,
            one.numerator,
            one.denominator,
            one.sample_n,
            one.null_reason,
            one.by_timeout,
            one.card_digest,
            one.state,
        )
        for one in values
    }


def golden_week(runs: MetricRuns) -> Reader:
    """The golden case, calculated long after."""
    runs.stores.clear()
    runs.stores.set_zone("UTC")
    runs.stores.require()
    runs.stores.put(golden_events())
    runs.run()
    return Reader(runs)


@pytest.fixture(scope="module")
def golden(own: MetricRuns) -> Reader:
    """Read only by the tests of the first class; those of the others begin anew."""
    return golden_week(own)


class TestUserValues:
    def test_should_give_the_golden_values_when_asked_for_the_week(self, golden: Reader) -> None:
        found = golden.user()
        assert {(one.metric.value, one.version): one.value for one in found} == pytest.approx(GOLDEN, rel=1e-9)
        assert {one.is_stored for one in found} == {True}

    def test_should_write_the_keys_of_the_seed_when_shown(self, golden: Reader) -> None:
        (one,) = golden.user(metrics=["engagement"], version=1)
        document = one.document(1002)
        expected = {
            "metric_name": "engagement_score",
            "user_id": 1002,
            "course_id": "c1",
            "module_id": None,
            "value": 13.7,
            "period_start": "2025-03-03T00:00:00.000Z",
            "period_end": "2025-03-10T00:00:00.000Z",
            "version": 1,
            "unit": "points",
            "grain": "week",
            "timezone": "UTC",
            "sample_n": 11,
            "null_reason": None,
            "state": "closed",
        }
        assert {key: document[key] for key in expected} == expected | {"value": pytest.approx(13.7)}
        assert document["calculated_at"] == "2025-06-01T00:00:00.000Z"

    def test_should_show_every_timeout_when_time_on_task_is_of_version_2(self, golden: Reader) -> None:
        found = values_by_key(golden.user(metrics=["time_on_task"]))
        assert found[Metric.TIME_ON_TASK, 2].sensitivity == {"300": 360.0, "600": 360.0, "1800": 360.0}
        assert found[Metric.TIME_ON_TASK, 1].sensitivity is None

    def test_should_give_one_value_per_period_when_a_grain_is_asked_for(self, golden: Reader) -> None:
        bounds = (instant("2025-03-02 12:00:00"), instant("2025-03-06 12:00:00"))
        found = golden.user(bounds=bounds, grain="day", metrics=["engagement_score"], version=2)
        assert [one.period.first_day for one in found] == [day_of(number) for number in range(3)]
        assert [one.value for one in found] == [pytest.approx(1 / 3), 1.0, 0.0]

    def test_should_leave_version_1_of_retention_out_when_the_grain_is_day(self, golden: Reader) -> None:
        found = golden.user(grain="day", metrics=["retention"])
        assert {one.version for one in found} == {2}

    @pytest.mark.parametrize(
        ("now", "state"),
        [
            ("2025-03-09 23:59:59", "open"),
            ("2025-03-10", "provisional"),
            ("2025-03-11 23:59:59", "provisional"),
            ("2025-03-12", "closed"),
        ],
    )
    def test_should_tell_the_state_when_a_period_ends(self, golden: Reader, now: str, state: str) -> None:
        assert {one.state for one in golden.user(now=instant(now))} == {state}


class TestUserValuesAfterAChange:
    def test_should_give_the_golden_values_when_nothing_is_stored(self, own: MetricRuns) -> None:
        golden = golden_week(own)
        golden.forget_values()
        found = golden.user()
        assert {(one.metric.value, one.version): one.value for one in found} == pytest.approx(GOLDEN, rel=1e-9)
        assert {one.is_stored for one in found} == {False}

    def test_should_take_stored_values_of_the_same_definition_only(self, own: MetricRuns) -> None:
        golden = golden_week(own)
        with golden.runs.stores.state.begin() as connection:
            connection.execute(metric_values.update().values(value=77.0))
        assert {one.value for one in golden.user()} == {77.0}
        later = Reader(golden.runs.with_settings(retention_days=1))
        found = values_by_key(later.user(metrics=["retention"]))
        assert (found[Metric.RETENTION, 2].value, found[Metric.RETENTION, 2].is_stored) == (1.0, False)
        assert found[Metric.RETENTION, 1].value == 77.0


class TestUserValuesOfUnequalAge:
    def test_should_say_what_each_metric_knew_when_one_was_calculated_earlier(self, own: MetricRuns) -> None:
        golden = golden_week(own)
        wanted = ("engagement_score", "focus_ratio")
        early = select(metric_slices.c.slice_id).where(metric_slices.c.metric == wanted[0])
        with own.stores.state.begin() as connection:  # the person came when this metric had been calculated
            connection.execute(metric_values.delete().where(metric_values.c.slice_id.in_(early)))
        reasons = {(one.metric.value, one.version): one.null_reason for one in golden.user(metrics=wanted)}
        assert reasons == {(name, v): "no_events" if name == wanted[0] else None for name in wanted for v in (1, 2)}


class TestUserValuesWithoutARow:
    """A known person always gets an answer about a named course; a null says why."""

    @pytest.mark.parametrize("is_stored", [True, False], ids=["stored", "derived"])
    def test_should_say_why_when_there_is_no_row(self, reader: Reader, *, is_stored: bool) -> None:
        # u1 began a week earlier and starts no task; u2 has no events in the week at all.
        reader.runs.stores.put(
            [
                learned("2025-02-24 10:00:00"),
                learned("2025-03-04 10:00:00"),
                learned("2025-03-05 10:00:00", user="u3"),
                learned("2025-02-25 10:00:00", user="u2"),
            ]
        )
        reader.runs.run()
        if not is_stored:
            reader.forget_values()
        active, absent = values_by_key(reader.user("u1")), reader.user("u2")
        reasons = {key: one.null_reason for key, one in active.items() if one.value is None}
        assert reasons == {
            (Metric.RETENTION, 2): "not_in_cohort",
            (Metric.COMPLETION_RATE, 2): "no_catalogue",
            (Metric.TIME_ON_TASK, 1): "no_task_start",
            (Metric.FOCUS_RATIO, 2): "no_active_time",
        }
        assert len(absent) == 12
        assert {(one.value, one.sample_n, one.null_reason) for one in absent} == {(None, 0, "no_events")}

    @pytest.mark.parametrize("is_stored", [True, False], ids=["stored", "derived"])
    def test_should_tell_absence_from_no_row_when_only_metrics_of_some_are_asked_for(
        self, reader: Reader, *, is_stored: bool
    ) -> None:
        reader.runs.stores.put([learned("2025-02-24 10:00:00"), learned("2025-03-04 10:00:00")])
        reader.runs.run()
        if not is_stored:
            reader.forget_values()
        days = reader.user(grain="day", metrics=["retention"], version=2)
        reasons = [one.null_reason for one in days]
        assert reasons == ["no_events", "not_in_cohort", *["no_events"] * 5]

    def test_should_say_nothing_when_bounds_cut_days_and_nobody_calculated_them(self, reader: Reader) -> None:
        reader.runs.stores.put(golden_events())
        reader.runs.run()
        bounds = (instant("2025-03-03 10:30:00"), instant("2025-03-04 09:00:05"))
        assert reader.user(bounds=bounds) == []
        reader.runs.run(courses=("c1",), project="default", bounds=bounds)
        found = values_by_key(reader.user(bounds=bounds))
        assert found[Metric.ENGAGEMENT_SCORE, 1].value == pytest.approx(1.5 + 1.0 + 1.5 + 1.0)
        assert found[Metric.RETENTION, 2].value == 0.0 or found[Metric.RETENTION, 2].null_reason == "not_in_cohort"
        assert {one.is_stored for one in found.values()} == {True}

    def test_should_ask_the_events_when_bounds_cut_days_and_the_row_is_missing(self, reader: Reader) -> None:
        reader.runs.stores.put([*golden_events(), learned("2025-03-03 09:00:00", user="u2")])
        bounds = (instant("2025-03-03 10:30:00"), instant("2025-03-03 12:00:00"))
        reader.runs.run()
        order = {
            "courses": ("c1",),
            "project": "default",
            "bounds": bounds,
            "metrics": ("time_on_task",),
            "versions": (1,),
        }
        reader.runs.run(**order)
        (one,) = reader.user(bounds=bounds, metrics=["time_on_task"], version=1)
        (other,) = reader.user("u2", bounds=bounds, metrics=["time_on_task"], version=1)
        assert (one.null_reason, other.null_reason) == ("no_task_start", "no_events")


class TestStoredEqualsDerived:
    """Every period of whole days reads the same whether it was calculated before or is rolled up now."""

    @pytest.mark.parametrize("zone", ZONES)
    def test_should_read_the_same_when_nothing_is_stored(self, reader: Reader, zone: str) -> None:
        bounds = (instant("2025-02-24"), instant("2025-04-07"))  # New York changes its clocks on 9 March
        now = instant("2025-04-02 12:00:00")  # some days of return have not ended, the month has not either
        stores = reader.runs.stores
        stores.set_zone(zone)
        stores.require(("t1", "t2"))
        stores.put(random_events(11, users=6, days=40, first_day=dt.date(2025, 2, 25), share_active=0.3))
        reader.runs.run(now=now)
        everything = {
            (user, grain): shown(reader.user(user, now=now, bounds=bounds, grain=grain))
            for user in ("u1", "u2", "u6")
            for grain in ("day", "week", "month")
        }
        assert all(one.is_stored for one in reader.user("u1", now=now, bounds=bounds, grain="week") if one.value)
        reader.forget_values()
        for (user, grain), expected in everything.items():
            assert shown(reader.user(user, now=now, bounds=bounds, grain=grain)) == expected

    @pytest.mark.parametrize("zone", ZONES)
    def test_should_read_the_same_when_free_bounds_are_whole_days(self, reader: Reader, zone: str) -> None:
        stores = reader.runs.stores
        stores.set_zone(zone)
        stores.put(random_events(12, users=4, days=20))
        reader.runs.run()
        course = reader.course()
        begin = dt.datetime(2025, 3, 5, tzinfo=course.zone).astimezone(dt.UTC)
        end = dt.datetime(2025, 3, 16, tzinfo=course.zone).astimezone(dt.UTC)
        derived = shown(reader.user(bounds=(begin, end)))
        reader.runs.run(courses=("c1",), project="default", bounds=(begin, end))
        stored = reader.user(bounds=(begin, end))
        assert {one.is_stored for one in stored} == {True}
        assert shown(stored) == derived


class TestValuesOfUser:
    @pytest.fixture
    def courses(self, reader: Reader) -> Reader:
        events = [
            learned("2025-03-04 10:00:00", course="b"),
            learned("2025-03-04 11:00:00", course="a"),
            learned("2025-02-04 10:00:00", course="before"),
            learned("2025-03-10 00:00:00", course="after"),
            learned("2025-03-04 10:00:00", course="foreign", user="u2"),
        ]
        reader.runs.stores.put(events)
        reader.runs.run()
        return reader

    def test_should_show_courses_with_events_in_the_period_when_none_is_named(self, courses: Reader) -> None:
        found = values_of_user(
            courses.stores, "default", person_id("u1"), courses.question(WEEK, version=1), readable=None, now=CLOSED
        )
        assert [one.course_id for one in found] == ["a"] * 6 + ["b"] * 6

    def test_should_show_readable_courses_only_when_they_are_limited(self, courses: Reader) -> None:
        found = values_of_user(
            courses.stores,
            "default",
            person_id("u1"),
            courses.question(WEEK, version=1),
            readable=frozenset({("default", "b"), ("other", "a")}),
            now=CLOSED,
        )
        assert {one.course_id for one in found} == {"b"}

    def test_should_know_the_day_of_each_course_when_zones_differ(self, courses: Reader) -> None:
        # The first instant of 10 March in UTC is the afternoon of the 9th in Honolulu.
        courses.runs.stores.set_zone("Pacific/Honolulu", course="after")
        courses.runs.run()
        bounds = (instant("2025-03-03 10:00:00"), instant("2025-03-10 10:00:00"))
        found = values_of_user(
            courses.stores,
            "default",
            person_id("u1"),
            courses.question(bounds, metrics=["engagement_score"], version=1),
            readable=None,
            now=CLOSED,
        )
        assert [(one.course_id, one.value) for one in found] == [("after", 1.0)]
