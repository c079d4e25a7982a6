"""Replacing a counter-day: whole or not at all, for readers and for a process that is killed."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.warehouse.client import Warehouse
from include.warehouse.day_swap import (
    EMPTY_DAY,
    attach_days,
    create_staging,
    day_count,
    day_digest,
    drop_leftover_stages,
    staging,
    summarize_days,
    swap_day,
)
from include.warehouse.schema import drop_tables, ensure_tables, stored_columns
from tests.integration.warehouse.conftest import DAY, OTHER_DAY, TABLE, insert_rows, row

KEYS = st.lists(st.integers(1, 50), min_size=1, max_size=30)


@pytest.fixture(autouse=True)
def facts(warehouse: Warehouse) -> None:
    drop_tables(warehouse, [TABLE.name])
    ensure_tables(warehouse, [TABLE])


def store(warehouse: Warehouse, rows: list[tuple[object, ...]], day: dt.date = DAY, counter_id: int = 101) -> None:
    with staging(warehouse, TABLE, "test") as stage:
        if rows:
            insert_rows(warehouse, stage, rows)
        swap_day(warehouse, TABLE, stage, counter_id, day)


class TestSwapDay:
    def test_should_hold_the_new_day_only_when_it_is_replaced(self, warehouse: Warehouse) -> None:
        store(warehouse, [row(1), row(2)])
        store(warehouse, [row(3)])
        assert warehouse.execute("SELECT id FROM facts") == [(3,)]

    def test_should_hold_every_row_when_the_same_rows_come_again(self, warehouse: Warehouse) -> None:
        for _ in range(3):
            store(warehouse, [row(1), row(2)])
        assert day_count(warehouse, "facts", 101, DAY) == 2

    def test_should_leave_other_days_and_counters_alone(self, warehouse: Warehouse) -> None:
        store(warehouse, [row(1)])
        store(warehouse, [row(2, OTHER_DAY)], OTHER_DAY)
        store(warehouse, [row(3, counter_id=202)], counter_id=202)
        store(warehouse, [row(4)])
        assert warehouse.execute("SELECT id FROM facts ORDER BY id") == [(2,), (3,), (4,)]

    def test_should_remove_the_day_when_the_new_one_is_empty(self, warehouse: Warehouse) -> None:
        store(warehouse, [row(1)])
        store(warehouse, [])
        store(warehouse, [])
        assert day_count(warehouse, "facts", 101, DAY) == 0

    def test_should_show_readers_the_old_day_or_the_new_one_and_nothing_between(self, warehouse: Warehouse) -> None:
        days = [[row(number, label=version) for number in range(500)] for version in ("old", "new")]
        store(warehouse, days[0])
        seen: set[tuple[int, int]] = set()
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                seen.update(warehouse.execute("SELECT count(), uniqExact(label) FROM facts"))

        reader = threading.Thread(target=read)
        reader.start()
        for turn in range(20):
            store(warehouse, days[(turn + 1) % 2])
        done.set()
        reader.join(30)
        assert seen == {(500, 1)}


class TestStagingTables:
    def test_should_be_empty_when_a_killed_run_left_one_of_the_name(self, warehouse: Warehouse) -> None:
        create_staging(warehouse, TABLE, "facts_stage_x")
        insert_rows(warehouse, "facts_stage_x", [row(1)])
        create_staging(warehouse, TABLE, "facts_stage_x")
        assert warehouse.scalar("SELECT count() FROM facts_stage_x") == 0

    def test_should_be_gone_when_the_work_fails(self, warehouse: Warehouse) -> None:
        with pytest.raises(RuntimeError), staging(warehouse, TABLE, "failing") as stage:
            raise RuntimeError("the work")
        assert stored_columns(warehouse, stage) == {}

    def test_should_drop_what_killed_runs_left_only_when_it_is_old(self, warehouse: Warehouse) -> None:
        create_staging(warehouse, TABLE, "facts_stage_left")
        assert "facts_stage_left" not in drop_leftover_stages(warehouse, older_than_seconds=3600)
        assert "facts_stage_left" in drop_leftover_stages(warehouse, older_than_seconds=-5)
        assert stored_columns(warehouse, TABLE.name) != {}


class TestAttachDays:
    def test_should_add_the_named_days_only_when_a_stage_holds_more(self, warehouse: Warehouse) -> None:
        for name in ("facts_stage_a", "facts_stage_b", "facts_stage_sum"):
            create_staging(warehouse, TABLE, name)
        insert_rows(warehouse, "facts_stage_a", [row(1), row(2, OTHER_DAY)])
        insert_rows(warehouse, "facts_stage_b", [row(3)])
        for name in ("facts_stage_a", "facts_stage_b"):
            attach_days(warehouse, name, "facts_stage_sum", 101, [DAY, dt.date(2025, 7, 9)])
        assert warehouse.execute("SELECT id FROM facts_stage_sum ORDER BY id") == [(1,), (3,)]


class TestDigest:
    @given(KEYS, st.randoms(use_true_random=False))
    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_should_not_depend_on_the_order_of_rows(
        self, warehouse: Warehouse, keys: list[int], random: object
    ) -> None:
        store(warehouse, [row(key) for key in keys])
        before = day_digest(warehouse, "facts", 101, DAY)
        random.shuffle(keys)  # type: ignore[attr-defined]
        store(warehouse, [row(key) for key in keys])
        assert day_digest(warehouse, "facts", 101, DAY) == before
        found = summarize_days(warehouse, "facts", 101, "id")[DAY]
        assert (found.row_count, found.key_count, found.digest) == (len(keys), len(set(keys)), before)

    @pytest.mark.parametrize(
        "changed",
        [
            [row(1), row(2), row(2)],
            [row(1), row(3)],
            [row(1), row(2, label="b")],
            [row(1), row(2, label=None)],
            [row(1), row(2, label="\\N")],
            [row(1), (*row(2)[:4], [])],
            [row(1)],
        ],
    )
    def test_should_differ_when_one_thing_differs(
        self, warehouse: Warehouse, changed: list[tuple[object, ...]]
    ) -> None:
        store(warehouse, [row(1), row(2)])
        before = day_digest(warehouse, "facts", 101, DAY)
        store(warehouse, changed)
        assert day_digest(warehouse, "facts", 101, DAY) != before

    def test_should_be_the_digest_of_nothing_when_a_day_is_empty(self, warehouse: Warehouse) -> None:
        assert day_digest(warehouse, "facts", 101, DAY) == EMPTY_DAY.digest
        assert summarize_days(warehouse, "facts", 101, "id") == {}
