"""Retention curves against planted people, and against the definition written out."""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
import uuid
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest

from include.errors import InputError, StoreUnavailable
from include.metrics.courses import LearningCourse
from include.metrics.periods.grains import Grain, day_start, period_of
from include.metrics.retention.asking import ask_curves
from include.metrics.retention.cohorts import CurveKind, Point
from include.metrics.retention.csv_form import curves_csv
from include.metrics.retention.curves import Curves, retention_curves
from include.services.engines.endpoints import Endpoints
from include.settings import Settings
from include.warehouse.client import Warehouse
from tests.loading import own_stores
from tests.user_day_rows import person_number, store_active_days

MONDAY = dt.date(2025, 3, 3)
MOSCOW = ZoneInfo("Europe/Moscow")
LATER = dt.datetime(2025, 12, 1, tzinfo=dt.UTC)
Activity = dict[str, set[dt.date]]


def day(number: int) -> dt.date:
    """A day after the first Monday."""
    return MONDAY + dt.timedelta(days=number)


@pytest.fixture(scope="module")
def warehouse(endpoints: Endpoints) -> Iterator[Warehouse]:
    with own_stores(endpoints) as environ:
        settings = Settings.from_env(environ).clickhouse
        assert settings is not None
        yield Warehouse(settings)


def a_course(name: str = "", zone: str = "UTC") -> LearningCourse:
    return LearningCourse("default", name or f"course {uuid.uuid4().hex[:8]}", ZoneInfo(zone))


def curves_of(warehouse: Warehouse, activity: Activity, *, now: dt.datetime = LATER, **asked: object) -> Curves:
    course = a_course()
    store_active_days(warehouse, course, activity)
    question = ask_curves(MONDAY, MONDAY, **asked)  # type: ignore[arg-type]
    return retention_curves(warehouse, course, question, now=now)


def activity_of(*people: set[int]) -> Activity:
    return {person_number(place + 1): {day(number) for number in days} for place, days in enumerate(people)}


