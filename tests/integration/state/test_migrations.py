"""The schema of the state database: from nothing to the newest version, by whoever comes first."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect

from include.errors import ConfigError, StoreUnavailable
from include.secret import Secret
from include.services.engines.endpoints import Endpoints
from include.services.processes.ports import choose_port
from include.state.engine import MIGRATIONS, VERSION_TABLE, connect_state, current_version, migrate, newest_version
from include.state.tables import metadata
from tests.loading import own_stores

PROJECT = Path(__file__).parents[3]
MIGRATE = """
import os, sys
from include.secret import Secret
from include.state.engine import connect_state, migrate
sys.stdin.readline()
migrate(connect_state(Secret(os.environ["DATABASE_URL"])))
print("migrated")
"""


@pytest.fixture
def fresh(endpoints: Endpoints) -> Iterator[Engine]:
    with own_stores(endpoints) as stores:
        engine = connect_state(Secret(stores["DATABASE_URL"]))
        yield engine
        engine.dispose()


class TestMigrate:
    def test_should_equal_the_tables_of_the_code_when_an_empty_database_is_migrated(self, fresh: Engine) -> None:
        migrate(fresh)
        with fresh.connect() as connection:
            context = MigrationContext.configure(
                connection,
                opts={"compare_type": True, "compare_server_default": True, "version_table": VERSION_TABLE},
            )
            assert compare_metadata(context, metadata) == []
            assert current_version(connection) == newest_version()

    def test_should_name_the_head_of_the_migrations_when_asked_for_the_newest_version(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        assert newest_version() == ScriptDirectory.from_config(config).get_current_head()

    def test_should_change_nothing_when_it_is_repeated(self, fresh: Engine) -> None:
        migrate(fresh)
        before = sorted(inspect(fresh).get_table_names())
        migrate(fresh)
        assert sorted(inspect(fresh).get_table_names()) == before
        assert "alembic_version" not in before, "that table is Airflow's"

    def test_should_end_well_for_all_when_three_processes_start_at_once(self, fresh: Engine) -> None:
        url = fresh.url.render_as_string(hide_password=False)
        environ = {**os.environ, "PYTHONPATH": str(PROJECT), "DATABASE_URL": url}
        starting = [
            subprocess.Popen(
                [sys.executable, "-c", MIGRATE],
                env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
            for _ in range(3)
        ]  # fmt: skip
        ended = [process.communicate("go\n", timeout=120) for process in starting]
        assert [(out.strip(), process.returncode) for (out, _), process in zip(ended, starting, strict=True)] == [
            ("migrated", 0)
        ] * 3, ended
        with fresh.connect() as connection:
            assert current_version(connection) == newest_version()


class TestUnreachable:
    def test_should_say_what_to_start_when_nobody_listens(self) -> None:
        url = f"postgresql://u:planted-password@127.0.0.1:{choose_port(25_432)}/state"
        with pytest.raises(StoreUnavailable, match="services up") as caught:
            migrate(connect_state(Secret(url)))
        assert "planted" not in caught.value.message

    def test_should_name_the_login_when_the_password_is_wrong(self, fresh: Engine) -> None:
        url = fresh.url.set(password="planted-password").render_as_string(hide_password=False)
        with pytest.raises(ConfigError, match="refused the login") as caught:
            migrate(connect_state(Secret(url)))
        assert "planted" not in caught.value.message
