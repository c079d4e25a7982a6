"""The commands of the services, on real engines."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from include.__main__ import app
from include.services.doctor import Check, check_installation
from include.services.stack import endpoints_of, known_ports, running_engines, status
from tests.integration.services.conftest import kill

NOWHERE = "postgresql://u:hidden-word@127.0.0.1:1/x"


@pytest.fixture(autouse=True)
def own_folder(local_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COUNTERFLOW_LOCAL_DIR", str(local_dir))
    for name in ("DATABASE_URL", "CLICKHOUSE_URL", "CLICKHOUSE_DATABASE"):
        monkeypatch.delenv(name, raising=False)


def services(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["services", *arguments])


def found(checks: list[Check], name: str) -> Check:
    return next(check for check in checks if check.name == name)


class TestServices:
    def test_should_start_show_and_stop_the_engines_when_asked(self, local_dir: Path) -> None:
        up = services("up", "--json")
        shown = services("status", "--json")
        down = services("down", "--json")
        states = [one["state"] for one in json.loads(up.stdout)["services"]]
        assert (states, json.loads(shown.stdout), json.loads(down.stdout)) == (
            ["running", "running"],
            json.loads(up.stdout),
            {"stopped": True},
        )

    def test_should_say_its_other_ports_when_the_wanted_ones_are_in_use(self, local_dir: Path, occupied) -> None:
        wanted = {one["port"] for one in json.loads(services("up", "--json").stdout)["services"]}
        services("down")
        for port in wanted:
            occupied(port)
        up = services("up", "--json")
        taken = {one["port"] for one in json.loads(up.stdout)["services"]}
        assert (up.exit_code, len(taken), taken & wanted) == (0, 2, set())

    def test_should_print_lines_a_shell_can_read_when_env_is_asked(self, local_dir: Path) -> None:
        with running_engines(local_dir, {}) as endpoints:
            lines = services("env").stdout.splitlines()
        words = [shlex.split(line) for line in lines]
        assert {word[0] for word in words} == {"export"}
        assert dict(word[1].split("=", 1) for word in words) == endpoints.environment()

    def test_should_bring_the_database_up_to_date_when_up(self, local_dir: Path) -> None:
        services("up")
        assert found(check_installation(local_dir, {}), "migrations").is_ok

    def test_should_say_what_to_do_when_env_is_asked_before_up(self) -> None:
        result = services("env")
        assert (result.exit_code, "services up" in result.stderr) == (1, True)

    def test_should_name_the_setting_when_an_address_is_wrong(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DATABASE_URL", "mysql://u:hidden-word@h/x")
        result = services("up")
        assert (result.exit_code, "DATABASE_URL" in result.stderr) == (1, True)
        assert "hidden-word" not in result.output

    def test_should_show_the_secrets_of_nobody_when_status_is_asked(self, local_dir: Path) -> None:
        with running_engines(local_dir, {}) as endpoints:
            output = services("status").output + services("status", "--json").output
        assert endpoints.clickhouse_password.value not in output

    def test_should_answer_when_nothing_was_ever_started(self) -> None:
        assert services("down").output == "Nothing was running.\n"


class TestCheckInstallation:
    def test_should_find_nothing_wrong_when_all_runs(self, local_dir: Path) -> None:
        services("up")
        assert [check for check in check_installation(local_dir, {}) if not check.is_ok] == []

    def test_should_give_the_next_step_when_the_engines_do_not_run(self, local_dir: Path) -> None:
        wrong = [check for check in check_installation(local_dir, {}) if not check.is_ok]
        assert [check.name for check in wrong] == ["PostgreSQL", "ClickHouse"]
        assert all("services up" in check.next_step for check in wrong)

    def test_should_keep_the_login_to_itself_when_an_address_does_not_answer(self, local_dir: Path) -> None:
        environ = {"DATABASE_URL": NOWHERE, "CLICKHOUSE_URL": "clickhouse://a:hidden-word@127.0.0.1:1/x"}
        checks = check_installation(local_dir, environ)
        assert not found(checks, "PostgreSQL").is_ok
        assert not found(checks, "ClickHouse").is_ok
        assert "hidden-word" not in repr(checks)

    def test_should_name_the_file_when_a_secret_is_open_to_others(self, local_dir: Path) -> None:
        with running_engines(local_dir, {}):
            (local_dir / "services.json").chmod(0o644)
            check = found(check_installation(local_dir, {}), "private files")
        assert (check.is_ok, "services.json" in check.detail, "chmod" in check.next_step) == (False, True, True)

    def test_should_name_the_setting_when_one_cannot_be_read(self, local_dir: Path) -> None:
        checks = check_installation(local_dir, {"METRIKA_QUOTES": "curly"})
        assert [(check.is_ok, "METRIKA_QUOTES" in check.detail) for check in checks] == [(False, True)]

    def test_should_exit_with_failure_when_something_is_wrong(self, local_dir: Path) -> None:
        with running_engines(local_dir, {"DATABASE_URL": NOWHERE}):
            assert endpoints_of(local_dir) is not None
            assert set(known_ports(local_dir)) == {"postgres", "native", "http"}
            kill(next(one.pid for one in status(local_dir) if one.pid))
            result = CliRunner().invoke(app, ["doctor", "--json"])
        assert (result.exit_code, json.loads(result.stdout)["healthy"]) == (1, False)
