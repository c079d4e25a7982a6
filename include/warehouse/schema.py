"""Table definitions and their three renderings: served engine, single server, cluster.

A :class:`Table` is written once, in the domain that owns it. On a cluster it becomes a Replicated
``<name>_local`` on every node plus a Distributed ``<name>`` over them; elsewhere it is one plain table.
Missing columns are added to an existing table; a column that differs in type is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from include.errors import StoreConflict
from include.warehouse.client import Warehouse, quoted

NAME = re.compile(r"\w+")
NO_MERGES = "max_bytes_to_merge_at_max_space_in_pool = 1"  # merging a staging table would be work thrown away


class Rendering(Enum):
    """Where the statements will run."""

    SERVED = "served"
    SINGLE = "single"
    CLUSTER = "cluster"


@dataclass(frozen=True)
class Column:
    """One stored column.

    Attributes:
        name: house name with its unit.
        type: ClickHouse type.
        meaning: one line for people; also stored as the column's comment.
    """

    name: str
    type: str
    meaning: str


@dataclass(frozen=True)
class SkipIndex:
    """A small index that lets reads pass over blocks of rows.

    Attributes:
        name: index name.
        column: indexed column.
        kind: ClickHouse's kind with its parameters, such as ``bloom_filter(0.01)``.
        granules: granules of the table that one entry covers.
    """

    name: str
    column: str
    kind: str
    granules: int = 1


@dataclass(frozen=True)
class Table:
    """One table of the warehouse.

    Attributes:
        name: table name.
        columns: columns in order.
        order_by: sort key, columns or expressions over them.
        partition_by: partition key, columns or expressions over them; empty for none.
        shard_by: column whose hash picks the shard on a cluster.
        meaning: the grain, one line.
        is_staging: True for a table that only lives until its partitions are handed on.
        is_replacing: True when of rows with the same sort key one is kept; read with ``FINAL``.
        version: column whose largest value is kept by a replacing table; empty for the row that came last.
        indexes: skip indexes.
        ttl: expression of the moment at which a row goes; empty for never.
    """

    name: str
    columns: tuple[Column, ...]
    order_by: tuple[str, ...]
    partition_by: tuple[str, ...] = ("counter_id", "date")
    shard_by: str = "client_id"
    meaning: str = ""
    is_staging: bool = False
    is_replacing: bool = False
    version: str = ""
    indexes: tuple[SkipIndex, ...] = ()
    ttl: str = ""

    def as_staging(self, name: str) -> Table:
        """The same table under another name, never merged: its parts are handed on soon.

        Args:
            name: new table name.

        Returns:
            A copy.
        """
        return replace(self, name=name, is_staging=True)


def rendering_of(warehouse: Warehouse) -> Rendering:
    """Which rendering a warehouse needs.

    Args:
        warehouse: the connected warehouse.

    Returns:
        CLUSTER when a cluster name is set, otherwise SINGLE (the served engine takes the same text).
    """
    return Rendering.CLUSTER if warehouse.cluster else Rendering.SINGLE


def render(table: Table, rendering: Rendering, *, database: str, cluster: str = "") -> tuple[str, ...]:
    """Write the CREATE statements of a table.

    Args:
        table: the definition.
        rendering: where it shall exist.
        database: database name.
        cluster: cluster name, needed for CLUSTER.

    Returns:
        One statement, or two on a cluster (local table, then Distributed table).
    """
    if rendering is not Rendering.CLUSTER:
        engine = _engine(table, "")
        return (_create_local(table, f"{quoted(database)}.{quoted(table.name)}", engine, ""),)
    on_cluster = f" ON CLUSTER {quoted(cluster)}"
    local = f"{quoted(database)}.{quoted(local_name(table.name))}"
    path = f"/clickhouse/tables/{{shard}}/{database}/{local_name(table.name)}"
    engine = _engine(table, "Replicated", f"'{path}'", "'{replica}'")
    distributed = (
        f"CREATE TABLE IF NOT EXISTS {quoted(database)}.{quoted(table.name)}{on_cluster} AS {local} "
        f"ENGINE = Distributed({quoted(cluster)}, {quoted(database)}, {quoted(local_name(table.name))}, "
        f"cityHash64({quoted(table.shard_by)}))"
    )
    return (_create_local(table, local, engine, on_cluster), distributed)


def _engine(table: Table, prefix: str, *arguments: str) -> str:
    family = "ReplacingMergeTree" if table.is_replacing else "MergeTree"
    if table.version:
        arguments = (*arguments, quoted(table.version))
    return f"{prefix}{family}({', '.join(arguments)})" if arguments else f"{prefix}{family}"


def _create_local(table: Table, full_name: str, engine: str, on_cluster: str) -> str:
    columns = ",\n  ".join(
        [f"{quoted(column.name)} {column.type} COMMENT {_text(column.meaning)}" for column in table.columns]
        + [
            f"INDEX {quoted(one.name)} {quoted(one.column)} TYPE {one.kind} GRANULARITY {one.granules}"
            for one in table.indexes
        ]
    )
    partition = f"\nPARTITION BY ({_listed(table.partition_by)})" if table.partition_by else ""
    ttl = f"\nTTL {table.ttl}" if table.ttl else ""
    settings = f"\nSETTINGS {NO_MERGES}" if table.is_staging else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {full_name}{on_cluster} (\n  {columns}\n)\n"
        f"ENGINE = {engine}{partition}\nORDER BY ({_listed(table.order_by)}){ttl}{settings}"
    )


def local_name(name: str) -> str:
    """Name of the per-node table behind a Distributed one.

    Args:
        name: the table people read.

    Returns:
        ``<name>_local``.
    """
    return f"{name}_local"


def create_table(warehouse: Warehouse, table: Table) -> None:
    """Create a table if it is missing.

    Args:
        warehouse: the warehouse.
        table: the definition.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    for statement in render(table, rendering_of(warehouse), database=warehouse.database, cluster=warehouse.cluster):
        warehouse.execute(statement)


