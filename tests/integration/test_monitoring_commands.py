"""A drifted day by command: reported, held, approved, sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.services.engines.endpoints import Endpoints
from tests.command_line import CommandLine, command_line

CLEAN, DAY = ["2026-11-06", "2026-11-07", "2026-11-08", "2026-11-09"], "2026-11-10"
LOST_HITS = "ALTER TABLE hits DELETE WHERE date = '2026-11-10' AND watch_id % 5 < 3"
BLOCK = {"COUNTERFLOW_DRIFT_ACTION": "block"}


@pytest.fixture(scope="module")
def commands(endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """Four clean days and a fifth on which the tracker lost most hits."""
    folder = tmp_path_factory.mktemp("monitoring")
    with pytest.MonkeyPatch.context() as patch, command_line(endpoints, folder, visits_per_day=300) as found:
        patch.chdir(folder)
        for day in (*CLEAN, DAY):
            found.json("load", "--date", day)
        found.warehouse.execute(LOST_HITS, settings={"mutations_sync": 1})
        for day in (*CLEAN, DAY):
            found.json("score", "--date", day)
        yield found


def at_metrika(commands: CommandLine) -> int:
    return sum(len(upload["rows"]) for upload in commands.sandbox.uploads(101))


class TestReport:
    def test_should_name_what_drifted_in_a_table(self, commands: CommandLine) -> None:
        shown = commands.run("visits", "report", "--date", DAY).stdout
        assert "drift" in shown
        assert "no labels yet" in shown or "Promised" not in shown

    def test_should_print_one_line_with_everything(self, commands: CommandLine) -> None:
        found = commands.json("visits", "report", "--date", DAY)
        assert (found["days"], found["drifted_days"], found["blocked_days"]) == (1, 1, 0)
        assert {check["feature"] for check in found["reports"][0]["content"]["checks"]} > {"slots", "device_mix"}

    def test_should_show_a_line_per_scored_day_of_a_range(self, commands: CommandLine) -> None:
        found = commands.json("visits", "report", "--from", "2026-11-01", "--to", DAY)
        assert [report["day"] for report in found["reports"]] == [*CLEAN, DAY]
        shown = commands.run("visits", "report", "--from", "2026-11-01", "--to", DAY).stdout
        assert all(day in shown for day in CLEAN)

    def test_should_write_a_page_that_fetches_nothing(self, commands: CommandLine) -> None:
        page = commands.folder / "day.html"
        commands.run("visits", "report", "--date", DAY, "--page", page)
        text = Path(page).read_text(encoding="utf-8")
        assert "class='drift'" in text
        assert "<svg" in text
        assert [word for word in ("http:", "https:", "<script") if word in text] == []

    @pytest.mark.parametrize(
        "words", [[], ["--from", DAY], ["--date", DAY, "--to", DAY], ["--from", DAY, "--to", CLEAN[0]]]
    )
    def test_should_refuse_when_the_days_are_not_named_in_one_way(
        self, commands: CommandLine, words: list[str]
    ) -> None:
        assert commands.run("visits", "report", *words).exit_code == 2

    def test_should_say_what_to_run_when_the_day_is_not_scored(self, commands: CommandLine) -> None:
        result = commands.run("visits", "report", "--date", "2026-11-01")
        assert (result.exit_code, "score --date 2026-11-01" in result.output) == (2, True)

    def test_should_refuse_another_action(self, commands: CommandLine) -> None:
        result = commands.run("visits", "report", "--date", DAY, COUNTERFLOW_DRIFT_ACTION="stop")
        assert (result.exit_code, "use report or block" in result.output) == (2, True)


class TestHeldUntilApproved:
    """In the order of the file."""

    def test_should_hold_the_day_when_drift_blocks(self, commands: CommandLine) -> None:
        result = commands.run("conversions", "upload", "--date", DAY, "--json", **BLOCK)
        found = json.loads(result.stdout)
        held = found["counters"][0]["held_reasons"]
        assert (found["sent"], held, at_metrika(commands)) == (0, {"drift_not_approved": found["held"]}, 0)
        assert found["held"] > 0

    def test_should_send_a_clean_day_all_the_same(self, commands: CommandLine) -> None:
        result = commands.run("conversions", "upload", "--date", CLEAN[-1], "--json", **BLOCK)
        assert json.loads(result.stdout)["sent"] > 0

    def test_should_stay_held_when_the_setting_goes_back(self, commands: CommandLine) -> None:
        assert commands.json("conversions", "upload", "--date", DAY)["sent"] == 0

    def test_should_send_once_when_it_is_approved(self, commands: CommandLine) -> None:
        before = at_metrika(commands)
        approved = commands.json("visits", "approve-drift", "--date", DAY, "--by", "anna")
        sent = [json.loads(_upload(commands))["sent"] for _ in range(2)]
        assert (approved["approved"], approved["by"]) == (1, "anna")
        assert (sent[0] > 0, sent[1], at_metrika(commands) - before) == (True, 0, sent[0])

    def test_should_approve_nothing_when_nothing_waits(self, commands: CommandLine) -> None:
        assert commands.json("visits", "approve-drift", "--date", DAY)["approved"] == 0


def _upload(commands: CommandLine) -> str:
    return commands.run("conversions", "upload", "--date", DAY, "--json", **BLOCK).stdout
