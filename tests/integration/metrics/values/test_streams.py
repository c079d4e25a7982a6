"""The values as text: PostgreSQL reads back exactly what was calculated."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from include.metrics.names import Metric
from include.metrics.periods.grains import Grain, period_of
from include.metrics.values.computing import VALUE_COLUMNS, ValueRow, read_values
from tests.metric_events import MONDAY, golden_events, random_events
from tests.metric_values import WEEK, Learners, free

TABLE = """
CREATE TEMPORARY TABLE incoming (
    metric text, version smallint, period_start_at timestamptz, person_id uuid, value float8, numerator float8,
    denominator float8, sample_n integer, null_reason text, by_timeout float8[]
)
"""


def copied(learners: Learners, *periods: Any, zone: str = "UTC") -> list[ValueRow]:
    """What PostgreSQL has after a COPY, in the order of its keys."""
    s = learners.stores
    connection = s.state.raw_connection()
    try:
        cursor: Any = connection.cursor()
        cursor.execute("SET LOCAL TimeZone = %s", (zone,))
        cursor.execute(TABLE)
        for batch in learners.batches(*periods):
            with read_values(s.warehouse, s.table, batch) as body:
                cursor.copy_expert("COPY incoming FROM STDIN", body)
        cursor.execute(f"SELECT {', '.join(VALUE_COLUMNS)} FROM incoming")
        rows = [_row(row) for row in cursor.fetchall()]
    finally:
        connection.rollback()
        connection.close()
    return sorted(rows, key=lambda row: (row.metric, row.version, row.period_start_at, row.person_id))


def _row(row: tuple[Any, ...]) -> ValueRow:
    metric, version, start_at, person, *rest, by_timeout = row
    found = tuple(by_timeout) if by_timeout is not None else None
    return ValueRow(Metric(metric), version, start_at.astimezone(dt.UTC), str(person), *rest, found)


class TestStream:
    @pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
    def test_should_be_what_postgresql_reads_when_copied(self, learners: Learners, zone: str) -> None:
        learners.did(random_events(8, users=6, days=30), "America/New_York")
        learners.stores.require()
        course_zone = learners.stores.course().zone
        days = [MONDAY + dt.timedelta(days=place) for place in range(30)]
        periods = [*sorted({period_of(day, Grain.WEEK, course_zone) for day in days}, key=lambda p: p.start_at),
                   *(period_of(day, Grain.DAY, course_zone) for day in days)]  # fmt: skip
        rows = copied(learners, *periods, zone=zone)
        assert rows == learners.rows(*periods)
        assert {row.null_reason for row in rows} == {"", "no_active_time"}
        assert any(row.by_timeout for row in rows)

    def test_should_be_read_when_values_are_unknown(self, learners: Learners) -> None:
        learners.did(golden_events())
        assert copied(learners, WEEK) == learners.rows(WEEK)

    def test_should_be_read_when_the_period_starts_within_a_millisecond(self, learners: Learners) -> None:
        learners.did(golden_events())
        period = free("2025-03-03 10:00:59.999", "2025-03-03 10:07:00.001")
        rows = copied(learners, period)
        assert rows == learners.rows(period)
        assert {row.period_start_at for row in rows} == {period.start_at}
