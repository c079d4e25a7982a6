"""A warehouse for one piece of work: nobody else sees it, and nothing of it stays."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from include.services.stack import running_engines
from include.settings import ClickHouseSettings, Settings
from include.warehouse.client import Warehouse, quoted

# Given in place of an address, so that no PostgreSQL is started: this work keeps no state.
NO_STATE = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}


@contextmanager
def private_warehouse(clickhouse: ClickHouseSettings | None, purpose: str) -> Iterator[Warehouse]:
    """Lend an empty database: on the ClickHouse that is there, else on one that lives as long as the work.

    Args:
        clickhouse: the ClickHouse of the settings; None starts one of its own in a temporary folder.
        purpose: names the database, letters only.

    Yields:
        The warehouse, on one node, without tables.

    Raises:
        ServiceError: ClickHouse cannot be started.
        StoreUnavailable: the given ClickHouse cannot be reached.
    """
    if clickhouse is None:
        with (
            tempfile.TemporaryDirectory(prefix="counterflow-") as folder,
            running_engines(Path(folder) / "local", NO_STATE) as endpoints,
        ):
            own = Settings.from_env({**endpoints.environment(), **NO_STATE}).clickhouse
            if own is not None:
                with _own_database(own, purpose) as warehouse:
                    yield warehouse
        return
    with _own_database(clickhouse, purpose) as warehouse:
        yield warehouse


@contextmanager
def _own_database(clickhouse: ClickHouseSettings, purpose: str) -> Iterator[Warehouse]:
    settings = replace(clickhouse, database=f"counterflow_{purpose}_{uuid.uuid4().hex[:12]}", cluster="")
    warehouse = Warehouse(settings)
    warehouse.create_database()
    try:
        yield warehouse
    finally:
        Warehouse(replace(clickhouse, database="system", cluster="")).execute(
            f"DROP DATABASE IF EXISTS {quoted(settings.database)} SYNC"
        )
