from __future__ import annotations

import pytest

from include.secret import Secret
from include.services.engines.endpoints import Endpoints
from include.settings import Settings


@pytest.fixture
def endpoints() -> Endpoints:
    return Endpoints(
        database_url="postgresql+psycopg2://u:hidden-1@127.0.0.1:5432/state",
        airflow_database_url="postgresql+psycopg2://u:hidden-1@127.0.0.1:5432/airflow",
        clickhouse_url="clickhouse://127.0.0.1:19000/flow?http_port=18123",
        clickhouse_user="app",
        clickhouse_password=Secret("hidden-2"),
        clickhouse_database="flow",
    )


class TestEndpoints:
    def test_should_show_no_secret_when_printed(self, endpoints: Endpoints) -> None:
        assert "hidden" not in f"{endpoints!r} {endpoints}"

    def test_should_survive_the_way_through_json_when_recorded(self, endpoints: Endpoints) -> None:
        assert Endpoints.from_record(endpoints.to_record()) == endpoints

    def test_should_be_readable_settings_when_given_as_environment(self, endpoints: Endpoints) -> None:
        found = Settings.from_env(endpoints.environment()).clickhouse
        assert found is not None
        assert (found.native_port, found.http_port, found.user, found.password.value, found.database) == (
            19000,
            18123,
            "app",
            "hidden-2",
            "flow",
        )
