"""What people see who ask for help, or type too little."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
import typer
from typer.testing import CliRunner

from include.__main__ import app


def iter_words(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every group and command."""
    yield words
    for name, one in getattr(command, "commands", {}).items():
        yield from iter_words(one, (*words, name))


EVERY = tuple(iter_words(typer.main.get_command(app)))
GROUPS = ((), ("conversions",), ("models",), ("services",), ("sandbox",))


class TestHelp:
    @pytest.mark.parametrize("words", EVERY, ids=lambda words: " ".join(words) or "no word")
    def test_should_show_a_page_without_markup_when_asked(self, words: tuple[str, ...]) -> None:
        result = CliRunner().invoke(app, [*words, "--help"])
        assert (result.exit_code, result.stderr) == (0, "")
        assert "Usage:" in result.stdout
        assert [mark for mark in ("``", "Args:", "Raises:") if mark in result.stdout] == []

    @pytest.mark.parametrize("words", GROUPS, ids=lambda words: " ".join(words) or "no word")
    def test_should_show_the_commands_when_none_is_named(self, words: tuple[str, ...]) -> None:
        result = CliRunner().invoke(app, list(words))
        names = {one[-1] for one in EVERY if len(one) == len(words) + 1 and one[:-1] == words}
        assert result.exit_code == 2
        assert {name for name in names if name not in result.output} == set()

    def test_should_name_the_word_when_a_command_is_unknown(self) -> None:
        result = CliRunner().invoke(app, ["laod"])
        assert result.exit_code == 2
        assert "laod" in result.stderr

    def test_should_name_the_option_when_it_is_missing(self) -> None:
        result = CliRunner().invoke(app, ["load", "--json"])
        assert (result.exit_code, result.stdout) == (2, "")
        assert "--date" in result.stderr
