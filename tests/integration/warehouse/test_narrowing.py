"""Digests of parts of a day name the cells and columns that changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from include.services.engines.endpoints import Endpoints
from include.settings import Settings
from include.warehouse.client import Warehouse
from include.warehouse.day_comparing import compare_days
from include.warehouse.day_swap import day_digest
from include.warehouse.narrowing import CELLS, Narrowing, narrow_day, narrow_days, suspects_sql
from include.warehouse.schema import Column, Table, create_table, drop_tables
from tests.loading import own_stores

DAY, NEXT = dt.date(2025, 7, 1), dt.date(2025, 7, 2)
COLUMNS = ("counter_id", "date", "client_id", "id", "name", "share")
ROWS = 20_000
SYNC = " SETTINGS mutations_sync = 2"


@pytest.fixture(scope="module")
def store(endpoints: Endpoints) -> Iterator[Warehouse]:
    with own_stores(endpoints) as environ:
        found = Settings.from_env(environ).clickhouse
        assert found is not None
        yield Warehouse(found)


@pytest.fixture
def filled(store: Warehouse) -> Iterator[Warehouse]:
    """Two equal tables of two days, keys above what a signed column holds."""
    kinds = ("UInt32", "Date", "UInt64", "UInt64", "String", "Nullable(Float64)")
    columns = tuple(Column(name, kind, "test") for name, kind in zip(COLUMNS, kinds, strict=True))
    for name in ("stored", "derived"):
        create_table(store, Table(name, columns, ("counter_id", "date", "id")))
        store.execute(
            f"INSERT INTO {name} SELECT 1, toDate('2025-07-01') + number %% 2, number %% 97, "
            "9300000000000000000 + number, toString(number), if(number %% 5 = 0, NULL, number / 7) "
            "FROM numbers(%(rows)s)",
            {"rows": 2 * ROWS},
        )
    yield store
    drop_tables(store, ["stored", "derived"])


def parts(store: Warehouse) -> Narrowing:
    return narrow_day(store, "stored", 1, DAY, "id", columns=COLUMNS)


def suspects(store: Warehouse, then: Narrowing) -> list[int]:
    first, second = then.changed_cells(parts(store))
    values = {"counter_id": 1, "day": DAY, "first": first, "second": second}
    return [row[0] for row in store.execute(suspects_sql("stored", "id", ["id"]), values)]


class TestNarrowDays:
    def test_should_give_the_same_for_a_day_and_for_all_days(self, filled: Warehouse) -> None:
        found = narrow_days(filled, "stored", 1, "id")
        assert (sorted(found), found[DAY]) == ([DAY, NEXT], parts(filled))

    def test_should_survive_the_seal(self, filled: Warehouse) -> None:
        assert Narrowing.from_dict(parts(filled).as_dict()) == parts(filled)

    def test_should_add_up_to_the_same_sum_in_both_directions(self, filled: Warehouse) -> None:
        cells = parts(filled).cells
        numbers = [int(cells[at : at + 16], 16) for at in range(0, len(cells), 16)]
        first, second = (sum(half) % 2**64 for half in (numbers[:CELLS], numbers[CELLS:]))
        assert (first == second != 0, len(numbers)) == (True, 2 * CELLS)

    def test_should_be_all_zero_when_the_day_is_empty(self, filled: Warehouse) -> None:
        assert set(narrow_day(filled, "stored", 2, DAY, "id", columns=COLUMNS).cells) == {"0"}

    @pytest.mark.parametrize("key", [9300000000000000000, 9300000000000012346, 9300000000000039998])
    def test_should_narrow_a_changed_cell_to_its_column_and_few_rows(self, filled: Warehouse, key: int) -> None:
        then = parts(filled)
        filled.execute(f"ALTER TABLE stored UPDATE name = '?' WHERE id = {key}{SYNC}")
        found = suspects(filled, then)
        assert then.changed_columns(parts(filled)) == ["name"]
        assert key in found
        assert len(found) < 5

    def test_should_notice_a_number_that_became_null(self, filled: Warehouse) -> None:
        then = parts(filled)
        filled.execute(f"ALTER TABLE stored UPDATE share = NULL WHERE id = 9300000000000000002{SYNC}")
        assert then.changed_columns(parts(filled)) == ["share"]

    def test_should_leave_out_columns_that_came_later(self, filled: Warehouse) -> None:
        then, digest = parts(filled), day_digest(filled, "stored", 1, DAY)
        filled.execute("ALTER TABLE stored ADD COLUMN more String")
        assert parts(filled) == then
        assert day_digest(filled, "stored", 1, DAY, columns=then.columns) == digest
        assert day_digest(filled, "stored", 1, DAY) != digest


class TestCompareDays:
    def test_should_find_nothing_when_days_are_equal(self, filled: Warehouse) -> None:
        found = compare_days(filled, "stored", "derived", counter_id=1, day=DAY, key="id")
        assert (found.row_count, found.cells) == (0, ())

    def test_should_name_key_column_and_both_values(self, filled: Warehouse) -> None:
        filled.execute(f"ALTER TABLE stored UPDATE name = '?' WHERE id = 9300000000000000008{SYNC}")
        found = compare_days(filled, "stored", "derived", counter_id=1, day=DAY, key="id")
        cell = found.cells[0]
        assert (found.row_count, cell.key, cell.column) == (1, 9300000000000000008, "name")
        assert (cell.stored, cell.derived) == ("?", "8")

    @pytest.mark.parametrize(
        ("sql", "stored", "derived"),
        [
            (f"ALTER TABLE stored DELETE WHERE id = 9300000000000000010{SYNC}", "no row", "one row"),
            (f"ALTER TABLE derived DELETE WHERE id = 9300000000000000010{SYNC}", "one row", "no row"),
            ("INSERT INTO stored SELECT * FROM stored WHERE id = 9300000000000000010", "several rows", "one row"),
        ],
        ids=["missing", "too many", "doubled"],
    )
    def test_should_name_the_row_when_it_is(self, filled: Warehouse, sql: str, stored: str, derived: str) -> None:
        filled.execute(sql)
        found = compare_days(filled, "stored", "derived", counter_id=1, day=DAY, key="id")
        assert [(cell.key, cell.column, cell.stored, cell.derived) for cell in found.cells] == [
            (9300000000000000010, "", stored, derived)
        ]

    def test_should_count_all_and_show_twenty(self, filled: Warehouse) -> None:
        filled.execute(f"ALTER TABLE stored UPDATE name = '?' WHERE date = '2025-07-01'{SYNC}")
        found = compare_days(filled, "stored", "derived", counter_id=1, day=DAY, key="id")
        assert (found.row_count, len(found.keys)) == (ROWS, 20)

    def test_should_take_last_bits_as_equal_when_told_to_round(self, filled: Warehouse) -> None:
        filled.execute(f"ALTER TABLE stored UPDATE share = share + 1e-12 WHERE id = 9300000000000000002{SYNC}")
        exact = compare_days(filled, "stored", "derived", counter_id=1, day=DAY, key="id")
        rounded = compare_days(filled, "stored", "derived", counter_id=1, day=DAY, key="id", rounded={"share": 9})
        assert (exact.row_count, rounded.row_count) == (1, 0)
