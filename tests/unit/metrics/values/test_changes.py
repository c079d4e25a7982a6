"""When values change without an event."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from include.metrics.catalogue.cards import card_of
from include.metrics.names import VERSIONS, Metric
from include.metrics.periods.grains import Grain, Period, period_of
from include.metrics.values.changes import next_change_at
from include.settings.learning import LearningSettings

MONDAY = dt.date(2025, 3, 3)
UTC, NEW_YORK = ZoneInfo("UTC"), ZoneInfo("America/New_York")
WEEK = period_of(MONDAY, Grain.WEEK, UTC)
ONE_MS = dt.timedelta(milliseconds=1)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def change(
    metric: Metric, version: int, now: str, period: Period = WEEK, *, has_not_closed: bool = True, n_days: int = 7
) -> dt.datetime | None:
    card = card_of(metric, version, period.zone.key, LearningSettings(retention_days=n_days))
    return next_change_at(card, period, at(now), has_not_closed=has_not_closed)


class TestActivityIndex:
    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            ("2025-02-01 12:00:00", "2025-03-03 00:00:00"),
            ("2025-03-02 23:59:59.999", "2025-03-03 00:00:00"),
            ("2025-03-03 00:00:00", "2025-03-04 00:00:00"),
            ("2025-03-05 12:00:00", "2025-03-06 00:00:00"),
            ("2025-03-08 23:59:59.999", "2025-03-09 00:00:00"),
        ],
    )
    def test_should_change_when_the_next_day_of_the_period_begins(self, now: str, expected: str) -> None:
        assert change(Metric.ACTIVITY_INDEX, 2, now) == at(expected)

    @pytest.mark.parametrize("now", ["2025-03-09 00:00:00", "2025-03-10 00:00:00", "2025-06-01 00:00:00"])
    def test_should_not_change_when_the_last_day_has_begun(self, now: str) -> None:
        assert change(Metric.ACTIVITY_INDEX, 2, now) is None

    def test_should_follow_the_zone_when_clocks_change(self) -> None:
        week = period_of(dt.date(2025, 3, 9), Grain.MONTH, NEW_YORK)
        assert change(Metric.ACTIVITY_INDEX, 2, "2025-03-09 04:59:59", week) == at("2025-03-09 05:00:00")
        assert change(Metric.ACTIVITY_INDEX, 2, "2025-03-09 05:00:00", week) == at("2025-03-10 04:00:00")


class TestRetention:
    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            ("2025-03-04 12:00:00", "2025-03-11 00:00:00"),
            ("2025-03-10 23:59:59.999", "2025-03-11 00:00:00"),
            ("2025-03-11 00:00:00", "2025-03-12 00:00:00"),
            ("2025-03-16 12:00:00", "2025-03-17 00:00:00"),
        ],
    )
    def test_should_change_when_the_next_day_of_return_ends(self, now: str, expected: str) -> None:
        assert change(Metric.RETENTION, 2, now) == at(expected)

    def test_should_wait_for_its_own_n(self) -> None:
        assert change(Metric.RETENTION, 2, "2025-03-04 12:00:00", n_days=30) == at("2025-04-03 00:00:00")

    def test_should_not_change_when_everybody_is_closed(self) -> None:
        assert change(Metric.RETENTION, 2, "2025-03-04 12:00:00", has_not_closed=False) is None


class TestOthers:
    @pytest.mark.parametrize("version", VERSIONS)
    @pytest.mark.parametrize("metric", Metric)
    def test_should_change_with_events_only_when_neither_is_meant(self, metric: Metric, version: int) -> None:
        if (metric, version) in {(Metric.ACTIVITY_INDEX, 2), (Metric.RETENTION, 2)}:
            assert change(metric, version, "2025-03-04 12:00:00") is not None
        else:
            assert change(metric, version, "2025-03-04 12:00:00") is None
