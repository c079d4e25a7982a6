"""Events of courses against the user-days made of them (domains 8): the residual is 0, or names the course."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.days import utc_now
from include.metrics.parts.touching import touch_days
from include.metrics.periods.grains import local_day
from include.provenance.conservation import Balance
from include.provenance.course_balances import balance_courses
from include.services.doctor import Check, check_installation
from include.services.engines.endpoints import Endpoints
from tests.metric_events import Learned, LearningStores, person_id, shuffled_twice
from tests.metric_runs import MetricRuns, own_runs

NOW = utc_now()
WEEK = dt.timedelta(days=7)


@pytest.fixture(scope="module")
def own(endpoints: Endpoints) -> Iterator[MetricRuns]:
    with own_runs(endpoints) as found:
        yield found


@pytest.fixture
def runs(own: MetricRuns) -> MetricRuns:
    """Two courses in two zones with events of the last ten days, each sent twice, calculated."""
    own.stores.clear()
    own.stores.set_zone("America/New_York", course="c2")
    events = [
        Learned(NOW - dt.timedelta(hours=5 * number), course=f"c{1 + number % 2}", user=f"u{number % 7}")
        for number in range(48)
    ]
    own.stores.put(shuffled_twice(events))
    own.run(now=NOW)
    return own


def balances(stores: LearningStores) -> list[Balance]:
    return balance_courses(stores.warehouse, stores.state, stores.table, since=NOW - WEEK)


def check_of(stores: LearningStores, folder: Path) -> Check:
    return next(one for one in check_installation(folder, stores.environ) if one.name == "events of courses")


class TestBalanceCourses:
    def test_should_add_up_for_each_course_when_all_was_calculated(self, runs: MetricRuns) -> None:
        found = balances(runs.stores)
        assert [(one.name, one.residual) for one in found] == [
            ("events of course default/c1", 0),
            ("events of course default/c2", 0),
        ]
        assert all(sum(one.came.values()) > 10 for one in found)

    def test_should_add_up_when_events_have_landed_that_nobody_took(self, runs: MetricRuns) -> None:
        runs.stores.put([Learned(NOW - dt.timedelta(hours=1))])
        assert [one.residual for one in balances(runs.stores)] == [0, 0]

    def test_should_say_nothing_of_a_course_that_waits(self, runs: MetricRuns) -> None:
        course = runs.stores.course("c2")
        with runs.stores.state.begin() as connection:
            touch_days(connection, course, [local_day(NOW, course.zone)], cause="late_data")
        assert [one.name for one in balances(runs.stores)] == ["events of course default/c1"]

    def test_should_find_nothing_to_balance_without_courses(self, own: MetricRuns) -> None:
        own.stores.clear()
        assert balances(own.stores) == []


class TestDoctor:
    def test_should_be_content_when_all_adds_up(self, runs: MetricRuns, tmp_path: Path) -> None:
        found = check_of(runs.stores, tmp_path)
        assert (found.is_ok, "2 balances" in found.detail) == (True, True)

    @pytest.mark.parametrize(
        ("change", "sign"),
        [
            ("ALTER TABLE user_days DELETE WHERE course_id = 'c2' AND person_id = toUUID('{person}')", 1),
            ("INSERT INTO user_days SELECT * FROM user_days WHERE course_id = 'c2'", -1),
        ],
        ids=["rows lost", "rows twice"],
    )
    def test_should_name_the_course_that_somebody_changed(
        self, runs: MetricRuns, tmp_path: Path, change: str, sign: int
    ) -> None:
        sql = change.format(person=person_id("u1"))
        runs.stores.warehouse.execute(sql, settings={"mutations_sync": 2})
        residuals = {one.name: one.residual for one in balances(runs.stores)}
        assert residuals["events of course default/c1"] == 0
        assert residuals["events of course default/c2"] * sign > 0
        found = check_of(runs.stores, tmp_path)
        assert (found.is_ok, "default/c2" in found.detail, "recalculate" in found.next_step) == (False, True, True)

    def test_should_be_content_again_when_the_days_were_calculated_again(
        self, runs: MetricRuns, tmp_path: Path
    ) -> None:
        runs.stores.warehouse.execute("TRUNCATE TABLE user_days")
        assert not check_of(runs.stores, tmp_path).is_ok
        days = tuple(NOW.date() - dt.timedelta(days=back) for back in range(-1, 12))
        runs.run(now=NOW, days=days)
        assert check_of(runs.stores, tmp_path).is_ok