class TestRetentionCurves:
    def test_should_count_each_kind_when_people_are_planted(self, warehouse: Warehouse) -> None:
        # Three begin on Monday, one on Tuesday; the last person begins in another week.
        activity = activity_of({0, 1, 7}, {0, 3}, {0}, {1, 8}, {9, 10})
        (cohort,) = curves_of(warehouse, activity, longest_days=8, window_days=3).cohorts
        exact = [point.exact_count for point in cohort.points]
        unbounded = [point.unbounded_count for point in cohort.points]
        rolling = [point.rolling_count for point in cohort.points]
        assert cohort.person_count == 4
        assert exact == [4, 1, 0, 1, 0, 0, 0, 2, 0]
        assert unbounded == [4, 3, 3, 3, 2, 2, 2, 2, 0]
        assert rolling == [4, 1, 1, 2, 1, 1, 0, 2, 2]

    def test_should_leave_people_out_when_their_day_has_not_ended(self, warehouse: Warehouse) -> None:
        activity = activity_of({0, 2}, {1, 3}, {2})
        (cohort,) = curves_of(warehouse, activity, now=dt.datetime(2025, 3, 6, 23, 59, 59, tzinfo=dt.UTC)).cohorts
        assert [point.closed_count for point in cohort.points[:5]] == [3, 2, 1, 0, 0]
        assert [point.exact_count for point in cohort.points[:4]] == [3, 0, 1, 0]

    def test_should_have_no_share_when_the_day_has_ended_for_nobody(self, warehouse: Warehouse) -> None:
        curves = curves_of(warehouse, activity_of({0, 1}), now=day_start(day(1), ZoneInfo("UTC")))
        shares = [point.share(CurveKind.EXACT) for point in curves.cohorts[0].points[:3]]
        assert shares == [1.0, None, None]

    def test_should_end_days_in_the_zone_of_the_course(self, warehouse: Warehouse) -> None:
        course = a_course(zone="Europe/Moscow")
        store_active_days(warehouse, course, activity_of({0}))
        question = ask_curves(MONDAY, MONDAY, longest_days=0)
        closed = [
            retention_curves(warehouse, course, question, now=now).cohorts[0].points[0].closed_count
            for now in (dt.datetime(2025, 3, 3, 20, 59, 59, tzinfo=dt.UTC), dt.datetime(2025, 3, 3, 21, tzinfo=dt.UTC))
        ]
        assert closed == [0, 1]

    def test_should_ask_for_patience_when_days_are_of_another_zone(self, warehouse: Warehouse) -> None:
        course = a_course()
        store_active_days(warehouse, course, activity_of({0}))
        moved = LearningCourse(course.project, course.course_id, MOSCOW)
        with pytest.raises(StoreUnavailable, match="being cut"):
            retention_curves(warehouse, moved, ask_curves(MONDAY, MONDAY), now=LATER)

    def test_should_know_the_first_day_ever_when_it_lies_before_the_period(self, warehouse: Warehouse) -> None:
        (cohort,) = curves_of(warehouse, activity_of({-30, 0}, {0, 1})).cohorts
        assert cohort.person_count == 1

    def test_should_keep_courses_apart_when_they_share_people(self, warehouse: Warehouse) -> None:
        first, second = a_course(), a_course()
        other = LearningCourse("other", second.course_id, second.zone)
        store_active_days(warehouse, first, activity_of({0, 1}))
        store_active_days(warehouse, second, activity_of({2}))
        store_active_days(warehouse, other, activity_of({3}, {4}))
        question = ask_curves(MONDAY, MONDAY)
        sizes = [
            retention_curves(warehouse, one, question, now=LATER).total.person_count for one in (first, second, other)
        ]
        assert sizes == [1, 1, 2]

    def test_should_list_empty_cohorts_when_nobody_began_in_them(self, warehouse: Warehouse) -> None:
        course = a_course()
        store_active_days(warehouse, course, activity_of({0}, {14}))
        question = ask_curves(MONDAY, day(14), longest_days=1)
        curves = retention_curves(warehouse, course, question, now=LATER)
        assert [row["cohort_size"] for row in curves.wide(CurveKind.EXACT)] == [1, 0, 1]
        assert curves.wide(CurveKind.EXACT)[1]["day_0"] is None
        assert curves.total.person_count == 2

    def test_should_answer_when_the_course_has_no_events(self, warehouse: Warehouse) -> None:
        curves = curves_of(warehouse, {}, longest_days=2)
        assert curves.total.points == tuple(Point(n, 0, 0, 0, 0) for n in range(3))

    def test_should_cut_whole_periods_when_the_days_asked_for_do_not(self, warehouse: Warehouse) -> None:
        course = a_course()
        store_active_days(warehouse, course, activity_of({0}, {6}))
        curves = retention_curves(warehouse, course, ask_curves(day(2), day(3), grain="week"), now=LATER)
        assert (curves.document()["first_day"], curves.document()["last_day"]) == ("2025-03-03", "2025-03-09")
        assert curves.total.person_count == 2


class TestCurvesEqualTheirDefinition:
    """Every count is that of the definition, written out person by person."""

    @pytest.mark.parametrize("grain", ["day", "week", "month"])
    @pytest.mark.parametrize("window_days", [1, 7, 30])
    def test_should_count_as_defined_when_people_come_and_go(
        self, warehouse: Warehouse, grain: str, window_days: int
    ) -> None:
        chance = random.Random(f"{grain} {window_days}")
        activity = {
            person_number(number): {day(chance.randrange(75)) for _ in range(chance.randrange(1, 12))}
            for number in range(150)
        }
        now = dt.datetime(2025, 5, 4, 22, tzinfo=dt.UTC)
        course = a_course(zone="Europe/Moscow")
        store_active_days(warehouse, course, activity)
        question = ask_curves(MONDAY, day(60), grain=grain, longest_days=40, window_days=window_days)
        curves = retention_curves(warehouse, course, question, now=now)
        assert len(curves.cohorts) == {"day": 61, "week": 9, "month": 3}[grain]
        for cohort in curves.cohorts:
            people = [
                days
                for days in activity.values()
                if period_of(min(days), Grain(grain), MOSCOW).start_at == cohort.period.start_at
            ]
            assert cohort.person_count == len(people)
            expected = tuple(_point(n, people, now, window_days) for n in range(41))
            assert cohort.points == expected


