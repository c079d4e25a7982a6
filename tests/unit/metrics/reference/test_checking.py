"""The check of a sample: it passes what is equal, and every kind of difference stops it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from include.errors import CounterflowError, MetricsDisagree
from include.metrics.courses import LearningCourse
from include.metrics.parts.snapshot import Snapshot
from include.metrics.periods.grains import Grain, periods_of
from include.metrics.reference.checking import check_values
from include.metrics.reference.formulas import values_of_history
from include.metrics.reference.histories import ordered_history
from include.metrics.reference.sampling import Sample
from include.metrics.values.batches import Batch
from include.metrics.values.computing import ValueRow
from tests.metric_events import MONDAY, REQUIRED, golden_events, person_id, random_events
from tests.metric_frames import UTC, all_cards, frame_of

COURSE = LearningCourse("default", "c1", UTC)
NOW = dt.datetime(2025, 3, 7, tzinfo=dt.UTC)
PERSON = person_id("u1")
WEEKS = periods_of([MONDAY, MONDAY + dt.timedelta(days=7)], Grain.WEEK, UTC)
BATCH = Batch(COURSE, WEEKS, all_cards(UTC), REQUIRED, NOW, Snapshot(1))
Rows = list[ValueRow]


def sample_of(events: list[Any]) -> Sample:
    history = ordered_history(frame_of(events), UTC)
    return Sample(COURSE, tuple(sorted(set(history["person_id"]))), history)


def rows_of(sample: Sample) -> Rows:
    """What ClickHouse answers when it agrees."""
    table = values_of_history(sample.history, periods=WEEKS, cards=BATCH.cards, required=REQUIRED, now=NOW)
    records = table.astype(object).where(pd.notna(table), None).to_dict("records")
    return [ValueRow(**{str(name): found for name, found in record.items()}) for record in records]


GOLDEN = sample_of(golden_events())


def changed(metric: str, version: int, **changes: Any) -> Callable[[Rows], Rows]:
    """The same answer with other columns in one row."""

    def change(rows: Rows) -> Rows:
        return [replace(row, **changes) if (row.metric, row.version) == (metric, version) else row for row in rows]

    return change


def without(metric: str, version: int) -> Callable[[Rows], Rows]:
    return lambda rows: [row for row in rows if (row.metric, row.version) != (metric, version)]


DIFFERENCES = {
    "value": (changed("focus_ratio", 2, value=360 / 428 * (1 + 3e-9)), "focus_ratio version 2", "value is 0.84112"),
    "value_for_zero": (changed("retention", 2, value=0.0), "retention version 2", "value is 0 in ClickHouse and NULL"),
    "null_for_value": (changed("activity_index", 1, value=None), "activity_index version 1", "value is NULL in Click"),
    "numerator": (changed("completion_rate", 1, numerator=2.0), "completion_rate version 1", "numerator is 2 "),
    "denominator": (changed("focus_ratio", 1, denominator=1.0), "focus_ratio version 1", "denominator is 1 "),
    "sample": (changed("engagement_score", 1, sample_n=12), "engagement_score version 1", "sample_n is 12 "),
    "reason": (
        changed("retention", 2, null_reason=""),
        "retention version 2",
        "null_reason is '' in ClickHouse and 'not",
    ),
    "timeouts": (
        changed("time_on_task", 2, by_timeout=(360.0, 360.001, 360.0)),
        "time_on_task",
        "by_timeout_1 is 360.0",
    ),
    "no_timeouts": (changed("time_on_task", 2, by_timeout=None), "time_on_task version 2", "by_timeout_0 is NULL"),
    "odd_timeouts": (changed("time_on_task", 1, by_timeout=(1.0,)), "time_on_task version 1", "by_timeout_0 is 1 in"),
    "missing": (without("engagement_score", 2), "engagement_score version 2", "only pandas has a value, 0.5"),
    "empty": (lambda rows: [], "11 more differences", "only pandas has a value"),
    "twice": (lambda rows: [*rows, rows[0]], "retention version 1", "has this value twice"),
    "extra": (
        lambda rows: [*rows, replace(rows[0], period_start_at=WEEKS[1].start_at)],
        "week from 2025-03-10T00:00:00+00:00",
        "only ClickHouse has a value",
    ),
}


class TestCheckValues:
    def test_should_count_the_values_when_both_engines_agree(self) -> None:
        sample = sample_of(random_events(5, users=9, days=14))
        rows = rows_of(sample)
        assert check_values(sample, BATCH, rows) == len(rows) > 100

    @pytest.mark.parametrize("kind", DIFFERENCES)
    def test_should_fail_when_the_engines_differ(self, kind: str) -> None:
        change, place, what = DIFFERENCES[kind]
        rows = rows_of(GOLDEN)
        assert check_values(GOLDEN, BATCH, rows) == 12
        with pytest.raises(MetricsDisagree) as raised:
            check_values(GOLDEN, BATCH, change(rows))
        message = raised.value.message
        assert place in message
        assert what in message
        assert f"person {PERSON} in course default/c1" in message
        assert "nothing was stored" in message

    def test_should_pass_differences_below_the_limit(self) -> None:
        rows = changed("focus_ratio", 2, value=360 / 428 * (1 + 5e-10))(rows_of(GOLDEN))
        assert check_values(GOLDEN, BATCH, rows) == 12

    def test_should_take_not_a_number_for_no_number(self) -> None:
        rows = changed("focus_ratio", 2, value=math.nan)(rows_of(GOLDEN))
        with pytest.raises(MetricsDisagree, match="value is NULL in ClickHouse"):
            check_values(GOLDEN, BATCH, rows)

    def test_should_pass_over_people_outside_the_sample(self) -> None:
        stranger = replace(rows_of(GOLDEN)[0], person_id=person_id("u2"))
        assert check_values(GOLDEN, BATCH, [*rows_of(GOLDEN), stranger]) == 12

    def test_should_find_values_of_people_without_events(self) -> None:
        nobody = Sample(COURSE, (PERSON,), ordered_history(frame_of([]), UTC))
        assert check_values(nobody, BATCH, []) == 0
        with pytest.raises(MetricsDisagree, match="only ClickHouse has a value"):
            check_values(nobody, BATCH, rows_of(GOLDEN))

    def test_should_agree_when_instants_come_in_another_zone(self) -> None:
        east = dt.timezone(dt.timedelta(hours=3))
        rows = [replace(row, period_start_at=row.period_start_at.astimezone(east)) for row in rows_of(GOLDEN)]
        assert check_values(GOLDEN, BATCH, rows) == 12

    def test_should_be_final(self) -> None:
        assert issubclass(MetricsDisagree, CounterflowError)
        assert not MetricsDisagree.retryable
