"""The commands of accounts as people type them."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed
from typer.testing import CliRunner, Result

from include.__main__ import app
from include.accounts.keys import create_key, find_key
from include.accounts.people import find_by_email
from include.days import utc_now
from tests.account_days import PASSWORD, People, new_email, refusal

PROJECT = Path(__file__).parents[3]
TERMINAL_SECONDS = 40


@pytest.fixture
def run(accounts_environ: Mapping[str, str], state: Engine, tmp_path: Path) -> Callable[..., Result]:
    environ = {**accounts_environ, "COUNTERFLOW_LOCAL_DIR": str(tmp_path), "COLUMNS": "200"}

    def call(*words: str, typed: str | bytes | None = None) -> Result:
        return CliRunner().invoke(app, ["accounts", *words], env=environ, input=typed)

    return call


@pytest.fixture
def people(state: Engine) -> People:
    """The commands know no other time than now."""
    return People(state, now=utc_now())


def told(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def typed_at_terminal(words: Sequence[str], environ: Mapping[str, str], answer: str) -> str:
    """Run a command on a terminal of its own, answer each prompt for a password, and give back what was shown."""
    process, shown = pty.fork()
    if process == 0:
        os.chdir(PROJECT)
        os.execve(sys.executable, [sys.executable, "-m", "include", *words], {**os.environ, **environ})
    screen, deadline = "", time.monotonic() + TERMINAL_SECONDS
    try:
        while time.monotonic() < deadline and select.select([shown], [], [], TERMINAL_SECONDS)[0]:
            try:
                screen += os.read(shown, 4096).decode()
            except OSError:  # the other side has closed: the command is over
                break
            if screen.endswith(": "):
                os.write(shown, f"{answer}\n".encode())
    finally:
        os.close(shown)
        if time.monotonic() >= deadline:
            os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
    assert status == 0, screen
    return screen


def refused(result: Result) -> str:
    """The one sentence of a refused command."""
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert result.stdout == ""
    return result.stderr


class TestCreateAdmin:
    def test_should_make_an_admin_who_can_sign_in_when_piped(self, run: Callable[..., Result], people: People) -> None:
        email = new_email()
        shown = told(run("create-admin", "--email", email, "--password-stdin", "--json", typed=f"{PASSWORD.value}\n"))
        assert (shown["email"], shown["role"], shown["is_active"]) == (email, "admin", True)
        assert people.sign_in(email.upper()).account.user_id == shown["user_id"]

    def test_should_not_show_the_password_when_it_answers(self, run: Callable[..., Result]) -> None:
        result = run("create-admin", "--email", new_email(), "--password-stdin", typed=f"{PASSWORD.value}\r\n")
        assert result.exit_code == 0
        assert PASSWORD.value not in result.output

    def test_should_ask_twice_without_showing_when_on_a_terminal(
        self, accounts_environ: Mapping[str, str], people: People, tmp_path: Path
    ) -> None:
        email = new_email()
        words = ("accounts", "create-admin", "--email", email, "--json")
        shown = typed_at_terminal(words, {**accounts_environ, "COUNTERFLOW_LOCAL_DIR": str(tmp_path)}, PASSWORD.value)
        assert PASSWORD.value not in shown
        assert people.sign_in(email).account.role == "admin"

    @pytest.mark.parametrize(
        ("typed", "sentence"),
        [("", "holds no password"), ("\n", "8 to 128"), ("short\n", "8 to 128"), ("x" * 129 + "\n", "8 to 128"),
         (b"\xff\xfe\xff\xfe\xff\xfe\xff\xfe\n", "UTF-8")],
    )  # fmt: skip
    def test_should_say_why_when_the_password_is_refused(
        self, run: Callable[..., Result], state: Engine, typed: str | bytes, sentence: str
    ) -> None:
        email = new_email()
        assert sentence in refused(run("create-admin", "--email", email, "--password-stdin", typed=typed))
        assert find_by_email(state, email) is None

    @pytest.mark.parametrize("email", ["", "nobody", "a b@c", "a@b@c", "x" * 250 + "@b.com", "[/x]", "a@b\n.com"])
    def test_should_say_why_when_the_address_is_none(self, run: Callable[..., Result], email: str) -> None:
        result = run("create-admin", "--email", email, "--password-stdin", typed="long enough 1\n")
        assert "email address" in refused(result)

    def test_should_refuse_the_address_as_password_when_given(self, run: Callable[..., Result]) -> None:
        result = run("create-admin", "--email", "John@email.com", "--password-stdin", typed="john@EMAIL.com\n")
        assert "must not be the email address" in refused(result)

    def test_should_name_the_way_when_the_address_has_an_account(
        self, run: Callable[..., Result], people: People
    ) -> None:
        account = people.register()
        result = run("create-admin", "--email", account.email.upper(), "--password-stdin", typed="long enough 1\n")
        assert "set-role" in refused(result)

    def test_should_ask_for_a_pipe_when_there_is_no_terminal(self, run: Callable[..., Result]) -> None:
        assert "--password-stdin" in refused(run("create-admin", "--email", new_email()))


class TestListAccounts:
    def test_should_show_whom_it_is_asked_for_when_filtered(self, run: Callable[..., Result], people: People) -> None:
        account = people.register(email=f"MiXed_{uuid.uuid4().hex}@email.com", name="[bold]x[/]", role="teacher")
        shown = told(run("list", "--email", account.email.lower()[:20], "--role", "teacher", "--json"))
        assert [item["user_id"] for item in shown["items"]] == [account.user_id]
        assert "[bold]x[/]" in run("list", "--email", account.email).stdout

    def test_should_take_letters_as_they_are_when_they_mean_something_in_sql(
        self, run: Callable[..., Result], people: People
    ) -> None:
        people.register()
        assert told(run("list", "--email", "%", "--json"))["total"] == 0

    def test_should_say_so_when_nobody_is_found(self, run: Callable[..., Result]) -> None:
        result = run("list", "--email", "nobody-here")
        assert result.exit_code == 0
        assert "0" in result.stdout

    def test_should_name_the_roles_when_one_is_unknown(self, run: Callable[..., Result]) -> None:
        assert "student, teacher, admin" in refused(run("list", "--role", "root"))


class TestChanges:
    def test_should_change_role_and_activity_when_told(self, run: Callable[..., Result], people: People) -> None:
        account = people.register()
        assert told(run("set-role", "--email", account.email, "--role", "teacher", "--json"))["role"] == "teacher"
        assert told(run("set-active", "--email", account.email, "--inactive", "--json"))["is_active"] is False
        assert refusal(people.sign_in, account.email) == "invalid_credentials"
        assert told(run("set-active", "--email", account.email, "--active", "--json"))["is_active"] is True

    def test_should_end_sessions_when_the_password_is_reset(self, run: Callable[..., Result], people: People) -> None:
        account = people.register()
        pair = people.start(account)
        told(run("reset-password", "--email", account.email, "--password-stdin", "--json", typed="a new password\n"))
        assert refusal(people.check, pair.access.token) == "invalid_token"
        assert refusal(people.refresh, pair.refresh_token) == "invalid_refresh"

    def test_should_say_how_many_when_sessions_end(self, run: Callable[..., Result], people: People) -> None:
        account = people.register()
        people.start(account)
        shown = told(run("end-sessions", "--email", account.email, "--json"))
        assert shown == {"email": account.email, "ended_sessions": 1}

    @pytest.mark.parametrize(
        "words",
        [("set-role", "--role", "teacher"), ("set-active", "--active"), ("reset-password", "--password-stdin"),
         ("end-sessions",)],
        ids=lambda words: words[0],
    )  # fmt: skip
    def test_should_say_so_when_the_account_is_unknown(
        self, run: Callable[..., Result], words: tuple[str, ...]
    ) -> None:
        assert "No account has the address" in refused(run(words[0], "--email", new_email(), *words[1:], typed="x\n"))


class TestKeys:
    def test_should_mask_keys_when_listed(self, run: Callable[..., Result], state: Engine) -> None:
        project = str(uuid.uuid4())
        key, secret = create_key(state, project=project, scopes=["ingest"], label="[bold]", created_by="command")
        result = run("keys", "--project", project)
        assert key.masked in result.stdout
        assert secret.value not in result.stdout
        assert told(run("keys", "--project", project, "--json"))["keys"][0]["scopes"] == ["ingest"]

    def test_should_show_the_new_key_when_rotated(self, run: Callable[..., Result], state: Engine) -> None:
        project = str(uuid.uuid4())
        key, _ = create_key(state, project=project, scopes=["ingest"], label="", created_by="command")
        shown = told(run("rotate-key", "--project", project, "--key-id", key.key_id, "--json"))
        listed = told(run("keys", "--project", project, "--json"))["keys"]
        assert [found["revoked_at"] is None for found in listed] == [False, True]
        assert shown["key"].startswith(listed[1]["key"].removesuffix("*" * 8))

    def test_should_refuse_a_key_when_another_process_revoked_it(
        self, accounts_environ: Mapping[str, str], state: Engine, tmp_path: Path
    ) -> None:
        project = str(uuid.uuid4())
        key, secret = create_key(state, project=project, scopes=["ingest"], label="", created_by="command")
        assert find_key(state, secret) is not None
        words = [
            sys.executable,
            "-m",
            "include",
            "accounts",
            "revoke-key",
            "--project",
            project,
            "--key-id",
            key.key_id,
        ]
        environ = {**os.environ, **accounts_environ, "COUNTERFLOW_LOCAL_DIR": str(tmp_path)}
        subprocess.run(words, env=environ, cwd=PROJECT, check=True, capture_output=True, timeout=TERMINAL_SECONDS)
        within = Retrying(retry=retry_if_result(bool), stop=stop_after_delay(5), wait=wait_fixed(0.1))
        assert within(lambda: find_key(state, secret) is not None) is False

    @pytest.mark.parametrize("command", ["rotate-key", "revoke-key"])
    def test_should_say_so_when_the_key_is_unknown(self, run: Callable[..., Result], command: str) -> None:
        assert "has no key" in refused(run(command, "--project", "default", "--key-id", "nothing"))

    def test_should_say_so_when_there_is_none(self, run: Callable[..., Result]) -> None:
        assert "none" in run("keys", "--project", "nothing").stdout
