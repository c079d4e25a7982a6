"""Settings: what the environment may say, what it may not, and that secrets stay secret."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import ConfigError
from include.secret import MASK, Secret, url_with_password
from include.settings import Settings, parse_counters
from include.settings.learning import LearningSettings

PROJECT = Path(__file__).parents[2]
SECRETS = {
    "METRIKA_TOKEN": "y0_planted-token",
    "DATABASE_URL": "postgresql://u:planted-db@h/state",
    "CLICKHOUSE_URL": "clickhouse://u:planted-url@h:9000/db",
    "CLICKHOUSE_PASSWORD": "planted-ch",
}
# Read elsewhere than in Settings.from_env, by the part of the product that alone needs them.
NAME = re.compile(r"\b(?:METRIKA|METRICS|CLICKHOUSE|CONVERSION|COUNTERFLOW|DATABASE)_[A-Z][A-Z_]*[A-Z]\b")


class TestFromEnv:
    def test_should_use_the_documented_defaults_when_nothing_is_set(self) -> None:
        found = Settings.from_env({})
        assert (found.metrika.token, found.metrika.counter_ids, found.database_url, found.clickhouse) == (
            None,
            (),
            None,
            None,
        )
        assert (found.metrika.reload_days, found.metrika.quarantine_share, found.conversions.target) == (
            3,
            0.01,
            "4plus",
        )
        assert (found.exports_dir.name, found.models_dir.name, found.local_dir.name) == ("exports", "models", ".local")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("METRIKA_QUOTES", "sometimes"),
            ("METRIKA_RELOAD_DAYS", "31"),
            ("METRIKA_QUARANTINE_SHARE", "1%"),
            ("METRIKA_POLL_SECONDS", "0"),
            ("METRIKA_POLL_MAX_SECONDS", "nan"),
            ("METRIKA_DEADLINE_SECONDS", "-1"),
            ("METRIKA_COUNTER", "101;202"),
            ("CONVERSION_TIME_OFFSET_SECONDS", "61"),
            ("CONVERSION_MAX_FILE_ROWS", "0"),
            ("CONVERSION_LINKED_SHARE_ALERT", "2"),
            ("CONVERSION_TRACK_HOURS", "many"),
            ("CONVERSION_RETRY_LINKAGE_HOURS", "inf"),
            ("METRICS_DEFAULT_VERSION", "3"),
            ("METRICS_RETENTION_DAYS", "0"),
            ("METRICS_RETENTION_DAYS", "7.5"),
            ("METRIKA_RELOAD_DAYS", "0.5"),
            ("EVENTS_LOAD_MAX_EVENTS", "1.5"),
            ("METRICS_RETENTION_KIND", "rolling"),
            ("METRICS_GRACE_HOURS", "-1"),
            ("METRICS_TEACHER_SCOPE", "own"),
            ("METRICS_SAMPLE_PERSONS", "0"),
            ("DATABASE_URL", "mysql://h/db"),
            ("CLICKHOUSE_URL", "h:9000"),
            ("CLICKHOUSE_TIMEOUT_SECONDS", "0"),
            ("CLICKHOUSE_URL", "clickhouse://h:9000/db?http_port=web"),
        ],
    )
    def test_should_name_the_setting_in_one_sentence_when_its_value_is_wrong(self, name: str, value: str) -> None:
        with pytest.raises(ConfigError) as caught:
            Settings.from_env({name: value})
        assert name in caught.value.message
        assert "\n" not in caught.value.message

    @pytest.mark.parametrize(
        ("url", "native", "http"),
        [
            ("clickhouse://h/db", 9000, 8123),
            ("clickhouse://h:19000/db?http_port=18123", 19000, 18123),
            ("http://h:18123/db?native_port=19000", 19000, 18123),
        ],
    )
    def test_should_know_both_ports_when_an_address_names_one(self, url: str, native: int, http: int) -> None:
        found = Settings.from_env({"CLICKHOUSE_URL": url}).clickhouse
        assert found is not None
        assert (found.native_port, found.http_port, found.database) == (native, http, "db")

    def test_should_read_the_settings_of_learning_metrics(self) -> None:
        given = {
            "METRICS_DEFAULT_VERSION": "2",
            "METRICS_RETENTION_DAYS": "30",
            "METRICS_RETENTION_KIND": "unbounded",
            "METRICS_GRACE_HOURS": "1.5",
            "METRICS_TEACHER_SCOPE": "all",
            "METRICS_SAMPLE_PERSONS": "10",
        }
        assert Settings.from_env(given).learning == LearningSettings(2, 30, "unbounded", 1.5, "all", 10)
        assert Settings.from_env({}).learning == LearningSettings(1, 7, "exact", 48.0, "assigned", 50)

    def test_should_let_the_own_variables_win_when_the_address_holds_a_login_too(self) -> None:
        found = Settings.from_env({**SECRETS, "CLICKHOUSE_USER": "app"}).clickhouse
        assert found is not None
        assert (found.user, found.password.value) == ("app", "planted-ch")


class TestSecrets:
    def test_should_show_no_secret_when_settings_are_printed(self) -> None:
        found = Settings.from_env(SECRETS)
        for text in (repr(found), str(found), f"{found}", f"{found.metrika.token}", str(found.clickhouse)):
            assert "planted" not in text
        assert MASK in repr(found)

    def test_should_refuse_to_be_pickled_when_somebody_tries(self) -> None:
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(Secret("planted"))

    @given(st.text(min_size=1), st.text())
    def test_should_keep_the_address_whole_when_login_and_password_hold_any_sign(
        self, user: str, password: str
    ) -> None:
        from urllib.parse import unquote, urlsplit

        try:
            parts = urlsplit(url_with_password("postgresql", user, Secret(password), "h:5432/state"))
        except UnicodeEncodeError:
            return  # lone surrogates are no text that a login could hold
        assert (parts.hostname, parts.port, parts.path) == ("h", 5432, "/state")
        assert (unquote(parts.username or ""), unquote(parts.password or "")) == (user, password)


class TestCounters:
    @given(st.lists(st.integers(1, 10**12)))
    def test_should_hold_each_counter_once_in_order_when_a_list_is_read(self, ids: list[int]) -> None:
        assert parse_counters(" , ".join(map(str, ids))) == tuple(dict.fromkeys(ids))

    @pytest.mark.parametrize("text", ["0", "-1", "1.5", "abc", "101 202", "١٢"])
    def test_should_refuse_what_is_no_counter(self, text: str) -> None:
        with pytest.raises(ConfigError, match="positive whole number"):
            parse_counters(text)


class TestSettingsPage:
    def test_should_list_every_setting_the_code_reads_and_no_other(self) -> None:
        code = [p for top in ("include", "dags", "plugins") for p in (PROJECT / top).rglob("*.py")]
        compose = (PROJECT / "docker-compose.yml").read_text()
        read = {name for path in code for name in re.findall(rf'"({NAME.pattern})"', path.read_text())}
        read = {name for name in read if not name.endswith("_DEFAULT")}  # connections of Airflow, not settings
        page = set(NAME.findall((PROJECT / "docs/settings.md").read_text()))
        assert read - page == set(), "settings the page does not list"
        assert page - read - set(NAME.findall(compose)) == set(), "settings nobody reads"
