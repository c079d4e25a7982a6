"""Tables in their three renderings, and bringing stored tables to their definitions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from include.errors import StoreConflict, StoreError
from include.events.tables import EVENTS, REJECTED
from include.metrika.fields.resolving import resolve_fields
from include.metrika.loading.tables import quarantine_table, source_table
from include.visits.tables import TABLES as VISIT_TABLES
from include.warehouse.client import Warehouse
from include.warehouse.schema import (
    Column,
    Rendering,
    Table,
    create_table,
    drop_tables,
    ensure_tables,
    local_name,
    render,
    stored_columns,
)
from tests.integration.warehouse.conftest import DAY, TABLE, insert_rows, row

PRODUCT = [
    *(source_table(name, resolve_fields(name)) for name in ("visits", "hits")),
    *(quarantine_table(name) for name in ("visits", "hits")),
    *VISIT_TABLES,
    EVENTS,
    REJECTED,
]
STORED = Path(__file__).parent / "renderings"
REPLACING = {"events": ", `version`)", "events_rejected": ")"}


class TestRenderings:
    @pytest.mark.parametrize("table", PRODUCT, ids=lambda table: table.name)
    @pytest.mark.parametrize("rendering", list(Rendering))
    def test_should_be_read_by_the_real_parser_when_rendered(
        self, warehouse: Warehouse, table: Table, rendering: Rendering
    ) -> None:
        for statement in render(table, rendering, database="counterflow", cluster="main"):
            tree = "\n".join(line for (line,) in warehouse.execute(f"EXPLAIN AST {statement}"))
            assert tree.startswith("CreateQuery")

    @pytest.mark.parametrize("table", PRODUCT, ids=lambda table: table.name)
    def test_should_be_a_replicated_table_under_a_distributed_one_on_a_cluster(self, table: Table) -> None:
        local, distributed = render(table, Rendering.CLUSTER, database="counterflow", cluster="main")
        assert f"`counterflow`.`{local_name(table.name)}` ON CLUSTER `main`" in local
        family = "ReplicatedReplacingMergeTree" if table.name in REPLACING else "ReplicatedMergeTree"
        path = f"/clickhouse/tables/{{shard}}/counterflow/{local_name(table.name)}"
        assert f"ENGINE = {family}('{path}', '{{replica}}'{REPLACING.get(table.name, ')')}" in local
        assert f"ENGINE = Distributed(`main`, `counterflow`, `{local_name(table.name)}`, cityHash64(" in distributed
        assert f"`{table.shard_by}`" in distributed
        assert table.shard_by in [column.name for column in table.columns]

    @pytest.mark.parametrize("table", PRODUCT, ids=lambda table: table.name)
    def test_should_say_what_each_column_means(self, table: Table) -> None:
        assert [column.name for column in table.columns if not column.meaning] == []

    @pytest.mark.parametrize("rendering", list(Rendering))
    def test_should_carry_keys_version_indexes_and_ttl_of_the_events(self, rendering: Rendering) -> None:
        events = render(EVENTS, rendering, database="counterflow", cluster="main")[0]
        rejected = render(REJECTED, rendering, database="counterflow", cluster="main")[0]
        assert events.endswith(
            "\nPARTITION BY (toYYYYMM(occurred_at))"
            "\nORDER BY (`project`, `event_name`, toDate(occurred_at), `person_id`, `event_id`)"
        )
        assert "INDEX `by_event_id` `event_id` TYPE bloom_filter(0.01) GRANULARITY 4" in events
        assert "ReplacingMergeTree(" in events
        assert rejected.endswith("\nTTL toDateTime(received_at) + INTERVAL 30 DAY")

    @pytest.mark.parametrize("table", [EVENTS, REJECTED], ids=lambda table: table.name)
    @pytest.mark.parametrize("rendering", list(Rendering))
    def test_should_be_the_stored_text(self, table: Table, rendering: Rendering) -> None:
        """A change of keys or engine is seen here: tables that exist are not rebuilt by it."""
        name = Rendering.CLUSTER if rendering is Rendering.CLUSTER else Rendering.SINGLE
        stored = (STORED / f"{table.name}_{name.value}.sql").read_text()
        assert ";\n".join(render(table, rendering, database="counterflow", cluster="main")) + ";\n" == stored

    def test_should_keep_the_first_copy_when_an_event_comes_again(self, warehouse: Warehouse) -> None:
        table = replace(EVENTS, name="events_again")
        drop_tables(warehouse, [table.name])
        ensure_tables(warehouse, [table])
        for version in (2, 9, 5):
            warehouse.execute(f"INSERT INTO events_again (project, version) VALUES ('default', {version})")
        assert warehouse.execute("SELECT version FROM events_again FINAL") == [(9,)]


class TestEnsureTables:
    @pytest.fixture(autouse=True)
    def _fresh(self, warehouse: Warehouse) -> None:
        drop_tables(warehouse, [TABLE.name])

    def test_should_change_nothing_when_it_is_repeated(self, warehouse: Warehouse) -> None:
        ensure_tables(warehouse, [TABLE])
        before = stored_columns(warehouse, TABLE.name)
        ensure_tables(warehouse, [TABLE])
        assert stored_columns(warehouse, TABLE.name) == before
        assert list(before) == [column.name for column in TABLE.columns]

    def test_should_add_a_column_in_its_place_and_keep_the_rows(self, warehouse: Warehouse) -> None:
        ensure_tables(warehouse, [TABLE])
        insert_rows(warehouse, TABLE.name, [row(1), row(2)])
        wider = replace(TABLE, columns=(*TABLE.columns[:3], Column("more", "UInt8", "new"), *TABLE.columns[3:]))
        ensure_tables(warehouse, [wider])
        assert list(stored_columns(warehouse, TABLE.name)) == [column.name for column in wider.columns]
        assert warehouse.execute(f"SELECT id, more FROM {TABLE.name} ORDER BY id") == [(1, 0), (2, 0)]

    def test_should_never_drop_a_column_the_definition_does_not_know(self, warehouse: Warehouse) -> None:
        ensure_tables(warehouse, [TABLE])
        ensure_tables(warehouse, [replace(TABLE, columns=TABLE.columns[:4])])
        assert list(stored_columns(warehouse, TABLE.name)) == [column.name for column in TABLE.columns]

    def test_should_refuse_when_a_stored_column_has_another_type(self, warehouse: Warehouse) -> None:
        ensure_tables(warehouse, [TABLE])
        other = replace(TABLE, columns=(*TABLE.columns[:2], Column("id", "String", "key"), *TABLE.columns[3:]))
        with pytest.raises(StoreConflict, match="Column id of table facts is UInt64 but should be String"):
            ensure_tables(warehouse, [other])


class TestDropTables:
    def test_should_drop_all_of_them_when_some_are_absent(self, warehouse: Warehouse) -> None:
        for name in ("one", "two"):
            create_table(warehouse, TABLE.as_staging(name))
        drop_tables(warehouse, ["one", "absent", "two", "one"])
        assert [stored_columns(warehouse, name) for name in ("one", "two")] == [{}, {}]

    def test_should_do_nothing_when_no_table_is_named(self, warehouse: Warehouse) -> None:
        drop_tables(warehouse, [])
        assert warehouse.scalar("SELECT 1") == 1


class TestStaging:
    def test_should_refuse_nothing_of_the_target_when_a_stage_gives_its_partition(self, warehouse: Warehouse) -> None:
        ensure_tables(warehouse, [TABLE])
        create_table(warehouse, TABLE.as_staging("facts_stage_1"))
        insert_rows(warehouse, "facts_stage_1", [row(7)])
        warehouse.execute(f"ALTER TABLE facts REPLACE PARTITION (101, '{DAY}') FROM facts_stage_1")
        assert warehouse.scalar("SELECT sum(id) FROM facts") == 7
        with pytest.raises(StoreError):
            warehouse.execute("ALTER TABLE facts REPLACE PARTITION (101, '2025-07-09') FROM facts_stage_1")
