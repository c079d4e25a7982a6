"""Airflow connections as settings; the day of a run is tested with the days."""

from __future__ import annotations

import json

import pytest

from dags.wiring.connections import connection_environ
from include.services.airflow.settings import connections
from include.settings import Settings

GIVEN = {
    "METRIKA_API_URL": "https://metrika.example",
    "METRIKA_TOKEN": "planted-token",
    "METRIKA_COUNTER": "101,202",
    "DATABASE_URL": "postgresql://us%20er:p%40ss@db.example:6543/state?sslmode=require",
    "CLICKHOUSE_URL": "clickhouse://ch.example:9440/facts?http_port=8443",
    "CLICKHOUSE_USER": "writer",
    "CLICKHOUSE_PASSWORD": "p:a/s?s",
    "CLICKHOUSE_CLUSTER": "main",
}


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in connections(GIVEN).items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("stored")
class TestConnectionEnviron:
    def test_should_give_the_same_settings_when_they_come_from_connections(self) -> None:
        found, expected = Settings.from_env(connection_environ()), Settings.from_env(GIVEN)
        assert (found.metrika, found.clickhouse) == (expected.metrika, expected.clickhouse)
        assert found.database_url == expected.database_url

    def test_should_win_over_the_environment(self) -> None:
        merged = {"METRIKA_TOKEN": "other", "METRIKA_POLL_SECONDS": "3"} | connection_environ()
        settings = Settings.from_env(merged)
        assert settings.metrika.token is not None
        assert (settings.metrika.token.value, settings.metrika.poll_seconds) == ("planted-token", 3.0)

    def test_should_leave_out_what_a_connection_does_not_say(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_METRIKA_DEFAULT", json.dumps({"conn_type": "metrika", "password": "abcde"}))
        assert {name for name in connection_environ() if name.startswith("METRIKA")} == {"METRIKA_TOKEN"}


class TestNoConnections:
    def test_should_say_nothing_when_there_are_none(self, airflow_database: None) -> None:
        assert connection_environ() == {}
