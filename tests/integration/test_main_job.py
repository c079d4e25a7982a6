"""The main job by command, from raw logs to processed conversions."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.services.engines.endpoints import Endpoints
from tests.command_line import CommandLine, command_line

DAY = "2026-11-10"


@pytest.fixture
def commands(endpoints: Endpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    monkeypatch.chdir(tmp_path)  # a .env of the project is not for tests
    with command_line(endpoints, tmp_path) as found:
        yield found


class TestMainJob:
    def test_should_end_in_processed_conversions_and_change_nothing_the_second_time(
        self, commands: CommandLine
    ) -> None:
        loaded = commands.json("load", "--date", DAY)
        assert (loaded["visits"], loaded["quarantined"], loaded["unchanged"]) == (150, 0, False)
        assert loaded["received"] == loaded["visits"] + loaded["hits"]
        scored = commands.json("score", "--date", DAY)
        assert (scored["scored"], scored["level4"]) == (150, scored["by_rule"] + scored["by_model"])
        rows = json.loads(Path(scored["path"]).read_text())
        assert len(rows) == scored["level4"] > 0
        assert set(rows[0]) == {"visitId", "clientId", "dateTime", "visitDuration"}
        sent = commands.json("conversions", "upload", "--date", DAY)
        assert (sent["sent"], sent["held"], sent["already_sent"]) == (scored["level4"], 0, 0)
        deadline = time.monotonic() + 20
        while (followed := commands.json("conversions", "track"))["pending"]:
            assert time.monotonic() < deadline
        assert (followed["processed"], followed["failed"]) == (1, 0)
        assert commands.json("load", "--date", DAY)["unchanged"] is True
        assert commands.json("score", "--date", DAY)["unchanged"] is True
        again = commands.json("conversions", "upload", "--date", DAY)
        assert (again["sent"], again["already_sent"]) == (0, scored["level4"])
        assert len(commands.sandbox.uploads(101)) == 1
        assert commands.json("verify-day", "--date", DAY)["holds"] is True

    def test_should_print_tables_for_people(self, commands: CommandLine) -> None:
        assert "150" in commands.run("load", "--date", DAY).stdout
        assert "level4" in commands.run("score", "--date", DAY).stdout

    def test_should_find_a_changed_byte_when_a_day_is_verified(self, commands: CommandLine) -> None:
        commands.run("load", "--date", DAY)
        commands.run("score", "--date", DAY)
        commands.warehouse.execute(
            "ALTER TABLE visits UPDATE page_views = page_views + 1 WHERE visit_id = (SELECT min(visit_id) FROM visits)",
            settings={"mutations_sync": 1},
        )
        result = commands.run("verify-day", "--date", DAY, "--json")
        found = json.loads(result.stdout)
        assert result.exit_code == 1
        assert next(row["stage"] for row in found["stages"] if not row["holds"]) == "visits"


class TestEmptyDay:
    @pytest.fixture
    def empty(self, endpoints: Endpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
        monkeypatch.chdir(tmp_path)
        with command_line(endpoints, tmp_path, visits_per_day=0) as found:
            yield found

    def test_should_end_in_an_empty_list_when_a_day_has_no_data(self, empty: CommandLine) -> None:
        assert empty.json("load", "--date", DAY)["received"] == 0
        scored = empty.json("score", "--date", DAY)
        assert (scored["scored"], json.loads(Path(scored["path"]).read_text())) == (0, [])
        assert empty.json("conversions", "upload", "--date", DAY)["sent"] == 0
        assert empty.sandbox.uploads(101) == []
        assert empty.json("verify-day", "--date", DAY)["holds"] is True
