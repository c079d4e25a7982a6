"""Warehouse tables of raw visits, raw hits and the rows that could not be read."""

from __future__ import annotations

from collections.abc import Iterable

from include.metrika.fields.kinds import Field
from include.warehouse.schema import Column, Table

ORDER_BY = {
    "visits": ("counter_id", "date", "client_id", "started_at", "visit_id"),
    "hits": ("counter_id", "date", "client_id", "hit_at", "watch_id"),
}
KEY_COLUMN = {"visits": "visit_id", "hits": "watch_id"}
COUNTER_COLUMN = Column("counter_id", "UInt32", "counter the row belongs to")
READING_COLUMNS = (
    Column("dialect_flags", "UInt8", "how the row was read: 1 null, 2 empty number, 4 bad bytes replaced"),
    Column("unwrapped_count", "UInt8", "fields that came wrapped in double quotes"),
)
TRUNCATED_COLUMN = Column("watch_ids_truncated", "UInt8", "1 when watch_ids reached Metrika's cap of 500")
QUARANTINE_COLUMNS = (
    COUNTER_COLUMN,
    Column("date", "Date", "day of the row, or first day of the request when the row has none"),
    Column("request_id", "UInt64", "log request the row came in"),
    Column("part_number", "UInt32", "part of the request, from 0"),
    Column("line_number", "UInt64", "line of the part, from 1 behind the header"),
    Column("reason", "String", "columns, number, range, date, time, array or half_row"),
    Column("field", "String", "field that could not be read"),
    Column("raw", "String", "the line as it came"),
)


def source_table(source: str, fields: Iterable[Field]) -> Table:
    """Define the table of raw visits or hits.

    Args:
        source: visits or hits.
        fields: every field to have a column for.

    Returns:
        The definition, named like the source.
    """
    columns = [COUNTER_COLUMN, *(Column(f.column, f.clickhouse_type, _meaning(f)) for f in fields)]
    if source == "visits":
        columns.append(TRUNCATED_COLUMN)
    return Table(
        source, (*columns, *READING_COLUMNS), ORDER_BY[source], meaning=f"one row per {source.removesuffix('s')}"
    )


def quarantine_table(source: str) -> Table:
    """Define the table of rows of a source that could not be read.

    Args:
        source: visits or hits.

    Returns:
        The definition, named ``<source>_quarantine``.
    """
    return Table(
        f"{source}_quarantine",
        QUARANTINE_COLUMNS,
        ("counter_id", "date", "part_number", "line_number"),
        shard_by="line_number",
        meaning="one row per line that could not be read",
    )


def _meaning(field: Field) -> str:
    notes = [field.meaning.rstrip(".")]
    if field.unit:
        notes.append(f"unit {field.unit}")
    if field.scale != 1:
        notes.append(f"stored x {field.scale}")
    return "; ".join(notes)
