"""The main job by command, from raw logs to processed conversions, and what wrong input gets."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from include.__main__ import app
from include.metrika_sandbox.behaviour.config import DEMO_TOKEN, SandboxConfig
from include.metrika_sandbox.behaviour.faults import Faults, parse_faults
from include.metrika_sandbox.serving.server import SandboxHandle, run_sandbox
from include.services.engines.endpoints import Endpoints
from include.settings import Settings
from include.warehouse.client import Warehouse
from tests.loading import own_stores

DAY = "2026-11-10"
SETTINGS = ("METRIKA_", "CONVERSION_", "CLICKHOUSE_", "COUNTERFLOW_", "DATABASE_URL")
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxHandle]:
    with run_sandbox(SandboxConfig(visits_per_day=150, parts=2, queue_seconds=0.02, status_seconds=0.02)) as found:
        yield found


@pytest.fixture
def environ(
    endpoints: Endpoints, sandbox: SandboxHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    with own_stores(endpoints) as stores:
        given = {
            **stores,
            "METRIKA_API_URL": sandbox.url,
            "METRIKA_TOKEN": DEMO_TOKEN,
            "METRIKA_COUNTER": "101",
            "METRIKA_POLL_SECONDS": "0.05",
            "COUNTERFLOW_LOCAL_DIR": str(tmp_path),
        }
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        yield given
        sandbox.set_faults(Faults())


@pytest.fixture
def run(environ: dict[str, str]) -> Run:
    runner = CliRunner()
    return lambda *words: runner.invoke(app, [str(word) for word in words])


def _json(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout.strip().splitlines()[-1]))


def _visits(environ: dict[str, str]) -> int:
    settings = Settings.from_env(environ).clickhouse
    assert settings is not None
    found = Warehouse(settings).execute("EXISTS TABLE visits")[0][0]
    return int(Warehouse(settings).scalar("SELECT count() FROM visits")) if found else 0


def _refused(result: Result, environ: dict[str, str], *words: str) -> None:
    """One sentence that says what was wrong, nothing stored, no token shown."""
    assert result.exit_code in (1, 2), result.output
    assert "Traceback" not in result.output
    message = result.stderr.strip().splitlines()
    said = " ".join(line for line in message if not line.startswith("WARNING"))
    assert said.startswith("Error:") or "Error:" in said
    for word in words:
        assert word in said
    assert environ["METRIKA_TOKEN"] not in result.output
    assert _visits(environ) == 0


class TestMainJob:
    def test_should_end_in_processed_conversions_and_change_nothing_the_second_time(
        self, run: Run, sandbox: SandboxHandle
    ) -> None:
        loaded = _json(run("load", "--date", DAY, "--json"))
        assert (loaded["visits"], loaded["quarantined"], loaded["unchanged"]) == (150, 0, False)
        assert loaded["received"] == loaded["visits"] + loaded["hits"]
        scored = _json(run("score", "--date", DAY, "--json"))
        assert (scored["scored"], scored["level4"]) == (150, scored["by_rule"] + scored["by_model"])
        rows = json.loads(Path(scored["path"]).read_text())
        assert len(rows) == scored["level4"] > 0
        assert set(rows[0]) == {"visitId", "clientId", "dateTime", "visitDuration"}
        sent = _json(run("conversions", "upload", "--date", DAY, "--json"))
        assert (sent["sent"], sent["held"], sent["already_sent"]) == (scored["level4"], 0, 0)
        deadline = time.monotonic() + 20
        while (followed := _json(run("conversions", "track", "--json")))["pending"]:
            assert time.monotonic() < deadline
        assert (followed["processed"], followed["failed"]) == (1, 0)
        assert _json(run("load", "--date", DAY, "--json"))["unchanged"] is True
        assert _json(run("score", "--date", DAY, "--json"))["unchanged"] is True
        again = _json(run("conversions", "upload", "--date", DAY, "--json"))
        assert (again["sent"], again["already_sent"]) == (0, scored["level4"])
        assert len(sandbox.uploads(101)) == 1
        assert _json(run("verify-day", "--date", DAY, "--json"))["holds"] is True

    def test_should_print_tables_for_people(self, run: Run) -> None:
        assert "150" in run("load", "--date", DAY).stdout
        assert "level4" in run("score", "--date", DAY).stdout

    def test_should_find_a_changed_byte_when_a_day_is_verified(self, run: Run, environ: dict[str, str]) -> None:
        run("load", "--date", DAY)
        run("score", "--date", DAY)
        settings = Settings.from_env(environ).clickhouse
        assert settings is not None
        Warehouse(settings).execute(
            "ALTER TABLE visits UPDATE page_views = page_views + 1 WHERE visit_id = (SELECT min(visit_id) FROM visits)",
            settings={"mutations_sync": 1},
        )
        result = run("verify-day", "--date", DAY, "--json")
        found = json.loads(result.stdout.strip().splitlines()[-1])
        assert result.exit_code == 1
        assert next(row["stage"] for row in found["stages"] if not row["holds"]) == "visits"

    def test_should_succeed_with_nothing_when_a_day_has_no_data(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with run_sandbox(SandboxConfig(visits_per_day=0, queue_seconds=0.02)) as empty:
            monkeypatch.setenv("METRIKA_API_URL", empty.url)
            assert _json(run("load", "--date", DAY, "--json"))["received"] == 0
            scored = _json(run("score", "--date", DAY, "--json"))
            assert json.loads(Path(scored["path"]).read_text()) == []
            assert _json(run("conversions", "upload", "--date", DAY, "--json"))["sent"] == 0


class TestWrongInput:
    @pytest.mark.parametrize("day", ["2025-7-1", "yesterday", "2025-02-30", ""])
    def test_should_refuse_a_malformed_day(self, run: Run, environ: dict[str, str], day: str) -> None:
        _refused(run("load", "--date", day), environ, "YYYY-MM-DD")

    def test_should_refuse_a_day_that_is_not_over(self, run: Run, environ: dict[str, str]) -> None:
        _refused(run("load", "--date", "2999-01-01"), environ, "not over")

    def test_should_refuse_an_unknown_counter(self, run: Run, environ: dict[str, str]) -> None:
        _refused(run("load", "--date", DAY, "--counter", 999), environ, "999")

    def test_should_refuse_a_wrong_token(
        self, run: Run, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("METRIKA_TOKEN", "planted-secret-token")
        result = run("load", "--date", DAY)
        _refused(result, environ, "METRIKA_TOKEN")
        assert "planted-secret" not in result.output

    def test_should_refuse_a_missing_token(
        self, run: Run, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("METRIKA_TOKEN")
        _refused(run("load", "--date", DAY), environ, "METRIKA_TOKEN")

    def test_should_refuse_when_no_counter_is_named(
        self, run: Run, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("METRIKA_COUNTER")
        _refused(run("load", "--date", DAY), environ, "METRIKA_COUNTER")

    def test_should_refuse_an_unknown_field(
        self, run: Run, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("METRIKA_VISIT_FIELDS", "ym:s:startUrl")
        _refused(run("load", "--date", DAY), environ, "ym:s:startUrl")

    def test_should_say_when_metrika_has_no_room(
        self, run: Run, environ: dict[str, str], sandbox: SandboxHandle
    ) -> None:
        sandbox.set_faults(parse_faults("full_storage"))
        _refused(run("load", "--date", DAY), environ, "room")

    @pytest.mark.parametrize(
        ("name", "scheme"),
        [("CLICKHOUSE_URL", "http://127.0.0.1:{}"), ("DATABASE_URL", "postgresql://u:secret-word@127.0.0.1:{}/x")],
    )
    def test_should_say_which_store_does_not_answer(
        self, run: Run, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, name: str, scheme: str
    ) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = scheme.format(taken.getsockname()[1])
            extra = f"/?native_port={taken.getsockname()[1]}" if name == "CLICKHOUSE_URL" else ""
            monkeypatch.setenv(name, url + extra)
            result = run("load", "--date", DAY)
        _refused(result, environ, name)
        assert "secret-word" not in result.output

    def test_should_say_what_to_run_first_when_a_day_is_not_loaded(self, run: Run, environ: dict[str, str]) -> None:
        _refused(run("score", "--date", DAY), environ, "python -m include load")

    def test_should_refuse_a_folder_without_models(self, run: Run, environ: dict[str, str], tmp_path: Path) -> None:
        _refused(run("models", "import", tmp_path), environ, "level4")
