"""The main job by command, from raw logs to processed conversions."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine

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


class TestVerifyDay:
    """What a person and a program see of a day that was changed, and of one that is not finished."""

    def test_should_name_visit_column_and_both_values_when_a_raw_row_was_changed(self, commands: CommandLine) -> None:
        for command in (("load",), ("score",)):
            commands.json(*command, "--date", DAY)
        visit, old = commands.warehouse.execute("SELECT visit_id, page_views FROM visits ORDER BY visit_id LIMIT 1")[0]
        commands.warehouse.execute(
            f"ALTER TABLE visits UPDATE page_views = {old + 1} WHERE visit_id = {visit}", settings={"mutations_sync": 1}
        )
        result = commands.run("verify-day", "--date", DAY, "--json")
        found = json.loads(result.stdout)["days"][0]
        assert (result.exit_code, found["differences"], found["missing"]) == (1, 1, ["upload"])
        assert found["findings"][0]["text"] == (
            f"visits of {DAY}, visit {visit}, page_views: stored {old + 1}, should be {old}"
        )

    def test_should_show_findings_and_the_next_step_to_people(self, commands: CommandLine) -> None:
        for command in (("load",), ("score",)):
            commands.json(*command, "--date", DAY)
        commands.warehouse.execute(
            "ALTER TABLE hits DELETE WHERE watch_id = (SELECT min(watch_id) FROM hits)", settings={"mutations_sync": 1}
        )
        shown = commands.run("verify-day", "--date", DAY).stdout
        assert "hits differs. Load the day again: python -m include load --date 2026-11-10 --counter 101." in shown
        assert "upload missing. Run 'python -m include conversions upload --date 2026-11-10 --counter 101'." in shown

    def test_should_be_behind_until_it_is_scored_again_when_a_day_was_loaded_with_other_rows(
        self, commands: CommandLine
    ) -> None:
        for command in (("load",), ("score",), ("conversions", "upload")):
            commands.json(*command, "--date", DAY)
        commands.sandbox.set_faults(replace(commands.sandbox.faults, late_edits=5))
        states = []
        for command in (("load",), ("score",), ("conversions", "upload")):
            commands.json(*command, "--date", DAY)
            verdict = commands.json("verify-day", "--date", DAY)
            states.append((verdict["holds"], verdict["days"][0]["behind"]))
        assert states == [(True, ["scores"]), (True, ["upload"]), (True, [])]

    def test_should_make_a_record_of_its_own_again_when_a_stage_runs_after_an_edit(self, commands: CommandLine) -> None:
        for command in (("load",), ("score",)):
            commands.json(*command, "--date", DAY)
        engine = create_engine(commands.environ["DATABASE_URL"])
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE day_stages SET run_id = 'forged' WHERE stage = 'scores'")
        engine.dispose()
        assert commands.run("verify-day", "--date", DAY).exit_code == 1
        commands.json("score", "--date", DAY)
        assert commands.json("verify-day", "--date", DAY)["holds"] is True
