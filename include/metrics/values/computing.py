"""The values of a batch, as a stream for PostgreSQL or as rows."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from include.metrics.names import Metric
from include.metrics.parts.sql import PARTS_SETTINGS
from include.metrics.values.batches import Batch
from include.metrics.values.statements import day_number, produced_cards, text_of, values_of
from include.warehouse.client import Warehouse, bound
from include.warehouse.http_streams import ByteReader

# The catalogue of a course is part of the query: 10,000 items of 128 characters, four bytes each, some escaped.
MOST_QUERY_BYTES = 2**24
SETTINGS = {**PARTS_SETTINGS, "max_query_size": MOST_QUERY_BYTES}
VALUE_COLUMNS = (
    "metric",
    "version",
    "period_start_at",
    "person_id",
    "value",
    "numerator",
    "denominator",
    "sample_n",
    "null_reason",
    "by_timeout",
)


@dataclass(frozen=True)
class ValueRow:
    """One value of one person.

    Attributes:
        metric: which of the six.
        version: 1 or 2.
        period_start_at: first instant of the period, aware UTC.
        person_id: the person, UUID text.
        value: the value; None where it is unknown.
        numerator: of a ratio; None of other metrics and without a value.
        denominator: the same.
        sample_n: how much the value rests on; the card says what is counted.
        null_reason: why there is no value; empty with one.
        by_timeout: time on task in seconds at time-outs of 300, 600 and 1800 s; None of other metrics.
    """

    metric: Metric
    version: int
    period_start_at: dt.datetime
    person_id: str
    value: float | None
    numerator: float | None
    denominator: float | None
    sample_n: int
    null_reason: str
    by_timeout: tuple[float, ...] | None


@contextmanager
def read_values(warehouse: Warehouse, events_table: str, batch: Batch) -> Iterator[ByteReader]:
    """Calculate a batch and read its values as text.

    Args:
        warehouse: the warehouse.
        events_table: ClickHouse table of events, read only where a period cuts days.
        batch: what to calculate.

    Yields:
        Lines of VALUE_COLUMNS with tabs between, as COPY of PostgreSQL reads them, in any order.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached or went away.
        StoreError: ClickHouse refused the query.
    """
    if not produced_cards(batch):
        yield io.BytesIO()
        return
    statement = text_of(values_of(batch, events_table), batch, PARTS_SETTINGS)
    with warehouse.read_stream(bound(statement.sql, statement.params)) as body:
        yield body


def value_rows(
    warehouse: Warehouse,
    events_table: str,
    batch: Batch,
    *,
    person_id: str | None = None,
    limit_seconds: float | None = None,
) -> list[ValueRow]:
    """Calculate a batch.

    Args:
        warehouse: the warehouse.
        events_table: ClickHouse table of events, read only where a period cuts days.
        batch: what to calculate.
        person_id: one person only; None for everybody.
        limit_seconds: how long somebody waits for it; None for as long as it takes.

    Returns:
        The values in any order.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
        StoreError: ClickHouse refused the query.
    """
    if not produced_cards(batch):
        return []
    statement = values_of(batch, events_table, person_id=person_id)
    settings = SETTINGS if limit_seconds is None else {**SETTINGS, "max_execution_time": limit_seconds}
    starts = {day_number(period.first_day): period.start_at for period in batch.periods}
    return [
        ValueRow(
            metric=Metric(metric),
            version=version,
            period_start_at=starts[period_day],
            person_id=str(person),
            value=value,
            numerator=numerator,
            denominator=denominator,
            sample_n=sample_n,
            null_reason=null_reason,
            by_timeout=tuple(by_timeout) or None,
        )
        for (
            metric, version, period_day, person, value, numerator, denominator, sample_n, null_reason, by_timeout
        ) in warehouse.execute(statement.sql, statement.params, settings=settings)
    ]  # fmt: skip
