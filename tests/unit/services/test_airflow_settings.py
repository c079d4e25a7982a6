from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from include.secret import Secret
from include.services.airflow.settings import AirflowHome, AirflowPorts, airflow_environ, connections
from include.services.engines.endpoints import Endpoints
from include.services.processes.group import PROJECT_ROOT
from tests.unit.services.airflow_names import airflow_setting_names

ENDPOINTS = Endpoints(
    database_url="postgresql+psycopg2://u:p%40ss@127.0.0.1:5432/state",
    airflow_database_url="postgresql+psycopg2://u:p%40ss@127.0.0.1:5432/airflow",
    clickhouse_url="clickhouse://127.0.0.1:9000/flow?http_port=8123",
    clickhouse_user="app",
    clickhouse_password=Secret("secret"),
    clickhouse_database="flow",
)


@pytest.fixture
def home(tmp_path: Path) -> AirflowHome:
    return AirflowHome.below(tmp_path / "local")


def environ_of(home: AirflowHome, given: dict[str, str]) -> dict[str, str]:
    return airflow_environ(home, AirflowPorts(8081, 8794, 8795), ENDPOINTS, given)


class TestAirflowEnviron:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("CORE__PARALLELISM", "4"),
            ("CORE__LOAD_EXAMPLES", "False"),
            ("CORE__DAGS_ARE_PAUSED_AT_CREATION", "False"),
            ("CORE__DAGS_FOLDER", str(PROJECT_ROOT / "dags")),
            ("CORE__PLUGINS_FOLDER", str(PROJECT_ROOT / "plugins")),
            ("CORE__EXECUTION_API_SERVER_URL", "http://127.0.0.1:8081/execution/"),
            ("API__HOST", "127.0.0.1"),
            ("API__PORT", "8081"),
            ("API__WORKERS", "1"),
            ("DAG_PROCESSOR__REFRESH_INTERVAL", "10"),
            ("DATABASE__SQL_ALCHEMY_CONN", ENDPOINTS.airflow_database_url),
            ("LOGGING__WORKER_LOG_SERVER_PORT", "8794"),
            ("LOGGING__TRIGGER_LOG_SERVER_PORT", "8795"),
        ],
    )
    def test_should_set_the_value_when_one_machine_runs_it(self, home: AirflowHome, name: str, value: str) -> None:
        assert environ_of(home, {})[f"AIRFLOW__{name}"] == value

    def test_should_name_only_settings_airflow_has_when_built(self, home: AirflowHome) -> None:
        names = {name for name in environ_of(home, {}) if name.startswith("AIRFLOW__")}
        assert (
            names
            - airflow_setting_names()
            - {
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS",
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE",
            }
            == set()
        )

    def test_should_keep_an_absolute_home_when_the_folder_is_relative(self, tmp_path: Path, monkeypatch) -> None:
        monkeypatch.chdir(tmp_path)
        environ = environ_of(AirflowHome.below(Path("local")), {})
        assert environ["AIRFLOW_HOME"] == str(tmp_path / "local" / "airflow")

    def test_should_find_include_first_when_the_path_names_other_folders(self, home: AirflowHome) -> None:
        assert environ_of(home, {})["PYTHONPATH"].split(":")[0] == str(PROJECT_ROOT)

    def test_should_use_a_key_airflow_can_encrypt_with_when_generated(self, home: AirflowHome) -> None:
        key = environ_of(home, {})["AIRFLOW__CORE__FERNET_KEY"]
        assert Fernet(key.encode()).encrypt(b"x")

    def test_should_keep_its_keys_when_built_again(self, home: AirflowHome) -> None:
        assert environ_of(home, {}) == environ_of(home, {})

    def test_should_pass_product_settings_on_when_the_caller_has_them(self, home: AirflowHome) -> None:
        environ = environ_of(home, {"METRIKA_API_URL": "http://127.0.0.1:1", "METRIKA_RELOAD_DAYS": "0"})
        assert (environ["METRIKA_API_URL"], environ["METRIKA_RELOAD_DAYS"]) == ("http://127.0.0.1:1", "0")

    def test_should_ignore_settings_of_another_airflow_when_the_caller_has_them(self, home: AirflowHome) -> None:
        given = {"AIRFLOW_HOME": "/elsewhere", "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor", "AIRFLOW__X__Y": "1"}
        environ = environ_of(home, given)
        assert (environ["AIRFLOW_HOME"], environ["AIRFLOW__CORE__EXECUTOR"], "AIRFLOW__X__Y" in environ) == (
            str(home.folder),
            "LocalExecutor",
            False,
        )

    def test_should_keep_a_connection_when_the_caller_gives_it(self, home: AirflowHome) -> None:
        given = {"AIRFLOW_CONN_METRIKA_DEFAULT": '{"conn_type": "metrika"}', "METRIKA_TOKEN": "token-1"}
        assert environ_of(home, given)["AIRFLOW_CONN_METRIKA_DEFAULT"] == '{"conn_type": "metrika"}'

    def test_should_keep_loopback_from_proxies_when_the_caller_has_one(self, home: AirflowHome) -> None:
        assert environ_of(home, {"NO_PROXY": "example.org"})["NO_PROXY"] == "example.org,127.0.0.1,localhost"


class TestAirflowHome:
    def test_should_keep_its_secrets_from_others_when_made(self, home: AirflowHome) -> None:
        environ_of(home, {})
        home.admin_password()
        assert {path.stat().st_mode & 0o777 for path in home.folder.iterdir()} == {0o600}

    def test_should_give_airflow_the_same_password_when_asked(self, home: AirflowHome) -> None:
        password = home.admin_password()
        assert json.loads(home.passwords_path.read_text()) == {"admin": password.value}


class TestConnections:
    def test_should_decode_the_login_when_the_address_is_quoted(self) -> None:
        found = json.loads(connections(ENDPOINTS.environment())["AIRFLOW_CONN_POSTGRES_DEFAULT"])
        assert (found["login"], found["password"], found["schema"]) == ("u", "p@ss", "state")

    def test_should_carry_both_ports_when_clickhouse_is_set(self) -> None:
        found = json.loads(connections(ENDPOINTS.environment())["AIRFLOW_CONN_CLICKHOUSE_DEFAULT"])
        assert (found["port"], found["extra"]["http_port"], found["schema"]) == (9000, 8123, "flow")

    def test_should_carry_token_and_counters_when_metrika_is_set(self) -> None:
        environ = {"METRIKA_TOKEN": "token-1", "METRIKA_COUNTER": "101, 202", "METRIKA_API_URL": "http://m:1/"}
        found = json.loads(connections(environ)["AIRFLOW_CONN_METRIKA_DEFAULT"])
        assert (found["host"], found["password"], found["extra"]) == ("http://m:1", "token-1", {"counter": "101,202"})

    def test_should_give_nothing_when_nothing_is_set(self) -> None:
        assert connections({}) == {}
