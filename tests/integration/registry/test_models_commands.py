"""The commands of the registry as people type them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from include.__main__ import app
from include.registry.artefacts import artefact_path, digest_of
from include.registry.cards import store_card
from include.registry.promotions import promote
from include.registry.versions import ModelVersion, register
from tests.visit_days import migrated, state, visit_environ
from tests.visit_models import SlotShare

__all__ = ["migrated", "state", "visit_environ"]

NAME = "level4_desktop"
PNG = b"\x89PNG\r\n\x1a\n and so on"
CARD = {"scores": {"pr_auc": 0.75, "ece": 0.02}, "candidates": {"forest": {"pr_auc": 0.75}}, "note": "[bold]kept[/]"}


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    return tmp_path / "local" / "models"


@pytest.fixture
def versions(state: Engine, models_dir: Path) -> list[ModelVersion]:
    """Three versions with cards, the first two promoted in turn."""
    manifest = {"origin": "training", **store_card(models_dir, CARD, {"roc": PNG})}
    made = [
        register(
            state, models_dir, name=NAME, artefact=SlotShare(scale), threshold=0.4, features=("slots",),
            manifest=manifest,
        )
        for scale in (10.0, 20.0, 30.0)
    ]  # fmt: skip
    for version in made[:2]:
        promote(state, NAME, version.version, cause="gate", run_id="manual__1")
    return made


@pytest.fixture
def run(visit_environ: Mapping[str, str], tmp_path: Path) -> Callable[..., Result]:
    environ = {**visit_environ, "COUNTERFLOW_LOCAL_DIR": str(tmp_path / "local"), "COLUMNS": "160"}
    return lambda *words: CliRunner().invoke(app, ["models", *map(str, words)], env=environ)


def told(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


class TestWayBack:
    def test_should_go_back_and_write_it_down_when_rolled_back(self, run, versions):
        back = told(run("rollback", NAME, "--json"))
        assert [(one["version"], one["stage"]) for one in back["models"]] == [(versions[0].version, "production")]
        last = told(run("history", NAME, "--json"))["promotions"][-1]
        assert (last["version"], last["replaced_version"], last["cause"]) == (
            versions[0].version, versions[1].version, "rollback",
        )  # fmt: skip
        assert last["run_id"].startswith("command_rollback_")

    def test_should_say_so_when_there_is_no_version_before(self, run, versions):
        run("rollback", NAME)
        result = run("rollback", NAME)
        assert result.exit_code == 1
        assert "no version to go back to" in result.stderr

    @pytest.mark.parametrize("words", [("promote", NAME, 2), ("rollback", NAME)])
    def test_should_keep_the_version_that_decides_when_the_file_of_the_other_is_gone(
        self, run, versions, models_dir, words
    ):
        artefact_path(models_dir, versions[2 if words[0] == "promote" else 0].sha256).unlink()
        result = run(*(versions[word].version if isinstance(word, int) else word for word in words))
        assert result.exit_code == 1
        assert "cannot be read" in result.stderr
        assert told(run("card", NAME, "--json"))["version"] == versions[1].version

    def test_should_leave_the_rule_alone_when_the_version_is_archived(self, run, versions):
        run("archive", NAME, versions[1].version)
        assert {one["stage"] for one in told(run("list", "--json"))["models"]} == {"archived", "candidate"}

    def test_should_tell_the_history_of_all_when_no_name_is_given(self, run, versions):
        assert [one["cause"] for one in told(run("history", "--json"))["promotions"]] == ["gate", "gate"]
        assert "manual__1" in run("history").stdout


class TestCard:
    def test_should_show_the_version_that_decides_when_none_is_named(self, run, versions):
        found = told(run("card", NAME, "--json"))
        assert (found["version"], found["card"], found["plots"]) == (
            versions[1].version, CARD, {"roc": digest_of(PNG)},
        )  # fmt: skip

    def test_should_show_the_newest_when_none_decides(self, run, versions):
        run("archive", NAME, versions[1].version)
        assert told(run("card", NAME, "--json"))["version"] == versions[2].version

    def test_should_be_readable_tables_when_printed(self, run, versions):
        text = run("card", NAME, versions[2].version).stdout
        assert f"{versions[1].version}, which decides" in text
        assert "[bold]kept[/]" in text
        assert "0.750" in text

    def test_should_write_plots_and_a_page_when_a_folder_is_named(self, run, versions, tmp_path):
        folder = tmp_path / "out" / "deep"
        files = told(run("card", NAME, "--folder", folder, "--json"))["files"]
        assert files == [str(folder / "roc.png"), str(folder / "card.html")]
        assert (folder / "roc.png").read_bytes() == PNG
        assert versions[1].version in (folder / "card.html").read_text()

    def test_should_refuse_when_the_folder_cannot_be_written(self, run, versions, tmp_path):
        (tmp_path / "file").write_text("")
        result = run("card", NAME, "--folder", tmp_path / "file")
        assert result.exit_code == 2
        assert "name another folder" in result.stderr

    def test_should_refuse_when_a_plot_was_changed(self, run, versions, models_dir, tmp_path):
        artefact_path(models_dir, digest_of(PNG), ".png").write_bytes(b"other")
        result = run("card", NAME, "--folder", tmp_path / "out")
        assert result.exit_code == 1
        assert "not the file that was registered" in result.stderr

    @pytest.mark.parametrize("words", [("nobody",), (NAME, "0123456789ab")])
    def test_should_name_the_list_command_when_there_is_no_such_version(self, run, versions, words):
        result = run("card", *words)
        assert result.exit_code == 1
        assert "models list" in result.stderr
