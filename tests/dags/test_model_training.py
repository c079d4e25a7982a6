"""The weekly training, run by Airflow in this process: skipped, trained, promoted."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import Environment, StrictUndefined

from dags.wiring.training import JUDGED, next_step
from include.days import utc_now
from include.registry.promotions import list_promotions
from include.registry.versions import list_versions
from include.visits.labels.csv_labels import LabelFile, import_csv
from tests.dags.rig import DagRig

DAYS = [dt.date(2025, 11, 3) + dt.timedelta(days=more) for more in range(6)]
RANGE = {"date_from": DAYS[0].isoformat(), "date_to": DAYS[-1].isoformat(), "counters": [101]}
DAG = "visit_model_training"


def states(run: Any) -> dict[str, str]:
    return {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


def label_days(rig: DagRig, folder: Path) -> None:
    """The sandbox's own truth as a file of labels."""
    path = folder / "labels.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["visit_id", "label"])
        for day in DAYS:
            writer.writerows(rig.sandbox.labels(101, day).items())
    given = LabelFile(path, None, [101])
    import_csv(rig.warehouse, rig.state, given, run_id="test", now=utc_now())


@pytest.fixture(scope="module")
def labelled(rig: DagRig, tmp_path_factory: pytest.TempPathFactory) -> DagRig:
    rig.run("metrika_logs", **RANGE)
    label_days(rig, tmp_path_factory.mktemp("labels"))
    return rig


class TestModelTraining:
    def test_should_skip_with_a_sentence_when_there_are_no_labels(self, rig: DagRig) -> None:
        run = rig.run(DAG, counters=[101])
        assert str(run.state) == "success"
        assert states(run)["train_candidates"] == "skipped"
        assert list_versions(rig.state) == []

    def test_should_leave_candidates_when_nothing_is_promoted(self, labelled: DagRig) -> None:
        run = labelled.run(DAG, **RANGE)
        assert (str(run.state), states(run)["promote_candidates"]) == ("success", "skipped")
        assert {version.stage for version in list_versions(labelled.state)} == {"candidate"}

    def test_should_promote_what_passes_when_the_gate_decides(self, labelled: DagRig) -> None:
        run = labelled.run(DAG, **RANGE, promote="gate")
        assert (str(run.state), states(run)["promote_candidates"]) == ("success", "success")
        assert {promotion.cause for promotion in list_promotions(labelled.state)} == {"gate"}

    def test_should_fail_with_the_setting_when_a_goal_is_not_loaded(self, labelled: DagRig) -> None:
        run = labelled.run(DAG, **RANGE, label_goal=5)
        assert (str(run.state), states(run)["label_visits"]) == ("failed", "failed")


class TestNextStep:
    """Which task follows a training."""

    @pytest.mark.parametrize(
        ("promote", "is_better", "expected"),
        [
            ("never", True, None),
            ("gate", True, "promote_candidates"),
            ("gate", False, None),
            ("approval", True, "approve_candidates"),
            ("approval", False, "approve_candidates"),
        ],
    )
    def test_should_follow_the_parameter(self, promote: str, is_better: bool, expected: str | None) -> None:
        report = {"devices": [{"is_better": is_better, "version": "abc"}, {"is_better": False, "version": ""}]}
        assert next_step(promote, report) == expected

    def test_should_ask_nobody_when_nothing_was_trained(self) -> None:
        assert next_step("approval", {"devices": [{"is_better": False, "version": ""}]}) is None


class TestJudged:
    """What the person reads who is to approve."""

    def test_should_show_a_line_per_device(self) -> None:
        better = {"rule": {"pr_auc": 0.4}, "candidate": {"pr_auc": 0.5}}
        devices = [
            {"device": "desktop", "refused": "", "version": "abc", "rows": 9, "comparison": better, "reasons": []},
            {"device": "mobile", "refused": "Too few.", "version": "", "rows": 1, "comparison": {}, "reasons": []},
        ]
        pulled = SimpleNamespace(xcom_pull=lambda task_ids: {"devices": devices})
        assert Environment(undefined=StrictUndefined).from_string(JUDGED).render(ti=pulled).splitlines() == [
            "- desktop: candidate abc from 9 visits; PR-AUC on later visits: rule 0.400 candidate 0.500. "
            "Passes the gate.",
            "- mobile: Too few.",
        ]
