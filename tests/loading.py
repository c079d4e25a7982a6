"""A loader against the real sandbox and engines, with a database of its own."""

from __future__ import annotations

import contextlib
import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url

from include.metrika.client.logs_api import LogsApi
from include.metrika.client.quota import StateQuotaGate
from include.metrika.client.retry import RetryPolicy
from include.metrika.client.session import MetrikaSession
from include.metrika.loading.load_day import LoadReport, load_days
from include.metrika.loading.load_job import LoadJob, open_load
from include.secret import Secret
from include.services.engines.endpoints import Endpoints
from include.settings import MetrikaSettings, Settings
from include.state.engine import connect_state, migrate
from include.warehouse.client import Warehouse

FAST = RetryPolicy(first_wait_seconds=0.02, cap_seconds=0.2)
DAY = dt.date(2025, 11, 4)


@contextlib.contextmanager
def own_stores(endpoints: Endpoints) -> Iterator[dict[str, str]]:
    """An environment with a ClickHouse and a PostgreSQL database nobody else uses."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    admin = create_engine(endpoints.database_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    environ = endpoints.environment()
    url = make_url(endpoints.database_url).set(database=name).render_as_string(hide_password=False)
    found = {**environ, "DATABASE_URL": url, "CLICKHOUSE_DATABASE": name}
    own = Settings.from_env(found).clickhouse
    assert own is not None
    Warehouse(own).create_database()
    try:
        yield found
    finally:
        settings = Settings.from_env(environ).clickhouse
        assert settings is not None
        Warehouse(settings).execute(f"DROP DATABASE IF EXISTS {name} SYNC")
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


@dataclass
class Loading:
    """Loads days of the sandbox's counters."""

    environ: dict[str, str]
    warehouse: Warehouse
    state: Engine
    settings: MetrikaSettings
    gate: StateQuotaGate

    def job(self, counter_id: int = 101, **changes: Any) -> LoadJob:
        settings = replace(self.settings, **changes)
        api = LogsApi(MetrikaSession(settings, self.gate, policy=FAST))
        return open_load(
            self.warehouse, self.state, api, settings, counter_id=counter_id, run_id=f"test{uuid.uuid4().hex[:8]}"
        )

    def load(self, *days: dt.date, counter_id: int = 101, **changes: Any) -> LoadReport:
        return load_days(self.job(counter_id, **changes), days or (DAY,))

    def rows(self, table: str, columns: str = "*", order: str = "1") -> list[tuple[Any, ...]]:
        return self.warehouse.execute(f"SELECT {columns} FROM {table} ORDER BY {order}")

    def staging_tables(self) -> list[str]:
        rows = self.warehouse.execute(
            "SELECT name FROM system.tables WHERE database = %(name)s AND position(name, '_stage_') > 0",
            {"name": self.warehouse.database},
        )
        return [name for (name,) in rows]


@contextlib.contextmanager
def loading_from(url: str, token: str, environ: dict[str, str]) -> Iterator[Loading]:
    """A loader towards one Metrika."""
    given = Settings.from_env(environ)
    assert given.database_url is not None
    assert given.clickhouse is not None
    state = connect_state(given.database_url)
    migrate(state)
    settings = MetrikaSettings(
        token=Secret(token), api_url=url, poll_seconds=0.05, poll_max_seconds=0.2, deadline_seconds=60
    )
    gate = StateQuotaGate.for_settings(state, settings)
    try:
        yield Loading(environ, Warehouse(given.clickhouse), state, settings, gate)
    finally:
        gate.close()
        state.dispose()
