"""Retention, version 2: who belongs to the cohort of a period, who came back, and when that is known."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from include.metrics.names import Metric
from include.metrics.periods.grains import Grain, Period, day_start, period_of
from include.metrics.values.computing import ValueRow
from include.settings.learning import UNBOUNDED
from tests.metric_events import MONDAY, learned, person_id
from tests.metric_values import LONG_AFTER, WEEK, Learners, free, instant

ONE_MS = dt.timedelta(milliseconds=1)
NEW_YORK = ZoneInfo("America/New_York")


def cohort(learners: Learners, period: Period = WEEK, now: dt.datetime = LONG_AFTER) -> dict[str, ValueRow]:
    """Rows of version 2 by user."""
    rows = learners.rows(period, now=now, metrics=[Metric.RETENTION])
    users = {person_id(f"u{number}"): f"u{number}" for number in range(1, 10)}
    return {users[row.person_id]: row for row in rows if row.version == 2}


class TestCohort:
    def test_should_hold_those_whose_first_event_ever_lies_in_the_period(self, learners: Learners) -> None:
        learners.did(
            [
                learned("2025-03-02 23:59:59.999", user="u1"), learned("2025-03-05 12:00:00", user="u1"),
                learned("2025-03-03 00:00:00", user="u2"),
                learned("2025-03-09 23:59:59.999", user="u3"),
                learned("2025-03-10 00:00:00", user="u4"),
            ]
        )  # fmt: skip
        assert set(cohort(learners)) == {"u2", "u3"}

    def test_should_be_of_its_own_course_when_people_take_several(self, learners: Learners) -> None:
        learners.did([learned("2025-01-01 10:00:00", course="c2")], course="c2")
        learners.did([learned("2025-03-03 10:00:00")])
        assert set(cohort(learners)) == {"u1"}

    def test_should_begin_with_the_first_instant_when_the_period_cuts_the_day(self, learners: Learners) -> None:
        learners.did([learned("2025-03-03 09:00:00", user="u1"), learned("2025-03-03 11:00:00", user="u1"),
                      learned("2025-03-03 10:00:00", user="u2")])  # fmt: skip
        assert set(cohort(learners, free("2025-03-03 10:00:00", "2025-03-03 12:00:00"))) == {"u2"}

    def test_should_be_split_over_the_days_when_asked_by_day(self, learners: Learners) -> None:
        learners.did([learned("2025-03-03 10:00:00", user="u1"), learned("2025-03-05 10:00:00", user="u1"),
                      learned("2025-03-05 10:00:00", user="u2")])  # fmt: skip
        days = [period_of(MONDAY + dt.timedelta(days=place), Grain.DAY, ZoneInfo("UTC")) for place in range(7)]
        rows = learners.rows(*days, metrics=[Metric.RETENTION])
        assert [(row.version, row.period_start_at.day, row.person_id) for row in rows] == [
            (2, 3, person_id("u1")),
            (2, 5, person_id("u2")),
        ]


class TestReturn:
    @pytest.mark.parametrize(
        ("back_at", "exact", "unbounded"),
        [
            ("2025-03-09 23:59:59.999", 0, 0),
            ("2025-03-10 00:00:00", 1, 1),
            ("2025-03-10 23:59:59.999", 1, 1),
            ("2025-03-11 00:00:00", 0, 1),
            ("2025-06-01 00:00:00", 0, 1),
        ],
    )
    def test_should_count_day_seven_or_also_later_ones(
        self, learners: Learners, back_at: str, exact: int, unbounded: int
    ) -> None:
        learners.did([learned("2025-03-03 15:00:00"), learned(back_at)])
        assert cohort(learners)["u1"].value == exact
        learners.settings = replace(learners.settings, retention_kind=UNBOUNDED)
        assert cohort(learners)["u1"].value == unbounded

    def test_should_count_from_the_first_day_of_each_person(self, learners: Learners) -> None:
        learners.did(
            [
                learned("2025-03-03 10:00:00", user="u1"), learned("2025-03-10 10:00:00", user="u1"),
                learned("2025-03-04 10:00:00", user="u2"), learned("2025-03-10 10:00:00", user="u2"),
            ]
        )  # fmt: skip
        assert {user: row.value for user, row in cohort(learners).items()} == {"u1": 1, "u2": 0}

    def test_should_use_n_of_the_settings(self, learners: Learners) -> None:
        learners.settings = replace(learners.settings, retention_days=1)
        learners.did([learned("2025-03-09 10:00:00"), learned("2025-03-10 10:00:00")])
        assert cohort(learners)["u1"].value == 1

    def test_should_not_see_a_return_to_another_course(self, learners: Learners) -> None:
        learners.did([learned("2025-03-03 10:00:00")])
        learners.did([learned("2025-03-10 10:00:00", course="c2")], course="c2")
        assert cohort(learners)["u1"].value == 0


class TestClosing:
    def test_should_be_unknown_until_the_very_instant_the_day_ends(self, learners: Learners) -> None:
        learners.did([learned("2025-03-03 10:00:00"), learned("2025-03-10 10:00:00")])
        ends_at = instant("2025-03-11 00:00:00")
        before, after = (cohort(learners, now=now)["u1"] for now in (ends_at - ONE_MS, ends_at))
        assert (before.value, before.numerator, before.denominator) == (None, None, None)
        assert (before.sample_n, before.null_reason) == (0, "not_closed")
        assert (after.value, after.numerator, after.denominator) == (1, 1, 1)
        assert (after.sample_n, after.null_reason) == (1, "")

    def test_should_be_unknown_for_unbounded_too_when_somebody_is_back_already(self, learners: Learners) -> None:
        learners.settings = replace(learners.settings, retention_kind=UNBOUNDED)
        learners.did([learned("2025-03-03 10:00:00"), learned("2025-03-10 10:00:00")])
        assert cohort(learners, now=instant("2025-03-10 12:00:00"))["u1"].null_reason == "not_closed"

    def test_should_be_known_for_some_of_a_week_only(self, learners: Learners) -> None:
        learners.did([learned("2025-03-03 10:00:00", user="u1"), learned("2025-03-05 10:00:00", user="u2")])
        found = cohort(learners, now=instant("2025-03-12 12:00:00"))
        assert {user: row.null_reason for user, row in found.items()} == {"u1": "", "u2": "not_closed"}

    @pytest.mark.parametrize(("day", "hours"), [("2025-03-02", 23), ("2025-10-26", 25)])
    def test_should_wait_for_the_local_end_when_clocks_change(self, learners: Learners, day: str, hours: int) -> None:
        first = dt.date.fromisoformat(day)
        back = first + dt.timedelta(days=7)
        assert day_start(back + dt.timedelta(days=1), NEW_YORK) - day_start(back, NEW_YORK) == dt.timedelta(hours=hours)
        begin_at, last_at = day_start(first, NEW_YORK), day_start(back + dt.timedelta(days=1), NEW_YORK)
        learners.did([learned(f"{at:%Y-%m-%d %H:%M:%S.%f}") for at in (begin_at, last_at - ONE_MS)], NEW_YORK.key)
        period = period_of(first, Grain.DAY, NEW_YORK)
        assert cohort(learners, period, last_at - ONE_MS)["u1"].null_reason == "not_closed"
        assert cohort(learners, period, last_at)["u1"].value == 1
