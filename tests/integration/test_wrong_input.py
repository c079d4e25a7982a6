"""What wrong input gets from the commands: one sentence with what to do, and nothing half-written."""

from __future__ import annotations

import datetime as dt
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import joblib
import pytest

from include.days import utc_now
from include.metrika_sandbox.behaviour.faults import Faults, parse_faults
from include.services.engines.endpoints import Endpoints
from tests.command_line import CommandLine, command_line
from tests.conftest import PROJECT
from tests.visit_models import SlotShare

KEPT_DAY = "2026-11-09"  # loaded and scored before anything goes wrong
DAY = "2026-11-10"
PLANTED = "planted-secret-word"
LOAD = ("load", "--date", DAY)
EACH_COMMAND = (LOAD, ("score", "--date", DAY), ("conversions", "upload", "--date", DAY), ("verify-day", "--date", DAY))
DAYS_OF_COMMANDS = (*EACH_COMMAND, ("conversions", "track", "--date", DAY), ("run", "--date", DAY))


@dataclass(frozen=True)
class Wrong:
    """A command that must be refused, and what it must say."""

    words: tuple[str, ...]
    said: tuple[str, ...]
    status: int = 2
    settings: dict[str, str] = field(default_factory=dict)
    faults: str = ""


def _today() -> str:
    return (utc_now() + dt.timedelta(hours=3)).date().isoformat()  # the sandbox's counter 101 lives in Moscow


CASES = {
    "unknown counter": Wrong((*LOAD, "--counter", "999"), ("counter 999", "METRIKA_COUNTER"), status=1),
    "wrong token": Wrong(LOAD, ("token is wrong", "METRIKA_TOKEN"), 1, {"METRIKA_TOKEN": PLANTED}),
    "wrong token, 403": Wrong(
        LOAD, ("token is wrong", "METRIKA_TOKEN"), 1, {"METRIKA_TOKEN": PLANTED}, faults="invalid_token_403"
    ),
    "token that is no header": Wrong(LOAD, ("METRIKA_TOKEN",), settings={"METRIKA_TOKEN": f"{PLANTED}\nInjected: yes"}),
    "missing token": Wrong(LOAD, ("No Metrika token", "METRIKA_TOKEN"), settings={"METRIKA_TOKEN": ""}),
    "no counter": Wrong(LOAD, ("--counter", "METRIKA_COUNTER"), settings={"METRIKA_COUNTER": ""}),
    "counter that is no number": Wrong(LOAD, ("METRIKA_COUNTER",), settings={"METRIKA_COUNTER": "12a"}),
    "date today": Wrong(("load", "--date", _today()), ("is not over", "or earlier")),
    "date later": Wrong(("load", "--date", "2999-01-01"), ("is not over", "or earlier")),
    "unknown field": Wrong((*LOAD, "--fields", "ym:s:startUrl"), ("ym:s:startUrl", "did you mean ym:s:startURL")),
    "unknown field of the settings": Wrong(
        LOAD, ("ym:s:startUrl", "METRIKA_VISIT_FIELDS"), settings={"METRIKA_VISIT_FIELDS": "ym:s:startUrl"}
    ),
    "field of neither source": Wrong((*LOAD, "--fields", "startURL"), ("ym:s: nor ym:pv:",)),
    "no room at Metrika": Wrong(LOAD, ("no room", "stored", "bytes", "clean"), 1, faults="full_storage"),
    "day not loaded": Wrong(("score", "--date", DAY), (f"python -m include load --date {DAY}",)),
    "day not scored": Wrong(
        ("conversions", "upload", "--date", DAY), (f"python -m include score --date {DAY}",)
    ),
    "day of which only hits are known": Wrong(("verify-day", "--date", DAY), (f"python -m include load --date {DAY}",)),
    "day never seen": Wrong(("verify-day", "--date", "2026-10-10"), ("python -m include load --date 2026-10-10",)),
    "model not in the registry": Wrong(
        ("models", "promote", "level4_desktop", "0123456789ab"), ("not registered", "models list"), status=1
    ),
} | {
    f"malformed day {day!r} of {words[0]} {words[1]}": Wrong(
        (*words[: words.index("--date")], "--date", day), ("YYYY-MM-DD",)
    )
    for words in DAYS_OF_COMMANDS
    for day in ("2025-7-1", "yesterday", "2025-02-30", "")
}  # fmt: skip