def _point(n: int, people: list[set[dt.date]], now: dt.datetime, window_days: int) -> Point:
    closed = [
        {(one - min(days)).days for one in days}
        for days in people
        if day_start(min(days) + dt.timedelta(days=n + 1), MOSCOW) <= now
    ]
    window = range(max(1, n - window_days + 1), n + 1) if n else range(1)
    return Point(
        n,
        len(closed),
        sum(n in offsets for offsets in closed),
        sum(max(offsets) >= n for offsets in closed),
        sum(any(one in offsets for one in window) for offsets in closed),
    )


class TestAskCurves:
    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"grain": "custom"}, "bad_grain"),
            ({"longest_days": 366}, "out_of_range"),
            ({"longest_days": -1}, "out_of_range"),
            ({"window_days": 0}, "out_of_range"),
        ],
    )
    def test_should_say_what_is_wrong_when_a_value_cannot_be_used(self, changes: dict[str, object], code: str) -> None:
        with pytest.raises(InputError) as caught:
            ask_curves(MONDAY, MONDAY, **changes)  # type: ignore[arg-type]
        assert caught.value.code == code

    def test_should_refuse_when_the_days_are_reversed(self) -> None:
        with pytest.raises(InputError) as caught:
            ask_curves(day(1), day(0))
        assert caught.value.code == "bad_period"

    def test_should_refuse_when_there_are_too_many_cohorts(self) -> None:
        question = ask_curves(MONDAY, day(400), grain="day")
        with pytest.raises(InputError) as caught:
            question.cohorts(MOSCOW)
        assert caught.value.code == "bad_period"
        assert len(ask_curves(MONDAY, day(399), grain="day").cohorts(MOSCOW)) == 400


class TestCurvesCsv:
    def test_should_write_a_line_per_cohort_and_day_when_long(self, warehouse: Warehouse) -> None:
        curves = curves_of(warehouse, activity_of({0, 1}, {0}), longest_days=1)
        header, *lines = csv.reader(io.StringIO(curves_csv(curves)))
        assert header[:5] == ["course_id", "cohort", "cohort_size", "n", "closed_count"]
        assert [line[1:7] for line in lines] == [
            ["2025-03-03", "2", "0", "2", "2", "1.0"],
            ["2025-03-03", "2", "1", "2", "1", "0.5"],
        ]

    def test_should_leave_cells_empty_when_a_share_is_null(self, warehouse: Warehouse) -> None:
        now = day_start(day(1), ZoneInfo("UTC"))
        curves = curves_of(warehouse, activity_of({0}), now=now, longest_days=1)
        assert curves_csv(curves, kind=CurveKind.ROLLING).splitlines()[1].endswith(",2025-03-03,1,1.0,")

    def test_should_not_let_a_spreadsheet_calculate_when_a_course_is_named_like_a_formula(
        self, warehouse: Warehouse
    ) -> None:
        course = a_course('=HYPERLINK("x")')
        store_active_days(warehouse, course, activity_of({0}))
        curves = retention_curves(warehouse, course, ask_curves(MONDAY, MONDAY, longest_days=0), now=LATER)
        (line,) = list(csv.reader(io.StringIO(curves_csv(curves))))[1:]
        assert line[0] == '\'=HYPERLINK("x")'