def drop_tables(warehouse: Warehouse, names: Iterable[str]) -> None:
    """Drop tables in one statement, on every node of a cluster; absent ones are fine.

    Args:
        warehouse: the warehouse.
        names: table names.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    targets = list(dict.fromkeys(names))
    on_cluster = ""
    if warehouse.cluster:
        targets = [target for name in targets for target in (name, local_name(name))]
        on_cluster = f" ON CLUSTER {quoted(warehouse.cluster)}"
    if targets:
        listed = ", ".join(quoted(target) for target in targets)
        warehouse.execute(f"DROP TABLE IF EXISTS {listed}{on_cluster} SYNC")


def ensure_tables(warehouse: Warehouse, tables: Iterable[Table]) -> None:
    """Bring the database to the definitions: create tables, add columns, never drop.

    Args:
        warehouse: the warehouse; its database is created when missing.
        tables: the definitions.

    Raises:
        StoreConflict: a stored column has another type than its definition.
        StoreUnavailable: ClickHouse cannot be reached.
    """
    warehouse.create_database()
    for table in tables:
        create_table(warehouse, table)
        _add_missing_columns(warehouse, table)


def stored_columns(warehouse: Warehouse, name: str) -> dict[str, str]:
    """Columns a table really has.

    Args:
        warehouse: the warehouse.
        name: table name.

    Returns:
        Type by column name, in stored order; empty when the table is absent.
    """
    rows = warehouse.execute(
        "SELECT name, type FROM system.columns WHERE database = %(database)s AND table = %(table)s ORDER BY position",
        {"database": warehouse.database, "table": name},
    )
    return {str(column): str(kind) for column, kind in rows}


def _add_missing_columns(warehouse: Warehouse, table: Table) -> None:
    stored = stored_columns(warehouse, table.name)
    previous = ""
    for column in table.columns:
        if column.name not in stored:
            _add_column(warehouse, table.name, column, previous)
        elif _plain(stored[column.name]) != _plain(column.type):
            raise StoreConflict(
                f"Column {column.name} of table {table.name} is {stored[column.name]} but should be {column.type}; "
                "rename the old table and load its days again."
            )
        previous = column.name


def _add_column(warehouse: Warehouse, name: str, column: Column, previous: str) -> None:
    place = f"AFTER {quoted(previous)}" if previous else "FIRST"
    change = f"ADD COLUMN IF NOT EXISTS {quoted(column.name)} {column.type} COMMENT {_text(column.meaning)} {place}"
    if not warehouse.cluster:
        warehouse.execute(f"ALTER TABLE {quoted(name)} {change}")
        return
    for target in (local_name(name), name):
        warehouse.execute(f"ALTER TABLE {quoted(target)} ON CLUSTER {quoted(warehouse.cluster)} {change}")


def _plain(kind: str) -> str:
    return re.sub(r"\s+", "", kind)


def _listed(keys: tuple[str, ...]) -> str:
    """Columns in backticks; expressions as they are."""
    return ", ".join(quoted(key) if NAME.fullmatch(key) else key for key in keys)


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
