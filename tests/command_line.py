"""The commands a user types, against a sandbox and stores of their own, and what they leave behind."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine
from typer.testing import CliRunner, Result

from include.__main__ import app
from include.metrika_sandbox.behaviour.config import DEMO_TOKEN, SandboxConfig
from include.metrika_sandbox.serving.server import SandboxHandle, run_sandbox
from include.services.engines.endpoints import Endpoints
from include.settings import Settings
from include.warehouse.client import Warehouse
from tests.loading import own_stores

STATE_TABLES = ("day_stages", "conversion_uploads", "conversions", "models")


@dataclass
class CommandLine:
    """Runs commands with one environment."""

    environ: dict[str, str]
    sandbox: SandboxHandle
    folder: Path

    def run(self, *words: object, **changes: str) -> Result:
        """Run one command in this process; ``changes`` are settings of this run only."""
        return CliRunner().invoke(app, [str(word) for word in words], env={**self.environ, **changes})

    def json(self, *words: object) -> dict[str, Any]:
        """The line a command printed with ``--json``; fails with its error when it printed none."""
        result = self.run(*words, "--json")
        if result.exit_code:
            raise AssertionError(result.output)
        return dict(json.loads(result.stdout))

    @property
    def warehouse(self) -> Warehouse:
        settings = Settings.from_env(self.environ).clickhouse
        if settings is None:
            raise AssertionError("no ClickHouse")
        return Warehouse(settings)

    def contents(self) -> dict[str, Any]:
        """Everything stored: a digest of each table, the rows of the state, the files."""
        names = self.warehouse.execute(
            "SELECT name FROM system.tables WHERE database = %(name)s AND engine LIKE '%%MergeTree' "
            "AND total_rows > 0 ORDER BY name",
            {"name": self.warehouse.database},
        )
        tables = {
            name: self.warehouse.execute(f"SELECT count(), sum(cityHash64(*)) FROM {name}")[0] for (name,) in names
        }
        engine = create_engine(self.environ["DATABASE_URL"])
        with engine.connect() as connection:
            state = {
                name: sorted(map(str, connection.exec_driver_sql(f"SELECT * FROM {name}"))) for name in STATE_TABLES
            }
        engine.dispose()
        exports = {str(path): path.read_bytes() for path in self.folder.rglob("level4_visits_*.json")}
        return {**tables, **state, **exports, "logs at Metrika": self.sandbox.stored_bytes(101)}


@contextlib.contextmanager
def command_line(endpoints: Endpoints, folder: Path, **sandbox: Any) -> Iterator[CommandLine]:
    """A sandbox of 150 visits a day, and stores nobody else uses."""
    given = {"visits_per_day": 150, "parts": 2, "queue_seconds": 0.02, "status_seconds": 0.02} | sandbox
    with run_sandbox(SandboxConfig(**given)) as server, own_stores(endpoints) as stores:
        yield CommandLine(_environ(stores, server, folder), server, folder)


def _environ(stores: Mapping[str, str], server: SandboxHandle, folder: Path) -> dict[str, str]:
    return {
        **stores,
        "METRIKA_API_URL": server.url,
        "METRIKA_TOKEN": DEMO_TOKEN,
        "METRIKA_COUNTER": "101",
        "METRIKA_POLL_SECONDS": "0.05",
        "COUNTERFLOW_LOCAL_DIR": str(folder),
    }
