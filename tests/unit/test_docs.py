"""README and docs held to the code: commands, options, make targets, paths, rooms, DAGs and settings.

The parameters of DAGs are held in tests/dags/test_dag_policy.py, the HTTP routes in tests/api/test_docs_page.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer

from include.__main__ import app

PROJECT = Path(__file__).parents[2]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
PAGES = (PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md")))
TARGETS = ("setup", "run", "test", "up", "down", "check", "bench")
SHOWN_COMMAND = re.compile(r"python -m include ((?:[^`#|\n\\]|\\\n)+)")
SHOWN_TARGET = re.compile(r"\bmake ([a-z]+)\b(?=[`\n ]*(?:[`#\n]|$| *#))|`make ([a-z]+)`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
PATH = re.compile(r"`((?:dags|plugins|include|tests|docs|benchmarks|\.ci)/[\w./-]*)`")
MADE_BY_RUNNING = (".local/", "../shared/")


def texts() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def iter_commands(group: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that can be called, with the words that call it."""
    subcommands = getattr(group, "commands", None)
    if subcommands is None:
        yield words, group
        return
    for name, command in subcommands.items():
        yield from iter_commands(command, (*words, name))


COMMANDS = dict(iter_commands(typer.main.get_command(app)))
ALL_SHOWN = [(page.name, found.strip()) for page in PAGES for found in SHOWN_COMMAND.findall(page.read_text())]
SHOWN = [(page, shown) for page, shown in ALL_SHOWN if not shown.startswith("<")]


class TestCommands:
    @pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
    def test_should_be_in_the_readme(self, words: tuple[str, ...]) -> None:
        assert f"`{' '.join(words)}`" in README

    @pytest.mark.parametrize(("page", "shown"), SHOWN)
    def test_should_exist_when_a_page_shows_it(self, page: str, shown: str) -> None:
        words = shown.split()
        called = next((words[:size] for size in (3, 2, 1) if tuple(words[:size]) in COMMANDS), None)
        assert called is not None, f"{page} shows {shown!r}, which is no command"
        parameters = COMMANDS[tuple(called)].params
        options = {name for one in parameters for name in (*one.opts, *one.secondary_opts)} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= options

    @pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
    def test_should_say_in_a_sentence_what_it_does(self, words: tuple[str, ...]) -> None:
        help_text = (COMMANDS[words].help or "").split("\n\n")[0].strip()
        assert help_text.endswith(".")
        assert "`" not in help_text

    @pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
    def test_should_explain_every_option(self, words: tuple[str, ...]) -> None:
        silent = [parameter.name for parameter in COMMANDS[words].params if not getattr(parameter, "help", None)]
        assert silent == []


class TestMakeTargets:
    @pytest.mark.parametrize("target", TARGETS)
    def test_should_be_in_the_readme(self, target: str) -> None:
        assert re.search(rf"\bmake {target}\b", README)

    def test_should_exist_when_a_page_names_one(self) -> None:
        made = set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
        named = {first or second for first, second in SHOWN_TARGET.findall(texts())}
        assert set(TARGETS) <= named <= made


class TestPaths:
    @pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
    def test_should_exist_when_a_page_names_one(self, page: Path) -> None:
        text = page.read_text(encoding="utf-8")
        links = [page.parent / link for link in LINK.findall(text)]
        paths = [PROJECT / path for path in PATH.findall(text)]
        assert [str(path) for path in (*links, *paths) if not path.exists()] == []

    def test_should_name_every_room_in_the_folder_map(self) -> None:
        rooms = {f"include/{path.parent.name}" for path in (PROJECT / "include").glob("*/__init__.py")}
        modules = {f"include/{path.name}" for path in (PROJECT / "include").glob("*.py")} - {"include/__init__.py"}
        table = README.partition("## Where things are")[2].partition("\n## ")[0]
        assert {room for room in rooms | modules if f"`{room}`" not in table} == set()


class TestDags:
    DAGS = tuple(sorted(path.stem for path in (PROJECT / "dags").glob("*.py")))

    @pytest.mark.parametrize("dag_id", DAGS)
    def test_should_be_in_the_readme_and_have_a_page(self, dag_id: str) -> None:
        assert f"| `{dag_id}` |" in README
        assert f"\n## {dag_id}\n" in (PROJECT / "docs" / "DAGS.md").read_text()

    def test_should_exist_when_the_readme_names_one(self) -> None:
        table = README.partition("## The DAGs")[2].partition("\n## ")[0]
        assert tuple(sorted(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))) == self.DAGS


class TestSettings:
    ROOMS = "METRIKA|METRICS|CONVERSION|CLICKHOUSE|COUNTERFLOW|AUTH|EVENTS|KAFKA|ACCESS|REFRESH"
    NAME = rf"((?:{ROOMS})_[A-Z_]*[A-Z]|DATABASE_URL|SECRET_KEY|JWT_ALGORITHM)"
    READ = re.compile(rf"[\"']{NAME}[\"']", re.MULTILINE)

    def test_should_be_read_somewhere_when_the_docs_name_one(self) -> None:
        page = (PROJECT / "docs" / "settings.md").read_text()
        named = set(re.findall(f"`{self.NAME}`", page))
        sources = [path for room in ("include", "dags", "plugins") for path in (PROJECT / room).rglob("*.py")]
        code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
        assert {name for name in named if name not in code} == set()

    def test_should_be_in_the_docs_when_the_settings_read_one(self) -> None:
        page = (PROJECT / "docs" / "settings.md").read_text()
        files = (PROJECT / "include" / "settings").glob("*.py")
        found = {name for path in files for name in self.READ.findall(path.read_text())}
        assert found
        assert {name for name in found if f"`{name}`" not in page} == set()
