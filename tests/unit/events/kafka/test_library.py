"""The client library: optional, imported late, and told no secret that shows."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from include.errors import ConfigError
from include.events.kafka.library import client_options, open_producer
from include.secret import Secret
from include.settings import Settings
from include.settings.intake import KafkaSettings

PROJECT = Path(__file__).parents[4]
PASSWORD = "open-sesame-4711"
SASL = KafkaSettings("127.0.0.1:1", "raw", "SASL_PLAINTEXT", "SCRAM-SHA-256", "anna", Secret(PASSWORD))
ENVIRON = {
    "DATABASE_URL": "postgresql://u@h/d",
    "CLICKHOUSE_URL": "clickhouse://h:9000/d",
    "EVENTS_TRANSPORT": "kafka",
    "KAFKA_BOOTSTRAP_SERVERS": "broker:9092",
}
WITHOUT_LIBRARY = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "confluent_kafka":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
from include.errors import ConfigError
"""


def run_without_library(code: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_LIBRARY + code],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return ran.stdout


class TestWithoutLibrary:
    def test_should_name_what_to_install_when_the_transport_is_chosen(self) -> None:
        said = run_without_library(
            "from include.settings import Settings\n"
            f"try: Settings.from_env({ENVIRON!r})\n"
            "except ConfigError as error: print(error)"
        )
        assert "pip install confluent-kafka" in said

    def test_should_name_what_to_install_when_the_topic_is_read_by_command(self) -> None:
        said = run_without_library(
            "from include.events.kafka.topic import open_reader\n"
            "from include.settings.intake import KafkaSettings\n"
            "try: open_reader(KafkaSettings('broker:9092'))\n"
            "except ConfigError as error: print(error)"
        )
        assert "pip install confluent-kafka" in said

    def test_should_run_when_the_transport_is_the_inbox(self) -> None:
        environ = {**ENVIRON, "EVENTS_TRANSPORT": "inbox"}
        said = run_without_library(
            "from include.settings import Settings\n"
            "import include.api.app, include.__main__\n"
            f"print(Settings.from_env({environ!r}).intake.transport)"
        )
        assert said.strip() == "inbox"

    def test_should_not_be_imported_when_nobody_asks_for_it(self) -> None:
        code = "import sys, include.__main__, include.api.app; print('confluent_kafka' in sys.modules)"
        ran = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT, check=True, timeout=60
        )
        assert ran.stdout.strip() == "False"


class TestSettings:
    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"KAFKA_BOOTSTRAP_SERVERS": ""}, "KAFKA_BOOTSTRAP_SERVERS"),
            ({"KAFKA_SECURITY_PROTOCOL": "TLS"}, "KAFKA_SECURITY_PROTOCOL"),
            ({"KAFKA_SASL_MECHANISM": "plain"}, "KAFKA_SASL_MECHANISM"),
            ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "PLAIN"}, "KAFKA_PASSWORD"),
            ({"EVENTS_TRANSPORT": "pigeon"}, "EVENTS_TRANSPORT"),
            ({"KAFKA_CA_FILE": "nowhere.pem"}, "KAFKA_CA_FILE"),
        ],
    )
    def test_should_name_the_setting_when_it_cannot_work(self, changes: dict[str, str], named: str) -> None:
        with pytest.raises(ConfigError, match=named):
            Settings.from_env({**ENVIRON, **changes})

    def test_should_be_read_when_a_login_is_given(self) -> None:
        given = {
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512", "KAFKA_USERNAME": "anna",
            "KAFKA_PASSWORD": PASSWORD, "EVENTS_TOPIC": "raw",
        }  # fmt: skip
        kafka = Settings.from_env({**ENVIRON, **given}).intake.kafka
        options = client_options(kafka)
        assert (options["security.protocol"], options["sasl.mechanism"], options["sasl.username"]) == (
            "SASL_SSL",
            "SCRAM-SHA-512",
            "anna",
        )
        assert (options["sasl.password"], kafka.topic) == (PASSWORD, "raw")

    def test_should_trust_the_named_authority_when_a_file_is_given(self, tmp_path: Path) -> None:
        authority = tmp_path / "ca.pem"
        authority.touch()
        kafka = Settings.from_env({**ENVIRON, "KAFKA_CA_FILE": str(authority)}).intake.kafka
        assert client_options(kafka)["ssl.ca.location"] == str(authority)


class TestSecrets:
    def test_should_be_masked_when_settings_are_shown(self) -> None:
        assert PASSWORD not in f"{SASL!r} {SASL} {Settings.from_env({**ENVIRON, 'KAFKA_PASSWORD': PASSWORD})!r}"

    def test_should_not_be_told_when_the_client_refuses_the_settings(self) -> None:
        wrong = KafkaSettings("127.0.0.1:1", "raw", "NONE", "SCRAM-SHA-256", "anna", Secret(PASSWORD))
        with pytest.raises(ConfigError) as caught:
            open_producer(wrong)
        assert PASSWORD not in str(caught.value)
        assert caught.value.__cause__ is None

    def test_should_not_be_logged_when_the_broker_cannot_be_reached(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            producer = open_producer(SASL, log_level=7, debug="broker,security,conf")
            producer.poll(1)
        assert caplog.records
        assert PASSWORD not in caplog.text
