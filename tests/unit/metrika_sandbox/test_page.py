"""The page about the sandbox names every fault and every option as they are (M26)."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from include.metrika_sandbox.behaviour.faults import FAULTS
from include.metrika_sandbox.command import app

PAGE = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text(encoding="utf-8")


class TestSandboxPage:
    def test_should_list_exactly_the_faults_there_are(self) -> None:
        wanted = [
            f"| `{name}{'=VALUE' if switch.value_field else ''}` | {switch.meaning} |"
            for name, switch in sorted(FAULTS.items())
        ]
        assert PAGE.partition("| `--faults` | what happens |\n|---|---|\n")[2].splitlines() == wanted

    @pytest.mark.parametrize("word", ["--port", "--visits", "--parts", "--faults", "--visits-file", "--empty-dates"])
    def test_should_name_options_that_exist(self, word: str) -> None:
        options = [name for one in typer.main.get_command(app).commands["serve"].params for name in one.opts]  # type: ignore[attr-defined]
        assert word in options
        assert word in PAGE
