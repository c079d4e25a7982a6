"""The commands of apps as people type them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from include.__main__ import app
from include.accounts.keys import find_key
from include.events.apps.projects import find_app
from include.secret import Secret
from tests.account_days import People, new_email

Run = Callable[..., Result]
VIEWS = {
    "events": [
        {
            "name": "number of product views",
            "attrs": [
                {"name": "product_name", "type": "string"},
                {"name": "quantity", "type": "integer", "required": True},
                {"name": "colour", "type": "enum", "values": ["red", "blue"]},
            ],
        },
        {"name": "tap"},
    ]
}


@pytest.fixture
def run(environ: dict[str, str], state: Engine, tmp_path: Path) -> Run:
    """Commands of the group over migrated stores."""
    settings = {**environ, "COUNTERFLOW_LOCAL_DIR": str(tmp_path), "COLUMNS": "240"}

    def call(*words: str, typed: str | bytes | None = None) -> Result:
        return CliRunner().invoke(app, ["apps", *words], env=settings, input=typed)

    return call


def told(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


@pytest.fixture
def created(run: Run) -> dict[str, Any]:
    return told(run("create", "--name", f"Shop {uuid.uuid4().hex}", "--json"))


@pytest.fixture
def defined(run: Run, created: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "events.json"
    path.write_text(json.dumps(VIEWS))
    return told(run("define", created["app_code"], "--file", str(path), "--json"))


class TestCreate:
    def test_should_show_the_key_once(self, run: Run, state: Engine) -> None:
        result = run("create", "--name", f"shop {uuid.uuid4().hex}", "--time-zone", "Asia/Tokyo", "--mode", "strict")
        word = next(word for word in result.output.split() if word.startswith("cfk_"))
        key = find_key(state, Secret(word))
        assert key is not None
        found = find_app(state, key.project)
        assert found is not None
        assert (found.time_zone, found.mode, found.owner, key.scopes) == (
            "Asia/Tokyo",
            "strict",
            "command",
            ("ingest",),
        )
        assert word not in run("list").output

    def test_should_give_it_to_an_account_when_one_is_named(self, run: Run, state: Engine) -> None:
        email = new_email()
        account = People(state).register(email=email)
        body = told(run("create", "--name", "shop", "--owner", email.upper(), "--json"))
        assert body["owner"] == f"account:{account.user_id}"

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("--name", " "), "1 to 100 characters"),
            (("--name", "x", "--mode", "loose"), "'loose' is not a mode"),
            (("--name", "x", "--time-zone", "Mars"), "'Mars' is not a known time zone"),
            (("--name", "x", "--owner", "nobody@example.com"), "No account has the address"),
        ],
    )
    def test_should_say_what_is_wrong(self, run: Run, words: tuple[str, ...], said: str) -> None:
        result = run("create", *words)
        assert (result.exit_code, said in result.output) == (2, True)

    def test_should_refuse_a_name_twice(self, run: Run, created: dict[str, Any]) -> None:
        result = run("create", "--name", created["app_name"].upper())
        assert (result.exit_code, "already have an app" in result.output) == (2, True)


class TestList:
    def test_should_show_every_app(self, run: Run, created: dict[str, Any]) -> None:
        listed = told(run("list", "--json"))["apps"]
        assert {"default", created["app_code"]} <= {one["app_code"] for one in listed}
        assert created["app_code"] in run("list").output


class TestChange:
    def test_should_change_what_is_named(self, run: Run, created: dict[str, Any]) -> None:
        words = ("--mode", "strict", "--max-age-days", "7", "--alias", "Tap On=tap", "--alias", "click=tap")
        body = told(run("change", created["app_code"], *words, "--json"))
        assert (body["mode"], body["max_age_days"], body["time_zone"]) == ("strict", 7, "UTC")
        assert body["aliases"] == ["click = tap", "tap_on = tap"]

    @pytest.mark.parametrize("words", [("--max-age-days", "0"), ("--alias", "tap"), ("--mode", "x")])
    def test_should_say_what_is_wrong(self, run: Run, created: dict[str, Any], words: tuple[str, str]) -> None:
        assert run("change", created["app_code"], *words).exit_code == 2


class TestDefine:
    def test_should_register_the_events_of_a_file(self, defined: dict[str, Any]) -> None:
        assert [(one["event_name"], one["version"], one["created"]) for one in defined["events"]] == [
            ("number_of_product_views", 1, True), ("tap", 1, True),
        ]  # fmt: skip

    def test_should_read_standard_input_and_a_list_alone(self, run: Run, created: dict[str, Any]) -> None:
        body = told(run("define", created["app_code"], "--file", "-", "--json", typed=json.dumps(VIEWS["events"])))
        assert len(body["events"]) == 2

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            (b"{", "not JSON"),
            (b"\xff\xfe", "not JSON"),
            (b"[" * 100_000, "not JSON"),
            (b"[]", "/events"),
            (b"5", "The file"),
            (b'[{"name": "a", "attrs": [{"name": "x", "type": "text"}]}]', "/events/0/attrs/0/type: The type of an"),
            (b'[{"name": "a"}, {"name": "A"}]', "list each event once"),
            (b'[{"name": "\\ud800"}]', "not JSON"),
            (b'[{"name": "a", "name": "b"}]', "uplicate key"),
        ],
    )
    def test_should_say_where_the_file_is_wrong(
        self, run: Run, created: dict[str, Any], typed: bytes, said: str
    ) -> None:
        result = run("define", created["app_code"], "--file", "-", typed=typed)
        assert (result.exit_code, said in result.output, "Traceback" in result.output) == (2, True, False)

    def test_should_name_what_does_not_fit(self, run: Run, defined: dict[str, Any]) -> None:
        narrower = '[{"name": "number of product views", "attrs": []}]'
        result = run("define", defined["app_code"], "--file", "-", typed=narrower)
        assert (result.exit_code, "number_of_product_views.quantity" in result.output) == (2, True)


class TestSchema:
    def test_should_show_a_line_per_attribute(self, run: Run, defined: dict[str, Any]) -> None:
        shown = run("schema", defined["app_code"]).output
        for word in ("product_name", "at most 1024 characters", "quantity", "red, blue", "tap", "none"):
            assert word in shown

    def test_should_give_json_schemas(self, run: Run, defined: dict[str, Any]) -> None:
        code = defined["events"][0]["event_code"]
        (event,) = told(run("schema", defined["app_code"], "--event-code", code, "--json"))["events"]
        assert event["json_schema"]["required"] == ["quantity"]

    def test_should_say_so_when_nothing_is_registered(self, run: Run, created: dict[str, Any]) -> None:
        assert "none registered" in run("schema", created["app_code"]).output


class TestKey:
    def test_should_make_a_key_that_is_shown_once_and_can_be_revoked(
        self, run: Run, state: Engine, created: dict[str, Any]
    ) -> None:
        words = ("--scopes", "stats:read, backfill", "--label", "board", "--days", "30", "--json")
        made = told(run("key", created["app_code"], *words))
        key = find_key(state, Secret(made["key"]))
        assert key is not None
        assert (key.scopes, key.label, key.created_by) == (("backfill", "stats:read"), "board", "command")
        project = ("--project", created["app_code"])
        assert made["key"] not in run("keys", *project).output
        assert told(run("revoke-key", *project, "--key-id", made["key_id"], "--json"))["revoked_at"]

    @pytest.mark.parametrize("scopes", ["", "admin", "ingest;stats:read"])
    def test_should_name_the_scopes_when_one_is_wrong(self, run: Run, created: dict[str, Any], scopes: str) -> None:
        result = run("key", created["app_code"], "--scopes", scopes)
        assert (result.exit_code, "segments:read" in result.output) == (2, True)


class TestUnknownApp:
    @pytest.mark.parametrize(
        "words",
        [("schema",), ("key", "--scopes", "ingest"), ("change", "--mode", "strict"), ("define", "--file", "-")],
    )
    @pytest.mark.parametrize("app_code", ["nothing", "Ü", ""])
    def test_should_say_where_to_look(self, run: Run, words: tuple[str, ...], app_code: str) -> None:
        result = run(words[0], app_code, *words[1:], typed='[{"name": "tap"}]')
        assert (result.exit_code, "apps list" in result.output) == (2, True)
