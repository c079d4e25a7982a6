"""L1: the golden week gives the golden values, in both zones and versions, however its events arrive."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from include.metrics.catalogue.golden import MOSCOW, UTC, WORKED
from include.metrics.periods.grains import Grain, Period, period_of
from tests.metric_events import MONDAY, golden_events, shuffled_twice
from tests.metric_values import Answers, Learners, instant

CLOSES_AT = {UTC: instant("2025-03-11 00:00:00"), MOSCOW: instant("2025-03-10 21:00:00")}
ONE_MS = dt.timedelta(milliseconds=1)


def week(zone: str) -> Period:
    return period_of(MONDAY, Grain.WEEK, ZoneInfo(zone))


def answers(learners: Learners, zone: str, seed: int, now: dt.datetime) -> Answers:
    learners.did(shuffled_twice(golden_events(), seed), zone)
    learners.stores.require()
    return learners.of(week(zone), now=now)


class TestL1GoldenCase:
    @pytest.mark.parametrize("zone", [UTC, MOSCOW])
    @pytest.mark.parametrize("seed", [1, 2])
    def test_should_give_every_value_when_events_come_shuffled_and_twice(
        self, learners: Learners, zone: str, seed: int
    ) -> None:
        found = answers(learners, zone, seed, CLOSES_AT[zone])
        expected = {(str(one.metric), one.version): one for one in WORKED if one.zone == zone}
        assert set(found) == set(expected)
        for key, one in expected.items():
            assert found[key].value == pytest.approx(one.value, rel=1e-12), key
            assert (found[key].sample_n, found[key].null_reason) == (one.sample_n, ""), key

    @pytest.mark.parametrize("zone", [UTC, MOSCOW])
    def test_should_not_know_retention_when_the_day_of_return_has_a_millisecond_left(
        self, learners: Learners, zone: str
    ) -> None:
        row = answers(learners, zone, 3, CLOSES_AT[zone] - ONE_MS)["retention", 2]
        assert (row.value, row.sample_n, row.null_reason) == (None, 0, "not_closed")
        assert (row.numerator, row.denominator) == (None, None)
