"""Replacing a day of one counter as a whole: staging table, then one atomic partition step."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from include.warehouse.client import Warehouse, quoted
from include.warehouse.partition_swap import bound_key, fetch_all, replica_of_each_shard, swap_partitions
from include.warehouse.schema import Column, Table, create_table, drop_tables, local_name, stored_columns

STAGE_MARK = "_stage_"


def staging_name(table: Table, owner: str) -> str:
    """Name of a staging table.

    Args:
        table: the target.
        owner: who uses it alone, such as a locked counter-day; only letters and digits are used.

    Returns:
        ``<table>_stage_<owner>``.
    """
    return f"{table.name}{STAGE_MARK}{re.sub('[^A-Za-z0-9]', '', owner)}"


def create_staging(warehouse: Warehouse, table: Table, name: str) -> None:
    """Create an empty staging table, replacing one of the same name left by a killed run.

    Args:
        warehouse: the warehouse.
        table: the target whose structure it copies.
        name: staging table name.
    """
    drop_tables(warehouse, [name])
    create_table(warehouse, as_stored(warehouse, table).as_staging(name))


def as_stored(warehouse: Warehouse, table: Table) -> Table:
    """A definition with every column its stored table has, in stored order.

    Another run may have loaded further fields; a partition only moves between equal structures.

    Args:
        warehouse: the warehouse.
        table: the definition.

    Returns:
        The definition itself when its table is not stored yet.
    """
    stored = stored_columns(warehouse, table.name)
    known = {column.name: column for column in table.columns}
    columns = [known.get(name) or Column(name, kind, "field of another run") for name, kind in stored.items()]
    return replace(table, columns=tuple(columns)) if stored else table  # ensure_tables has added what was missing


@contextmanager
def staging(warehouse: Warehouse, table: Table, owner: str) -> Iterator[str]:
    """A staging table for the time of a block; dropped at its end, also on failure.

    Args:
        warehouse: the warehouse.
        table: the target whose structure it copies.
        owner: who uses it alone; the same owner replaces what a killed run left.

    Yields:
        The staging table's name.
    """
    name = staging_name(table, owner)
    create_staging(warehouse, table, name)
    try:
        yield name
    finally:
        drop_tables(warehouse, [name])


def swap_day(warehouse: Warehouse, table: Table, stage: str, counter_id: int, day: dt.date) -> None:
    """Put a staged day in place of the stored one, atomically; an empty day removes it.

    Args:
        warehouse: the warehouse.
        table: the target.
        stage: staging table holding the new day.
        counter_id: the counter.
        day: the day, local to the counter.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached; the step can be repeated.
    """
    swap_partitions(warehouse, table, stage, [(counter_id, day)])


def day_count(warehouse: Warehouse, name: str, counter_id: int, day: dt.date) -> int:
    """Rows of one counter-day.

    Args:
        warehouse: the warehouse.
        name: table or staging table.
        counter_id: the counter.
        day: the day.

    Returns:
        Row count.
    """
    return int(
        warehouse.scalar(
            f"SELECT count() FROM {quoted(name)} WHERE counter_id = %(counter_id)s AND date = %(day)s",
            {"counter_id": counter_id, "day": day},
        )
    )


@dataclass(frozen=True)
class DaySummary:
    """What a table holds of one counter-day.

    Attributes:
        row_count: rows.
        key_count: distinct keys; equal to ``row_count`` when no row is there twice.
        digest: ``<row count>-<32 hex digits>`` over all columns; the order of rows does not matter.
    """

    row_count: int
    key_count: int
    digest: str


EMPTY_DAY = DaySummary(0, 0, f"0-{0:032x}")


def summarize_days(warehouse: Warehouse, name: str, counter_id: int, key: str) -> dict[dt.date, DaySummary]:
    """Count and digest every day of a counter in a table, in one pass.

    Args:
        warehouse: the warehouse.
        name: table or staging table.
        counter_id: the counter.
        key: column that shall be unique within a day.

    Returns:
        Summary by day; days without rows are absent (see ``EMPTY_DAY``).
    """
    rows = warehouse.execute(
        f"{_summary_sql(warehouse, name, key)} WHERE counter_id = %(counter_id)s) GROUP BY date",
        {"counter_id": counter_id},
    )
    return {day: _summary(count, keys, hashed, squared) for day, count, keys, hashed, squared in rows}


def day_digest(
    warehouse: Warehouse, name: str, counter_id: int, day: dt.date, *, columns: Iterable[str] | None = None
) -> str:
    """Digest of one counter-day over its columns; the order of rows does not matter.

    Args:
        warehouse: the warehouse.
        name: table or staging table.
        counter_id: the counter.
        day: the day.
        columns: columns in the order they were digested before; None for all that are stored now.

    Returns:
        ``<row count>-<32 hex digits>``; two sums of row hashes, so that repeated rows count.
    """
    rows = warehouse.execute(
        f"{_summary_sql(warehouse, name, 'counter_id', columns)} WHERE counter_id = %(counter_id)s AND date = %(day)s) "
        "GROUP BY date",
        {"counter_id": counter_id, "day": day},
    )
    return _summary(*rows[0][1:]).digest if rows else EMPTY_DAY.digest


def _summary_sql(warehouse: Warehouse, name: str, key: str, columns: Iterable[str] | None = None) -> str:
    kinds = stored_columns(warehouse, name)
    hashed = ", ".join(hashable(column, kinds[column]) for column in (kinds if columns is None else columns))
    return (
        "SELECT date, count(), uniqExact(k), sum(h), sum(intHash64(h)) "
        f"FROM (SELECT date, {quoted(key)} AS k, cityHash64({hashed}) AS h FROM {quoted(name)}"
    )


def hashable(column: str, kind: str) -> str:
    """A column as it goes into a digest: a hash over a NULL is NULL, so NULL gets a text of its own.

    Args:
        column: its name.
        kind: its ClickHouse type.

    Returns:
        The expression.
    """
    return f"ifNull(toString({quoted(column)}), '\\\\N')" if kind.startswith("Nullable") else quoted(column)


def _summary(count: int, keys: int, hashed: int, squared: int) -> DaySummary:
    return DaySummary(count, keys, f"{count}-{hashed:016x}{squared:016x}")


def attach_days(warehouse: Warehouse, source: str, stage: str, counter_id: int, days: Iterable[dt.date]) -> None:
    """Add the days of one staging table to another without copying rows.

    Args:
        warehouse: the warehouse.
        source: staging table of the same structure that gives its days.
        stage: staging table that takes them.
        counter_id: the counter.
        days: days to add; days without rows are passed over.
    """
    if not warehouse.cluster:
        _attach_on(warehouse, source, stage, counter_id, days)
        return
    for shard in replica_of_each_shard(warehouse):
        fetch_all(shard, local_name(source))
        _attach_on(shard, local_name(source), local_name(stage), counter_id, days)


def _attach_on(node: Warehouse, source: str, stage: str, counter_id: int, days: Iterable[dt.date]) -> None:
    found = node.execute(
        f"SELECT DISTINCT date FROM {quoted(source)} WHERE counter_id = %(counter_id)s", {"counter_id": counter_id}
    )
    stored = {day for (day,) in found}
    for day in days:
        if day in stored:
            partition, values = bound_key((counter_id, day))
            node.execute(f"ALTER TABLE {quoted(stage)} ATTACH PARTITION {partition} FROM {quoted(source)}", values)


def drop_leftover_stages(warehouse: Warehouse, older_than_seconds: int) -> tuple[str, ...]:
    """Drop staging tables that killed runs left behind.

    Args:
        warehouse: the warehouse.
        older_than_seconds: only tables whose metadata has not changed for this long.

    Returns:
        Names of the dropped tables.
    """
    rows = warehouse.execute(
        "SELECT name FROM system.tables WHERE database = %(database)s AND position(name, %(mark)s) > 0 "
        "AND NOT endsWith(name, '_local') AND metadata_modification_time < now() - %(age)s",
        {"database": warehouse.database, "mark": STAGE_MARK, "age": older_than_seconds},
    )
    names = tuple(name for (name,) in rows)
    drop_tables(warehouse, names)
    return names
