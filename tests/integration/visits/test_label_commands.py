"""``visits label`` and ``visits train`` as a person types them, on days of the local Metrika."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.services.engines.endpoints import Endpoints
from tests.command_line import CommandLine, command_line

DAYS = [dt.date(2025, 11, 3) + dt.timedelta(days=more) for more in range(3)]
RANGE = ("--from", DAYS[0], "--to", DAYS[-1])
GOALS = "ym:s:goalsID,ym:s:goalsDateTime"


@pytest.fixture(scope="module")
def shell(endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """Three loaded days of 600 visits, with their goals."""
    with command_line(endpoints, tmp_path_factory.mktemp("local"), visits_per_day=600) as opened:
        for day in DAYS:
            opened.json("load", "--date", day, "--fields", GOALS)
        yield opened


@pytest.fixture(scope="module")
def labels_file(shell: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("labels") / "labels.csv"
    rows = [f"{visit},{label}\n" for day in DAYS for visit, label in shell.sandbox.labels(101, day).items()]
    path.write_text("visit_id,label\n" + "".join(rows) + "42,1\n")
    return path


class TestLabel:
    def test_should_list_all_unknown_visits_when_asked_for_json(self, shell, labels_file):
        found = shell.json("visits", "label", "--file", labels_file)
        assert (found["rows"], found["matched"], found["unknown_ids"]) == (1801, 1800, ["42"])
        assert {one["device"] for one in found["devices"]} >= {"desktop", "mobile"}

    def test_should_show_tables_when_a_person_reads(self, shell, labels_file):
        shown = shell.run("visits", "label", "--file", labels_file).output
        assert "Class balance" in shown
        assert "Not stored: 1; --json lists all of them." in shown

    def test_should_label_every_visit_when_a_goal_is_named(self, shell):
        goal = shell.warehouse.scalar(
            "SELECT arrayJoin(goal_ids) AS goal FROM visits GROUP BY goal ORDER BY count() DESC LIMIT 1"
        )
        reached = shell.warehouse.scalar("SELECT countIf(has(goal_ids, %(goal)s)) FROM visits", {"goal": goal})
        found = shell.json("visits", "label", "--goal", goal, *RANGE)
        assert (found["matched"], found["positive"], found["source"]) == (1800, reached, f"goal-{goal}")

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            ((), "one of --file, --goal and --events"),
            (("--goal", "5", "--events", "x.csv"), "one of --file, --goal and --events"),
            (("--file", "none.csv"), "cannot be read"),
            (("--goal", "5", "--from", "2020-01-01"), "nothing to label"),
            (("--goal", "5", "--within-days", "500"), "window of 500 days"),
            (("--file", "x.csv", "--as-of", "2025-01-01"), "belong to --goal and --events"),
        ],
    )
    def test_should_say_what_was_wrong(self, shell, words, sentence):
        result = shell.run("visits", "label", *words)
        assert (result.exit_code, sentence in result.output) == (2, True)


class TestTrain:
    def test_should_train_compare_and_promote(self, shell, labels_file):
        shell.json("visits", "label", "--file", labels_file)
        found = shell.json("visits", "train", *RANGE, "--source", "csv", "--promote")
        assert [one["is_promoted"] for one in found["devices"]] == [one["is_better"] for one in found["devices"]]
        for one in found["devices"]:
            assert one["comparison"]["candidate"]["pr_auc"] > one["comparison"]["rule"]["pr_auc"]
        serving = {one["version"] for one in shell.json("models", "list")["models"] if one["stage"] == "production"}
        assert serving == {one["version"] for one in found["devices"] if one["is_promoted"]}

    def test_should_refuse_with_the_number_needed_when_labels_are_few(self, shell, labels_file, tmp_path):
        few = tmp_path / "few.csv"
        few.write_text("".join(labels_file.read_text().splitlines(keepends=True)[:30]))
        shell.json("visits", "label", "--file", few, "--name", "few")
        result = shell.run("visits", "train", *RANGE, "--source", "few")
        assert (result.exit_code, "at least 50" in result.output) == (2, True)
