"""What-if by command, end to end: asked, listed, put in force, and only what is new is sent."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from include.days import utc_now
from include.registry.promotions import promote
from include.registry.versions import register
from include.secret import Secret
from include.services.engines.endpoints import Endpoints
from include.state.engine import connect_state, migrate
from tests.command_line import CommandLine, command_line
from tests.visit_models import SlotShare

DAY = (utc_now() - dt.timedelta(days=3)).date().isoformat()
RANGE = ("--from", DAY, "--to", DAY)
WHAT_IF = ("visits", "what-if")
ASK = (*WHAT_IF, *RANGE)


@pytest.fixture(scope="module")
def line(endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A day loaded, scored with two models, and sent."""
    folder = tmp_path_factory.mktemp("local")
    with command_line(endpoints, folder) as opened:
        state = connect_state(Secret(opened.environ["DATABASE_URL"]))
        migrate(state)
        for name in ("level4_desktop", "level4_mobile"):
            made = register(
                state, folder / "models", name=name, artefact=SlotShare(40.0), threshold=0.1, features=["slots"]
            )
            promote(state, name, made.version, cause="command")
        state.dispose()
        for words in (("load",), ("score",), ("conversions", "upload")):
            opened.json(*words, "--date", DAY)
        yield opened


def at_metrika(line: CommandLine) -> list[tuple[str, str]]:
    return [(row["ClientId"], row["DateTime"]) for upload in line.sandbox.uploads(101) for row in upload["rows"]]


