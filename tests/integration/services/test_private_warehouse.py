from __future__ import annotations

import pytest

from include.errors import InputError, StoreUnavailable
from include.services.engines.endpoints import Endpoints
from include.services.private_warehouse import private_warehouse
from include.settings import ClickHouseSettings, Settings


def fail_at_work(settings: ClickHouseSettings | None, seen: list[str]) -> None:
    """Work that makes a table and fails."""
    with private_warehouse(settings, "work") as warehouse:
        seen.append(warehouse.database)
        warehouse.execute("CREATE TABLE kept (a UInt8) ENGINE = MergeTree ORDER BY a")
        raise InputError("the work fails")


class TestPrivateWarehouse:
    def test_should_drop_its_database_when_the_work_fails(self, endpoints: Endpoints) -> None:
        settings = Settings.from_env(endpoints.environment()).clickhouse
        seen: list[str] = []
        with pytest.raises(InputError):
            fail_at_work(settings, seen)
        with private_warehouse(settings, "look") as warehouse:
            names = {name for (name,) in warehouse.execute("SELECT name FROM system.databases")}
        assert seen[0].startswith("counterflow_work_")
        assert seen[0] not in names

    def test_should_start_and_stop_one_of_its_own_when_there_is_none(self) -> None:
        with private_warehouse(None, "work") as warehouse:
            assert warehouse.scalar("SELECT 1") == 1
        with pytest.raises(StoreUnavailable):
            warehouse.at("127.0.0.1", warehouse._settings.native_port).scalar("SELECT 1")
