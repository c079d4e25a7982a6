"""A ClickHouse database of its own, and one small table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

import pytest

from include.services.engines.endpoints import Endpoints
from include.settings import Settings
from include.warehouse.client import Warehouse
from include.warehouse.schema import Column, Table
from tests.loading import own_stores

TABLE = Table(
    "facts",
    (
        Column("counter_id", "UInt32", "counter"),
        Column("date", "Date", "day"),
        Column("id", "UInt64", "key"),
        Column("label", "Nullable(String)", "a text, or nothing"),
        Column("times", "Array(DateTime('UTC'))", "instants"),
    ),
    ("counter_id", "date", "id"),
    shard_by="id",
)
DAY = dt.date(2025, 7, 1)
OTHER_DAY = dt.date(2025, 7, 2)


def row(number: int, day: dt.date = DAY, counter_id: int = 101, label: str | None = "a") -> tuple[object, ...]:
    return (counter_id, day, number, label, [dt.datetime(2025, 7, 1, 12, tzinfo=dt.UTC)])


def insert_rows(warehouse: Warehouse, name: str, rows: Sequence[tuple[object, ...]]) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)]
    warehouse.insert_columns(name, [column.name for column in TABLE.columns], columns)


@pytest.fixture(scope="module")
def warehouse(endpoints: Endpoints) -> Iterator[Warehouse]:
    with own_stores(endpoints) as stores:
        settings = Settings.from_env(stores).clickhouse
        assert settings is not None
        yield Warehouse(settings)
