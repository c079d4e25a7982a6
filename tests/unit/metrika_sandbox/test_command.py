"""The words of ``sandbox serve``, ``sandbox faults`` and ``sandbox labels`` (M26)."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner, Result

from include.metrika_sandbox.behaviour.faults import FAULTS
from include.metrika_sandbox.command import app

DAY = "2025-11-04"


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


class TestM26Faults:
    def test_should_list_every_fault_with_its_meaning(self) -> None:
        lines = run("faults").stdout.splitlines()
        assert [line.split()[0].partition("=")[0] for line in lines] == sorted(FAULTS)
        assert all(len(line.split()) > 2 for line in lines)


class TestM26Labels:
    def test_should_print_the_label_of_every_visit(self) -> None:
        lines = run("labels", "--date", DAY, "--counter", "101", "--visits", "300").stdout.splitlines()
        assert lines[0] == "visit_id,label"
        assert {line.split(",")[1] for line in lines[1:]} == {"0", "1"}
        assert len(lines) == 301


class TestM26BadWords:
    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (("serve", "--faults", "no_such"), "'no_such' is not a fault"),
            (("serve", "--counters", "x"), "'x' is not a counter"),
            (("serve", "--counters", ","), "name at least one counter"),
            (("serve", "--counters", "7:Nowhere/Land"), "Nowhere/Land"),
            (("serve", "--empty-dates", "2025-02-30"), "2025-02-30"),
            (("serve", "--visits-file", "nowhere.tsv"), "--hits-file"),
            (("labels", "--date", DAY, "--counter", "9"), "9 is not among"),
            (("labels", "--date", "soon", "--counter", "101"), "soon"),
        ],
    )
    def test_should_say_what_is_wrong_and_stop(self, words: tuple[str, ...], sentence: str) -> None:
        done = run(*words)
        assert (done.exit_code, done.stderr.startswith("Error: ")) == (2, True)
        assert sentence in done.stderr