@pytest.fixture(scope="module")
def stored(endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    with command_line(endpoints, tmp_path_factory.mktemp("local")) as found:
        found.json("load", "--date", KEPT_DAY)
        found.json("score", "--date", KEPT_DAY)
        yield found


@pytest.fixture
def commands(stored: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    monkeypatch.chdir(tmp_path)  # a .env of the project is not for tests
    yield stored
    stored.sandbox.set_faults(Faults())


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that somebody holds and nobody answers at."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


class TestWrongInput:
    @pytest.mark.parametrize("more", [(), ("--json",)], ids=["table", "json"])
    @pytest.mark.parametrize("case", CASES)
    def test_should_say_what_to_do_and_change_nothing(
        self, commands: CommandLine, case: str, more: tuple[str, ...]
    ) -> None:
        wrong, before = CASES[case], commands.contents()
        commands.sandbox.set_faults(parse_faults(wrong.faults))
        result = commands.run(*wrong.words, *more, **wrong.settings)
        assert (result.exit_code, result.stdout) == (wrong.status, "")
        assert result.stderr.startswith("Error: ")
        assert len(result.stderr.splitlines()) == 1
        assert [words for words in wrong.said if words not in result.stderr] == []
        assert [secret for secret in (PLANTED, commands.environ["METRIKA_TOKEN"]) if secret in result.output] == []
        commands.sandbox.set_faults(Faults())
        assert commands.contents() == before


class TestLostStores:
    @pytest.mark.parametrize("more", [(), ("--json",)], ids=["table", "json"])
    @pytest.mark.parametrize("words", EACH_COMMAND, ids=lambda words: words[0])
    def test_should_name_postgresql_when_it_does_not_answer(
        self, commands: CommandLine, taken_port: int, words: tuple[str, ...], more: tuple[str, ...]
    ) -> None:
        address = f"postgresql://u:{PLANTED}@127.0.0.1:{taken_port}/x"
        result = commands.run(*words, *more, DATABASE_URL=address)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith("Error: PostgreSQL does not answer at 127.0.0.1:")
        assert "services up" in result.stderr
        assert "DATABASE_URL" in result.stderr
        assert PLANTED not in result.output

    @pytest.mark.parametrize("more", [(), ("--json",)], ids=["table", "json"])
    @pytest.mark.parametrize("words", [LOAD, ("score", "--date", KEPT_DAY), ("verify-day", "--date", KEPT_DAY)])
    def test_should_name_clickhouse_when_it_does_not_answer(
        self, commands: CommandLine, taken_port: int, words: tuple[str, ...], more: tuple[str, ...]
    ) -> None:
        before = commands.contents()
        address = f"http://127.0.0.1:{taken_port}/?native_port={taken_port}"
        result = commands.run(*words, *more, CLICKHOUSE_URL=address, CLICKHOUSE_PASSWORD=PLANTED)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith("Error: ClickHouse does not answer at 127.0.0.1:")
        assert "services up" in result.stderr
        assert "CLICKHOUSE_URL" in result.stderr
        assert PLANTED not in result.output
        assert commands.contents() == before


class TestLostMetrika:
    """Its retries log to the real standard error, so it runs as a user runs it."""

    def test_should_say_so_in_the_last_line_when_metrika_does_not_answer(
        self, commands: CommandLine, taken_port: int
    ) -> None:
        before = commands.contents()
        environ = {**os.environ, **commands.environ, "METRIKA_API_URL": f"http://127.0.0.1:{taken_port}"}
        command = [sys.executable, "-m", "include", *LOAD, "--json"]
        environ["PYTHONPATH"] = str(PROJECT)
        ran = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=90, check=False)
        assert (ran.returncode, ran.stdout) == (1, "")
        assert ran.stderr.splitlines()[-1].startswith(f"Error: Metrika cannot be reached at 127.0.0.1:{taken_port}")
        assert "METRIKA_API_URL" in ran.stderr.splitlines()[-1]
        assert "Traceback" not in ran.stderr
        assert commands.environ["METRIKA_TOKEN"] not in ran.stderr
        assert commands.contents() == before


class TestTakenPort:
    def test_should_name_the_port_when_the_sandbox_cannot_have_it(self, commands: CommandLine, taken_port: int) -> None:
        result = commands.run("sandbox", "serve", "--port", taken_port)
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"cannot listen on 127.0.0.1:{taken_port}" in result.stderr
        assert "--port" in result.stderr


class TestWrongModels:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        found = tmp_path / "given"
        found.mkdir()
        return found

    @pytest.mark.parametrize(
        ("payload", "said"),
        [
            (None, "level4_desktop_slot*.joblib"),
            (SlotShare(), "feature list"),
            ({"model": SlotShare(), "features": ["shoe_size"]}, "shoe_size"),
        ],
        ids=["no model", "no feature list", "unknown feature"],
    )
    def test_should_register_nothing_when_a_file_cannot_be_used(
        self, commands: CommandLine, folder: Path, payload: object, said: str
    ) -> None:
        before = commands.contents()
        if payload is not None:
            joblib.dump(payload, folder / "level4_desktop_slot.joblib")
        result = commands.run("visits", "import-model", folder, "--trust-all", "--json")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith("Error: ")
        assert said in result.stderr
        assert commands.contents() == before

    @pytest.mark.parametrize(("content", "said"), [(b"other", "digest differs"), (None, "cannot be read")])
    def test_should_score_nothing_when_the_registered_file_is_not_there_any_more(
        self, endpoints: Endpoints, folder: Path, content: bytes | None, said: str
    ) -> None:
        joblib.dump({"model": SlotShare(), "features": ["slots"]}, folder / "level4_desktop_slot.joblib")
        with command_line(endpoints, folder / "local") as commands:
            commands.json("load", "--date", DAY)
            commands.json("visits", "import-model", folder, "--trust-all")
            version = commands.json("models", "list")["models"][0]["version"]
            commands.run("models", "promote", "level4_desktop", version)
            (file,) = (folder / "local" / "models").rglob("*.joblib")
            file.unlink() if content is None else file.write_bytes(content)
            before = commands.contents()
            result = commands.run("score", "--date", DAY, "--json")
            assert (result.exit_code, result.stdout) == (1, "")
            assert said in result.stderr
            assert "promote another version" in result.stderr
            assert commands.contents() == before
