"""Replacing a partition of any key: whole or not at all, and no other."""

from __future__ import annotations

import datetime as dt

import pytest

from include.warehouse.client import Warehouse
from include.warehouse.day_swap import staging
from include.warehouse.partition_swap import Key, filled_partitions, swap_partitions
from include.warehouse.schema import Column, Table, drop_tables, ensure_tables

TABLE = Table(
    "notes",
    (Column("owner", "String", "a text"), Column("day", "Date", "a day"), Column("id", "UInt64", "key")),
    ("owner", "day", "id"),
    partition_by=("owner", "day"),
    shard_by="id",
)
DAY, NEXT_DAY = dt.date(2025, 7, 1), dt.date(2025, 7, 2)
OWNERS = ("plain", "it's", 'two "words"', "back\\slash", "50%", "имя", "")


@pytest.fixture(autouse=True)
def notes(warehouse: Warehouse) -> None:
    drop_tables(warehouse, [TABLE.name])
    ensure_tables(warehouse, [TABLE])


def swap(warehouse: Warehouse, key: Key, *ids: int) -> None:
    with staging(warehouse, TABLE, "test") as stage:
        if ids:
            owner, day = key
            warehouse.insert_columns(stage, ("owner", "day", "id"), [[owner] * len(ids), [day] * len(ids), list(ids)])
        swap_partitions(warehouse, TABLE, stage, [key])


def rows(warehouse: Warehouse) -> list[tuple[object, ...]]:
    return warehouse.execute("SELECT owner, toString(day), id FROM notes ORDER BY ALL")


class TestSwapPartitions:
    @pytest.mark.parametrize("owner", OWNERS)
    def test_should_hold_the_new_rows_only_when_a_partition_is_replaced(self, warehouse: Warehouse, owner: str) -> None:
        swap(warehouse, (owner, DAY), 1, 2)
        swap(warehouse, (owner, DAY), 2, 3)
        assert rows(warehouse) == [(owner, "2025-07-01", 2), (owner, "2025-07-01", 3)]

    @pytest.mark.parametrize("owner", OWNERS)
    def test_should_be_gone_when_nothing_is_staged(self, warehouse: Warehouse, owner: str) -> None:
        swap(warehouse, (owner, DAY), 1)
        swap(warehouse, (owner, DAY))
        swap(warehouse, (owner, DAY))
        assert rows(warehouse) == []

    def test_should_leave_partitions_alone_when_half_of_their_key_differs(self, warehouse: Warehouse) -> None:
        for key in (("a", DAY), ("a", NEXT_DAY), ("b", DAY)):
            swap(warehouse, key, 1)
        swap(warehouse, ("a", DAY), 5)
        swap(warehouse, ("b", DAY))
        assert rows(warehouse) == [("a", "2025-07-01", 5), ("a", "2025-07-02", 1)]

    def test_should_replace_some_and_remove_others_when_several_are_swapped(self, warehouse: Warehouse) -> None:
        for key in (("a", DAY), ("a", NEXT_DAY), ("b", DAY)):
            swap(warehouse, key, 1)
        done: list[int] = []
        with staging(warehouse, TABLE, "test") as stage:
            warehouse.insert_columns(stage, ("owner", "day", "id"), [["a", "b"], [DAY, DAY], [7, 8]])
            keys = [("a", DAY), ("a", NEXT_DAY)]
            swap_partitions(warehouse, TABLE, stage, keys, after_each=lambda: done.append(len(rows(warehouse))))
        assert rows(warehouse) == [("a", "2025-07-01", 7), ("b", "2025-07-01", 1)]
        assert done == [3, 2]


class TestFilledPartitions:
    @pytest.mark.parametrize("owner", OWNERS)
    def test_should_give_those_with_rows_when_there_are_several(self, warehouse: Warehouse, owner: str) -> None:
        swap(warehouse, (owner, DAY), 1, 2, 3)
        swap(warehouse, ("other", NEXT_DAY), 1)
        keys = [(owner, DAY), (owner, NEXT_DAY), ("b", DAY)]
        assert filled_partitions(warehouse, TABLE, "notes", keys) == {(owner, DAY)}
