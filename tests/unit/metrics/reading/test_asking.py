"""What somebody asks: refused in one sentence, or cut into the periods of the course."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from include.errors import InputError, StoreUnavailable
from include.metrics.names import Metric
from include.metrics.periods.grains import Grain, period_between
from include.metrics.reading.asking import MAX_PERIODS, ask, day_count
from include.metrics.reading.limits import Deadline

START, END = dt.datetime(2025, 3, 3, tzinfo=dt.UTC), dt.datetime(2025, 3, 17, tzinfo=dt.UTC)
UTC, MOSCOW, NEW_YORK = ZoneInfo("UTC"), ZoneInfo("Europe/Moscow"), ZoneInfo("America/New_York")


def asked(**changes: Any) -> Any:
    values = {"start_at": START, "end_at": END, "default_version": 1, **changes}
    return ask(values.pop("start_at"), values.pop("end_at"), **values)


class TestAsk:
    def test_should_take_everything_in_the_default_version_when_nothing_is_named(self) -> None:
        question = asked(default_version=2)
        assert (question.metrics, question.versions, question.grain) == (tuple(Metric), (2,), None)

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"end_at": START}, "bad_period"),
            ({"start_at": END, "end_at": START}, "bad_period"),
            ({"metrics": ["nothing"]}, "unknown_metric"),
            ({"version": 3}, "version_unknown"),
            ({"grain": "custom"}, "bad_grain"),
            ({"grain": "year"}, "bad_grain"),
        ],
    )
    def test_should_say_what_is_wrong_when_it_cannot_be_asked(self, changes: dict[str, Any], code: str) -> None:
        with pytest.raises(InputError) as caught:
            asked(**changes)
        assert caught.value.code == code


class TestPeriods:
    def test_should_be_the_stretch_itself_when_there_is_no_grain(self) -> None:
        (period,) = asked().periods(UTC)
        assert (period.start_at, period.end_at, period.grain) == (START, END, Grain.CUSTOM)

    def test_should_be_a_week_when_the_stretch_is_one_in_the_zone_of_the_course(self) -> None:
        week = {"start_at": START, "end_at": START + dt.timedelta(days=7)}
        assert asked(**week).periods(UTC)[0].grain is Grain.WEEK
        assert asked(**week).periods(MOSCOW)[0].grain is Grain.CUSTOM

    def test_should_keep_whole_periods_only_when_the_stretch_cuts_some(self) -> None:
        question = asked(start_at=START + dt.timedelta(milliseconds=1), grain="week")
        assert [one.first_day for one in question.periods(UTC)] == [dt.date(2025, 3, 10)]
        question = asked(end_at=END - dt.timedelta(milliseconds=1), grain="week")
        assert [one.first_day for one in question.periods(UTC)] == [dt.date(2025, 3, 3)]

    def test_should_be_none_when_the_stretch_holds_no_whole_period(self) -> None:
        assert asked(grain="month").periods(UTC) == ()

    def test_should_follow_the_clock_of_the_course_when_it_changes(self) -> None:
        periods = asked(start_at=START - dt.timedelta(days=1), grain="day").periods(NEW_YORK)
        assert {one.end_at - one.start_at for one in periods} == {dt.timedelta(hours=23), dt.timedelta(hours=24)}
        assert all(one.end_at == other.start_at for one, other in itertools.pairwise(periods))

    def test_should_refuse_when_there_are_too_many(self) -> None:
        most = START + dt.timedelta(days=MAX_PERIODS)
        assert len(asked(end_at=most, grain="day").periods(UTC)) == MAX_PERIODS
        with pytest.raises(InputError) as caught:
            asked(end_at=most + dt.timedelta(days=1), grain="day").periods(UTC)
        assert caught.value.code == "bad_period"


class TestDayCount:
    def test_should_count_days_that_are_cut_when_bounds_do_not_fit(self) -> None:
        begin = START + dt.timedelta(hours=12)
        assert day_count(period_between(begin, begin + dt.timedelta(days=1), UTC)) == 2


class TestDeadline:
    def test_should_end_the_answer_when_the_time_is_over(self) -> None:
        with pytest.raises(StoreUnavailable):
            Deadline(0).left_seconds()
        assert 0 < Deadline(5).left_seconds() <= 5