class TestWhatIfCommands:
    """One story, told in order: each test starts where the one before it ended."""

    def test_should_show_a_row_per_day_when_asked(self, line: CommandLine) -> None:
        result = line.run(*ASK, "--desktop-threshold", "0.3", "--value-per-visit", "10", "--show", "2")
        assert result.exit_code == 0, result.output
        for words in ("before", "removed", "all days", "Visits that change", "what-if-apply"):
            assert words in result.output

    def test_should_add_up_when_asked_for_one_line(self, line: CommandLine) -> None:
        found = line.json(*ASK, "--desktop-threshold", "0.3")
        assert found["removed"] > 0
        assert (found["before"], found["after"]) == (
            found["kept"] + found["removed"], found["kept"] + found["added"]
        )  # fmt: skip
        assert found["removed_sent"] == found["removed"]

    def test_should_write_every_change_into_the_file(self, line: CommandLine, tmp_path: Path) -> None:
        path = tmp_path / "changes.csv"
        found = line.json(*ASK, "--desktop-threshold", "0.3", "--list", path)
        with path.open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert len(rows) == found["added"] + found["removed"]
        assert {row["conversion"] for row in rows if row["change"] == "removed"} == {"sent"}

    def test_should_list_what_was_asked(self, line: CommandLine) -> None:
        found = line.json("visits", "what-if-list")["what_ifs"]
        assert [one["applied_at"] for one in found] == [None, None]

    def test_should_change_nothing_when_the_person_says_no(self, line: CommandLine) -> None:
        asked = line.json(*ASK, "--desktop-threshold", "0.3")["what_ifs"][0]["id"]
        before = line.contents()
        result = line.run("visits", "what-if-apply", asked)
        assert (result.exit_code != 0, line.contents()) == (True, before)

    def test_should_send_only_what_is_new_when_it_was_applied(self, line: CommandLine) -> None:
        sent_before = at_metrika(line)
        asked = line.json(*ASK, "--desktop-threshold", "0.3", "--mobile-threshold", "0.05")
        applied = line.json("visits", "what-if-apply", asked["what_ifs"][0]["id"], "--yes")
        assert at_metrika(line) == sent_before
        report = line.json("conversions", "upload", "--date", DAY)
        assert (applied["after"], report["withdrawn"], report["withdrawn_sent"]) == (
            report["sent"] + report["held"] + report["already_sent"], asked["removed"], asked["removed"],
        )  # fmt: skip
        assert report["sent"] == asked["sendable"]
        assert len(at_metrika(line)) == len(set(at_metrika(line))) == len(sent_before) + report["sent"]

    def test_should_hold_the_day_when_it_is_verified(self, line: CommandLine) -> None:
        result = line.run("verify-day", "--date", DAY)
        assert result.exit_code == 0, result.output

    def test_should_send_nothing_twice_when_it_is_undone(self, line: CommandLine) -> None:
        before = at_metrika(line)
        back = line.json(*ASK, "--desktop-threshold", "0.1", "--mobile-threshold", "0.1")
        line.json("visits", "what-if-apply", back["what_ifs"][0]["id"], "--yes")
        report = line.json("conversions", "upload", "--date", DAY)
        assert (report["sent"], at_metrika(line)) == (0, before)

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ((*ASK, "--desktop-threshold", "1.5"), "give a number from 0 to 1"),
            ((*ASK, "--mobile-threshold", "nan"), "give a number from 0 to 1"),
            (ASK, "Nothing is proposed"),
            ((*ASK, "--model", "level4_tv=abc"), "names no model"),
            ((*ASK, "--model", "level4_desktop"), "does not name one version"),
            ((*ASK, "--model", "level4_desktop=abc"), "is not registered"),
            ((*ASK, "--model", "level4_desktop=a", "--model", "level4_desktop=b"), "does not name one version"),
            ((*ASK, "--mobile-threshold", "0.5", "--value-per-visit", "-1"), "The value of a visit"),
            (
                ("visits", "what-if", "--from", "2026-02-02", "--to", "2026-02-01", "--mobile-threshold", "0"),
                "reversed",
            ),
            (
                ("visits", "what-if", "--from", "2026-02-30", "--to", "2026-03-01", "--mobile-threshold", "0"),
                "not a day",
            ),
            ((*WHAT_IF, "--from", "2020-01-01", "--to", "2020-01-20", "--mobile-threshold", "0"), "10 more"),
            ((*ASK, "--mobile-threshold", "0.5", "--list", "/proc/none/x.csv"), "cannot be written"),
            (("visits", "what-if-apply", "nothing", "--yes"), "There is no what-if 'nothing'"),
        ],
    )
    def test_should_say_one_sentence_when_the_input_is_wrong(
        self, line: CommandLine, words: tuple[str, ...], said: str
    ) -> None:
        before = line.contents()
        result = line.run(*words)
        assert (result.exit_code, result.stdout) == (2, "")
        assert said in result.stderr.replace("\n", " ")
        assert result.stderr.count("Error:") == 1
        assert line.contents() == before

    def test_should_say_so_when_it_was_applied_before(self, line: CommandLine) -> None:
        applied: list[dict[str, Any]] = [
            one for one in line.json("visits", "what-if-list")["what_ifs"] if one["applied_at"]
        ]
        result = line.run("visits", "what-if-apply", applied[0]["id"], "--yes")
        assert (result.exit_code, "was applied on" in result.stderr.replace("\n", " ")) == (2, True)

    def test_should_go_on_with_the_rest_when_one_of_several_was_applied(self, line: CommandLine) -> None:
        applied = next(one["id"] for one in line.json("visits", "what-if-list")["what_ifs"] if one["applied_at"])
        waiting = line.json(*ASK, "--desktop-threshold", "0.2")["what_ifs"][0]["id"]
        found = line.json("visits", "what-if-apply", applied, waiting, "--yes")
        assert [one["id"] for one in found["what_ifs"]] == [waiting]

    def test_should_refuse_when_another_model_serves_since(self, line: CommandLine) -> None:
        stale, newer = (line.json(*ASK, "--desktop-threshold", one)["what_ifs"][0]["id"] for one in ("0.3", "0.4"))
        line.json("visits", "what-if-apply", newer, "--yes")
        result = line.run("visits", "what-if-apply", stale, "--yes")
        assert (result.exit_code, "is out of date" in result.stderr.replace("\n", " ")) == (2, True)
