"""What every DAG file has to keep, whatever it does."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.dags.rig import DAG_IDS, PROJECT

TAGS = {"metrika", "visits", "conversions", "events", "metrics", "upkeep", "daily", "weekly"}
OWNERS = {"analytics"}
MOST_TASKS = 8  # each costs a second of orchestration
LONGEST_FILE_LINES = 110
METRIKA_TASKS = {
    "metrika_logs": {"plan_load", "wait_for_logs", "load_days", "give_logs_back"},
    "conversion_upload": {"send_clear_days", "send_conversions", "follow_uploads"},
    "housekeeping": {"free_log_requests", "send_unlinked_again"},
}
SERIALISE = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
bag = DagBag(sys.argv[1])
assert not bag.import_errors, bag.import_errors
found = {dag_id: DagSerialization.to_dict(dag) for dag_id, dag in sorted(bag.dags.items())}
heavy = [name for name in ("pandas", "numpy", "sklearn", "chdb", "clickhouse_driver", "joblib") if name in sys.modules]
print("RESULT" + json.dumps({"dags": found, "heavy": heavy}, sort_keys=True, default=str))
"""


def _parse() -> dict[str, Any]:
    environ = os.environ | {"PYTHONHASHSEED": "random"}
    command = [sys.executable, "-c", SERIALISE, str(PROJECT / "dags")]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, env=environ, check=False, timeout=120)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads(next(line for line in ran.stdout.splitlines() if line.startswith("RESULT"))[6:])


@pytest.fixture(scope="module")
def parses() -> tuple[dict[str, Any], dict[str, Any]]:
    return _parse(), _parse()


class TestDagFiles:
    def test_should_hold_one_dag_named_like_the_file(self, dags: dict[str, Any]) -> None:
        files = {path.stem for path in (PROJECT / "dags").glob("*.py")}
        assert files >= set(DAG_IDS)
        assert {dag_id: Path(dag.fileloc).stem for dag_id, dag in dags.items()} == {stem: stem for stem in DAG_IDS}

    @pytest.mark.parametrize("stem", DAG_IDS)
    def test_should_stay_short(self, stem: str) -> None:
        assert len((PROJECT / "dags" / f"{stem}.py").read_text().splitlines()) <= LONGEST_FILE_LINES

    @pytest.mark.parametrize("stem", DAG_IDS)
    def test_should_import_only_wiring_and_airflow(self, stem: str) -> None:
        tree = ast.parse((PROJECT / "dags" / f"{stem}.py").read_text())
        modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        allowed = ("airflow.sdk", "airflow.providers.standard", "dags.wiring", "__future__", "typing")
        assert [module for module in modules if not module.startswith(allowed)] == []


class TestDagPages:
    @pytest.mark.parametrize("dag_id", DAG_IDS)
    def test_should_show_the_docstring_in_the_ui(self, dags: dict[str, Any], dag_id: str) -> None:
        tree = ast.parse((PROJECT / "dags" / f"{dag_id}.py").read_text())
        assert dags[dag_id].doc_md == ast.get_docstring(tree, clean=False)

    @pytest.mark.parametrize("dag_id", DAG_IDS)
    def test_should_name_every_parameter(self, dags: dict[str, Any], dag_id: str) -> None:
        assert [name for name in dags[dag_id].params if f"`{name}`" not in dags[dag_id].doc_md] == []

    @pytest.mark.parametrize("dag_id", DAG_IDS)
    @pytest.mark.parametrize("word", ["Schedule", "Answers", "**Again.**", "**Parameters.**"])
    def test_should_say_what_people_look_for(self, dags: dict[str, Any], dag_id: str, word: str) -> None:
        assert word in dags[dag_id].doc_md

    def test_should_be_the_page_in_the_docs(self) -> None:
        command = [sys.executable, str(PROJECT / "docs" / "generate_dags_page.py"), "--check"]
        assert subprocess.run(command, check=False, timeout=60).returncode == 0


class TestDagShape:
    @pytest.mark.parametrize("dag_id", DAG_IDS)
    def test_should_have_few_tasks(self, dags: dict[str, Any], dag_id: str) -> None:
        assert 0 < len(dags[dag_id].tasks) <= MOST_TASKS

    @pytest.mark.parametrize("dag_id", DAG_IDS)
    def test_should_have_tags_of_the_list(self, dags: dict[str, Any], dag_id: str) -> None:
        assert dags[dag_id].tags
        assert set(dags[dag_id].tags) <= TAGS

    @pytest.mark.parametrize("dag_id", DAG_IDS)
    def test_should_have_an_owner_retries_and_a_limit_in_every_task(self, dags: dict[str, Any], dag_id: str) -> None:
        for task in dags[dag_id].tasks:
            limit = task.execution_timeout or getattr(task, "timeout", None) or task.task_id.startswith("approve_")
            assert (task.owner in OWNERS, task.retries > 0, task.retry_policy is not None, bool(limit)) == (True,) * 4

    @pytest.mark.parametrize("dag_id", sorted(METRIKA_TASKS))
    def test_should_use_the_pool_when_a_task_talks_to_metrika(self, dags: dict[str, Any], dag_id: str) -> None:
        pooled = {task.task_id for task in dags[dag_id].tasks if task.pool == "metrika_api"}
        assert pooled == METRIKA_TASKS[dag_id]

    def test_should_have_exactly_these_tasks(self, dags: dict[str, Any]) -> None:
        assert {dag_id: [task.task_id for task in dag.topological_sort()] for dag_id, dag in dags.items()} == {
            "metrika_logs": [
                "plan_load", "wait_for_logs", "load_days", "publish_day", "report_failure", "give_logs_back",
            ],
            "visit_scoring": ["plan_scoring", "score_days", "publish_scores", "report_drift"],
            "conversion_upload": [
                "plan_upload", "choose_approval", "approve_upload", "send_clear_days",
                "send_conversions", "follow_uploads", "forget_token",
            ],
            "visit_what_if": ["ask_what_if", "approve_what_if", "apply_what_if", "publish_scores"],
            "visit_model_training": [
                "label_visits", "train_candidates", "choose_promotion", "approve_candidates", "promote_candidates",
            ],
            "housekeeping": ["free_log_requests", "free_tables_and_files", "send_unlinked_again", "purge_tokens"],
            "event_loading": ["load_events"],
            "learning_metrics": ["recalculate_metrics"],
        }  # fmt: skip


class TestParsing:
    @pytest.mark.parametrize("dag_id", DAG_IDS)
    def test_should_be_equal_when_parsed_twice(self, parses: tuple[dict[str, Any], ...], dag_id: str) -> None:
        first, second = (parse["dags"][dag_id] for parse in parses)
        assert first == second

    def test_should_load_nothing_heavy(self, parses: tuple[dict[str, Any], ...]) -> None:
        assert parses[0]["heavy"] == []
