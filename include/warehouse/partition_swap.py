"""Replacing a partition as a whole: from a staging table, in one atomic step.

Never DELETE + INSERT: with insert deduplication on, the byte-identical re-insert leaves 0 rows.
Readers see the old partition or the new one. On a cluster the step runs per shard, decided per shard,
because a small partition leaves the staging tables of some shards empty.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from include.warehouse.client import Warehouse, quoted
from include.warehouse.schema import Table, local_name

Key = Sequence[Any]


def _nothing() -> None:
    pass


def swap_partitions(
    warehouse: Warehouse, table: Table, stage: str, keys: Sequence[Key], *, after_each: Callable[[], None] = _nothing
) -> None:
    """Put staged partitions in place of the stored ones, each atomically; an empty one removes what is stored.

    Args:
        warehouse: the warehouse.
        table: the target, partitioned by plain columns.
        stage: staging table holding the new partitions.
        keys: of each partition the values of the columns that the target is partitioned by, in that order.
        after_each: called after every swap.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached; the step can be repeated.
    """
    if not warehouse.cluster:
        _swap_on(warehouse, table, table.name, stage, keys, after_each)
        return
    for shard in replica_of_each_shard(warehouse):
        fetch_all(shard, local_name(stage))
        _swap_on(shard, table, local_name(table.name), local_name(stage), keys, after_each)


def _swap_on(
    node: Warehouse, table: Table, target: str, stage: str, keys: Sequence[Key], after_each: Callable[[], None]
) -> None:
    filled = filled_partitions(node, table, stage, keys)
    for key in keys:
        partition, values = bound_key(key)
        if tuple(key) in filled:
            node.execute(f"ALTER TABLE {quoted(target)} REPLACE PARTITION {partition} FROM {quoted(stage)}", values)
        else:
            node.execute(f"ALTER TABLE {quoted(target)} DROP PARTITION {partition}", values)
        after_each()


def filled_partitions(node: Warehouse, table: Table, name: str, keys: Sequence[Key]) -> set[tuple[Any, ...]]:
    """Find the partitions that hold rows.

    Args:
        node: the warehouse, or one node of it.
        table: definition of the table, for the columns it is partitioned by.
        name: the table, or a staging table of it.
        keys: partitions to look for.

    Returns:
        Those of the keys that have rows.
    """
    bound = [bound_key(key) for key in keys]
    places = {f"{slot}_{number}": value for number, (_, values) in enumerate(bound) for slot, value in values.items()}
    wanted = ", ".join(
        "(" + ", ".join(f"%({slot}_{number})s" for slot in v) + ")" for number, (_, v) in enumerate(bound)
    )
    columns = ", ".join(quoted(column) for column in table.partition_by)
    found = node.execute(f"SELECT DISTINCT {columns} FROM {quoted(name)} WHERE ({columns}) IN ({wanted})", places)
    return {tuple(row) for row in found}


def bound_key(key: Key) -> tuple[str, dict[str, Any]]:
    """The values of a partition as a statement names them.

    Args:
        key: values of the columns the table is partitioned by.

    Returns:
        Text such as ``(%(key0)s, %(key1)s)``, and its values; days as text, which is how they are written there.

    >>> bound_key((101, dt.date(2025, 7, 1)))
    ('(%(key0)s, %(key1)s)', {'key0': 101, 'key1': '2025-07-01'})
    """
    values = {
        f"key{place}": value.isoformat() if isinstance(value, dt.date) else value for place, value in enumerate(key)
    }
    return f"({', '.join(f'%({slot})s' for slot in values)})", values


def replica_of_each_shard(warehouse: Warehouse) -> list[Warehouse]:
    """One replica of every shard, the one with the fewest errors.

    Args:
        warehouse: a node of the cluster.

    Returns:
        Clients in the order of shards.
    """
    rows = warehouse.execute(
        "SELECT shard_num, host_address, port FROM system.clusters WHERE cluster = %(cluster)s "
        "ORDER BY shard_num, errors_count, replica_num LIMIT 1 BY shard_num",
        {"cluster": warehouse.cluster},
    )
    return [warehouse.at(host, port) for _, host, port in rows]


def fetch_all(node: Warehouse, name: str) -> None:
    """Wait until a replica has every part; shards without replication have nothing to wait for.

    Args:
        node: the replica.
        name: the table on that node.
    """
    replicated = node.scalar(
        "SELECT count() FROM system.tables WHERE database = %(database)s AND name = %(name)s "
        "AND startsWith(engine, 'Replicated')",
        {"database": node.database, "name": name},
    )
    if replicated:
        node.execute(f"SYSTEM SYNC REPLICA {quoted(name)}")
