from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from include.__main__ import app
from tests.taken_batches import Desk, numbered


@pytest.fixture
def rejected(desk: Desk, tmp_path: Path) -> str:
    desk.inbox.environ["COUNTERFLOW_LOCAL_DIR"] = str(tmp_path / "local")
    outcome = desk.take([*numbered(1), {**numbered(2)[0], "user_id": None}])
    return str(outcome.verdicts[1]["quarantine_id"])


def run(desk: Desk, *words: str) -> Result:
    return CliRunner().invoke(app, ["events", *words], env=desk.inbox.environ)


def said(desk: Desk, *words: str) -> dict[str, Any]:
    result = run(desk, *words, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


class TestReceipt:
    def test_should_say_what_became_of_the_batch(self, desk: Desk, rejected: str) -> None:
        receipt_id = str(desk.take(numbered(5)).receipt_id)
        assert said(desk, "receipt", receipt_id)["state"] == "spooled"
        desk.inbox.load()
        assert said(desk, "receipt", receipt_id)["landed"] == 1
        assert "landed" in run(desk, "receipt", receipt_id).stdout

    def test_should_end_with_a_sentence_when_there_is_none(self, desk: Desk, rejected: str) -> None:
        result = run(desk, "receipt", str(uuid.uuid4()))
        assert (result.exit_code, "There is no receipt" in result.stderr) == (2, True)


class TestQuarantine:
    def test_should_list_what_was_rejected(self, desk: Desk, rejected: str) -> None:
        found = said(desk, "quarantine", "--app", "default")
        assert (found["total"], found["items"][0]["quarantine_id"]) == (1, rejected)
        assert "Quarantine: 1 of 1" in run(desk, "quarantine").stdout
        assert said(desk, "quarantine", "--status", "replayed")["total"] == 0
        assert "none" in run(desk, "quarantine", "--code", "too_old").stdout

    @pytest.mark.parametrize("words", [("--status", "x"), ("--app", "nothing"), ("--from", "x")])
    def test_should_end_with_a_sentence_when_the_question_is_wrong(
        self, desk: Desk, rejected: str, words: tuple[str, ...]
    ) -> None:
        assert run(desk, "quarantine", *words).exit_code == 2


class TestReplay:
    def test_should_replay_by_id_and_by_app(self, desk: Desk, rejected: str) -> None:
        assert said(desk, "replay", rejected)["still_rejected"] == 1
        assert said(desk, "replay", "--app", "default", "--code", "too_old")["still_rejected"] == 0
        assert said(desk, "replay", "--app", "default")["still_rejected"] == 1

    def test_should_take_corrections_from_a_file(self, desk: Desk, rejected: str, tmp_path: Path) -> None:
        file = tmp_path / "corrected.json"
        file.write_text(json.dumps({rejected: numbered(2)[0]}))
        assert said(desk, "replay", "--corrections", str(file))["replayed"] == 1
        assert sorted(desk.line_ids()) == [str(uuid.UUID(int=number)) for number in (1, 2)]

    @pytest.mark.parametrize("content", ["", "[]", '{"x": 1}', None])
    def test_should_end_with_a_sentence_when_the_file_is_wrong(
        self, desk: Desk, rejected: str, tmp_path: Path, content: str | None
    ) -> None:
        file = tmp_path / "corrected.json"
        if content is not None:
            file.write_text(content)
        result = run(desk, "replay", "--corrections", str(file))
        assert (result.exit_code, str(file) in result.stderr.replace("\n", "")) == (2, True)

    def test_should_want_to_know_what_to_replay(self, desk: Desk, rejected: str) -> None:
        assert run(desk, "replay").exit_code == 2
        assert run(desk, "replay", rejected, "--app", "default").exit_code == 2
