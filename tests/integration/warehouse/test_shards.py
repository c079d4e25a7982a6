"""A day that lies on two shards: two served nodes, Distributed tables over plain ones, steps per shard."""

from __future__ import annotations

import contextlib
import datetime as dt
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from include.services.engines import clickhouse
from include.services.processes.files import make_private_folder, write_private
from include.services.processes.ports import LOOPBACK, choose_port
from include.settings import ClickHouseSettings
from include.warehouse.client import Warehouse
from include.warehouse.day_swap import attach_days, day_count, swap_day
from include.warehouse.schema import Rendering, Table, render
from tests.integration.warehouse.conftest import DAY, TABLE, insert_rows, row

CLUSTER, DATABASE, PASSWORD = "pair", "shop", "planted-0123456789"
READY_SECONDS = 60.0


def remote_servers(native_ports: list[int]) -> str:
    shards = "".join(
        f"<shard><replica><host>{LOOPBACK}</host><port>{port}</port><user>app</user>"
        f"<password>{PASSWORD}</password></replica></shard>"
        for port in native_ports
    )
    return f"<remote_servers><{CLUSTER}>{shards}</{CLUSTER}></remote_servers>\n"


@contextlib.contextmanager
def served(folder: Path, native_port: int, http_port: int, cluster: str) -> Iterator[Warehouse]:
    make_private_folder(folder)
    write_private(folder / "password", PASSWORD)
    part = clickhouse.prepare(
        folder, folder / "log", native_port=native_port, http_port=http_port, extra_config=cluster
    )
    with (folder / "log").open("wb") as log:
        node = subprocess.Popen(part.argv, cwd=part.folder, env=part.environ, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not clickhouse.is_ready(folder, http_port):
            assert node.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.05)
        clickhouse.create_database(folder, http_port, DATABASE)
        password = clickhouse.password_of(folder)
        yield Warehouse(ClickHouseSettings(LOOPBACK, native_port, http_port, "app", password, DATABASE, CLUSTER))
    finally:
        node.terminate()
        try:
            node.wait(clickhouse.STOP_SECONDS)
        except subprocess.TimeoutExpired:  # the supervisor does the same
            node.kill()
            node.wait(10)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Warehouse]]:
    folder = tmp_path_factory.mktemp("shards")
    natives, https = [choose_port(p) for p in (31_000, 31_100)], [choose_port(p) for p in (31_200, 31_300)]
    cluster = remote_servers(natives)
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(served(folder / f"n{number}", native, http, cluster))
            for number, (native, http) in enumerate(zip(natives, https, strict=True))
        ]


def create(nodes: list[Warehouse], table: Table) -> None:
    """What ON CLUSTER would do, node by node, without replication: a served engine has no keeper."""
    for statement in render(table, Rendering.CLUSTER, database=DATABASE, cluster=CLUSTER):
        begin, replicated, end = statement.partition("ENGINE = ReplicatedMergeTree(")
        plain = begin + "ENGINE = MergeTree" + end.partition(")")[2] if replicated else statement
        for node in nodes:
            node.execute(plain.replace(f" ON CLUSTER `{CLUSTER}`", ""))


def empty(nodes: list[Warehouse], name: str) -> None:
    for node in nodes:
        node.execute(f"TRUNCATE TABLE {name}_local")


def counts(nodes: list[Warehouse], name: str) -> list[int]:
    return [day_count(Warehouse(replace(node._settings, cluster="")), f"{name}_local", 101, DAY) for node in nodes]


@pytest.fixture
def first(nodes: list[Warehouse]) -> Warehouse:
    for name in (TABLE.name, "facts_stage_s", "facts_stage_p"):
        create(nodes, TABLE if name == TABLE.name else TABLE.as_staging(name))
        empty(nodes, name)
    return nodes[0]


def fill(warehouse: Warehouse, name: str, ids: range) -> None:
    insert_rows(warehouse, name, [row(number) for number in ids])


class TestTwoShards:
    def test_should_lie_on_both_shards_when_a_day_is_stored(self, nodes: list[Warehouse], first: Warehouse) -> None:
        fill(first, "facts_stage_s", range(1_000))
        swap_day(first, TABLE, "facts_stage_s", 101, DAY)
        assert sum(counts(nodes, "facts")) == day_count(first, "facts", 101, DAY) == 1_000
        assert min(counts(nodes, "facts")) > 300

    def test_should_hold_the_new_day_only_when_one_shard_of_it_is_empty(
        self, nodes: list[Warehouse], first: Warehouse
    ) -> None:
        fill(first, "facts_stage_s", range(1_000))
        swap_day(first, TABLE, "facts_stage_s", 101, DAY)
        empty(nodes, "facts_stage_s")
        fill(first, "facts_stage_s", range(1))
        swap_day(first, TABLE, "facts_stage_s", 101, DAY)
        assert sorted(counts(nodes, "facts")) == [0, 1]
        assert first.execute("SELECT id FROM facts") == [(0,)]

    def test_should_be_gone_from_both_shards_when_the_new_day_is_empty(
        self, nodes: list[Warehouse], first: Warehouse
    ) -> None:
        fill(first, "facts_stage_s", range(100))
        swap_day(first, TABLE, "facts_stage_s", 101, DAY)
        empty(nodes, "facts_stage_s")
        swap_day(first, TABLE, "facts_stage_s", 101, DAY)
        assert counts(nodes, "facts") == [0, 0]

    def test_should_change_nothing_when_the_step_is_repeated(self, nodes: list[Warehouse], first: Warehouse) -> None:
        fill(first, "facts_stage_s", range(500))
        for _ in range(3):
            swap_day(first, TABLE, "facts_stage_s", 101, DAY)
        assert first.execute("SELECT count(), uniqExact(id) FROM facts") == [(500, 500)]

    def test_should_add_the_parts_of_every_shard_when_stages_are_put_together(
        self, nodes: list[Warehouse], first: Warehouse
    ) -> None:
        fill(first, "facts_stage_s", range(100))
        fill(first, "facts_stage_p", range(100, 101))
        attach_days(first, "facts_stage_p", "facts_stage_s", 101, [DAY, dt.date(2025, 7, 9)])
        swap_day(first, TABLE, "facts_stage_s", 101, DAY)
        assert first.execute("SELECT count(), max(id) FROM facts") == [(101, 100)]
