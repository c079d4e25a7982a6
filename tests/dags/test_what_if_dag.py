"""The DAG of what-ifs run for real in this process; the person at Required Actions is played by the test."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from include.days import utc_now
from include.registry.promotions import promote
from include.registry.versions import find_production, register
from include.visits.what_if.records import list_what_ifs
from tests.dags.rig import COUNTERS, DagRig
from tests.visit_models import SlotShare

DAY = utc_now().date() - dt.timedelta(days=4)
NAMES = ("level4_desktop", "level4_mobile")


@pytest.fixture(scope="module")
def sent(rig: DagRig) -> DagRig:
    """A day of two counters scored with models and sent."""
    for name in NAMES:
        made = register(
            rig.state, rig.local_dir / "models", name=name, artefact=SlotShare(40.0), threshold=0.1, features=["slots"]
        )
        promote(rig.state, name, made.version, cause="command")
    assert rig.chain(date=DAY.isoformat(), refresh=False) == ["success"] * 3
    return rig


@contextlib.contextmanager
def person(answer: str) -> Iterator[list[str]]:
    """Answer every approval like a person; gives the texts that person read."""
    from airflow.providers.standard.operators.hitl import HITLOperator

    read: list[str] = []

    def execute(operator: Any, context: Any) -> Any:
        read.append(operator.body)
        event = {
            "chosen_options": [answer], "params_input": {}, "responded_at": utc_now(),
            "responded_by_user": {"id": "7", "name": "Ada"},
        }  # fmt: skip
        return operator.execute_complete(context, event)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HITLOperator, "execute", execute)
        yield read


def states(run: Any) -> dict[str, str]:
    return {task.task_id: str(task.state) for task in run.get_task_instances()}


class TestVisitWhatIf:
    """One story: rejected, then approved, then approved with sending."""

    def test_should_end_as_skipped_with_nothing_changed_when_it_is_rejected(self, sent: DagRig) -> None:
        before = [sent.digests(counter_id, DAY) for counter_id in COUNTERS]
        with person("Reject"):
            run = sent.run("visit_what_if", date=DAY.isoformat(), desktop_threshold=0.3)
        assert (str(run.state), states(run)["apply_what_if"], states(run)["publish_scores"]) == (
            "success", "skipped", "skipped",
        )  # fmt: skip
        assert [sent.digests(counter_id, DAY) for counter_id in COUNTERS] == before

    def test_should_show_a_table_per_counter_when_a_person_is_asked(self, sent: DagRig) -> None:
        with person("Reject") as read:
            sent.run("visit_what_if", date=DAY.isoformat(), desktop_threshold=0.3, value_per_visit=5)
        for counter_id in COUNTERS:
            assert f"### Counter {counter_id}, {DAY} to {DAY}" in read[0]
        assert read[0].count("| all days |") == len(COUNTERS)
        assert "Approving sends nothing." in read[0]

    def test_should_apply_without_sending_when_it_is_approved(self, sent: DagRig) -> None:
        at_metrika = len(sent.rows_at_metrika(101))
        with person("Approve"):
            run = sent.run("visit_what_if", date=DAY.isoformat(), counters=[101], desktop_threshold=0.3)
        assert (str(run.state), states(run)["apply_what_if"], states(run)["publish_scores"]) == (
            "success", "success", "skipped",
        )  # fmt: skip
        applied = next(one for one in list_what_ifs(sent.state, [101]) if one.applied_at)
        assert sent.digests(101, DAY)["scores"] == applied.summary["days"][0]["trial_digest"]
        assert (applied.applied_by, len(sent.rows_at_metrika(101))) == ("Ada", at_metrika)

    def test_should_hand_the_day_on_when_sending_was_asked_for(self, sent: DagRig) -> None:
        with person("Approve") as read:
            run = sent.run("visit_what_if", date=DAY.isoformat(), counters=[101], desktop_threshold=0.05, send=True)
        assert states(run)["publish_scores"] == "success"
        assert "go on to `conversion_upload`" in read[0]
        served = find_production(sent.state, "level4_desktop")
        assert served is not None
        assert served.threshold == 0.05

    def test_should_send_nothing_twice_when_the_day_is_sent_after_it(self, sent: DagRig) -> None:
        sent.run("conversion_upload", date=DAY.isoformat(), counters=[101])
        rows = [(row["ClientId"], row["DateTime"]) for row in sent.rows_at_metrika(101)]
        assert len(rows) == len(set(rows))

    @pytest.mark.parametrize(
        "conf",
        [
            {"date": DAY.isoformat()},
            {"date": DAY.isoformat(), "desktop_version": "nothing"},
            {"date": "2024-02-02", "desktop_threshold": 0.5},
        ],
    )
    def test_should_fail_before_anybody_is_asked_when_the_question_is_wrong(
        self, sent: DagRig, conf: dict[str, Any]
    ) -> None:
        with person("Approve") as read:
            run = sent.run("visit_what_if", **conf)
        assert (str(run.state), read) == ("failed", [])

    def test_should_refuse_the_form_when_a_threshold_is_outside(self, sent: DagRig) -> None:
        from airflow.sdk.exceptions import ParamValidationError

        with pytest.raises(ParamValidationError, match="desktop_threshold"):
            sent.run("visit_what_if", date=DAY.isoformat(), desktop_threshold=1.5)


class TestPersonOf:
    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            ({"responded_by_user": {"id": "7", "name": "Ada"}}, "Ada"),
            ({"responded_by_user": {"id": "7", "name": ""}}, "7"),
            ({"responded_by_user": None}, "Required Actions"),
            ({}, "Required Actions"),
        ],
    )
    def test_should_name_who_answered_as_far_as_airflow_tells(self, answer: dict[str, Any], expected: str) -> None:
        from dags.wiring.what_if import person_of

        assert person_of(answer) == expected
