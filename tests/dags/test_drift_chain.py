"""A planted drift day through the DAGs: clean days flow, the drifted one waits, and is sent exactly once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from dags.wiring import approving
from include.days import utc_now
from include.errors import ModelError
from include.state.blocks import Block, read_blocks
from include.state.tables import upload_blocks
from include.visits.monitoring import report_day
from tests.dags.answering import Person
from tests.dags.rig import DagRig

COUNTER = 101
DRIFTED = utc_now().date() - dt.timedelta(days=5)
CLEAN = [DRIFTED - dt.timedelta(days=back) for back in range(6, 0, -1)]
LAST_CLEAN = CLEAN[-1]
LOST_HITS = "ALTER TABLE hits DELETE WHERE counter_id = %(counter_id)s AND date = %(day)s AND watch_id %% 5 < 3"


@pytest.fixture(scope="module")
def blocking(rig: DagRig) -> Iterator[DagRig]:
    """Clean days scored and, but for the last, sent; the drifted day scored."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COUNTERFLOW_DRIFT_ACTION", "block")
        days = {"date_from": CLEAN[0].isoformat(), "counters": [COUNTER]}
        rig.run("metrika_logs", date_to=DRIFTED.isoformat(), **days)
        rig.run("visit_scoring", date_to=LAST_CLEAN.isoformat(), **days)
        rig.run("conversion_upload", date_to=CLEAN[-2].isoformat(), **days)
        rig.warehouse.execute(
            LOST_HITS, {"counter_id": COUNTER, "day": DRIFTED}, settings={"mutations_sync": 1}
        )  # the tracker stops sending most hits
        rig.run("visit_scoring", date=DRIFTED.isoformat(), counters=[COUNTER])
        yield rig


def blocks(rig: DagRig, day: dt.date) -> list[Block]:
    with rig.state.connect() as connection:
        return read_blocks(connection, COUNTER, [day])


def states(run: Any) -> dict[str, str]:
    return {task.task_id: str(task.state) for task in run.get_task_instances()}


class TestDriftChain:
    """In the order of the file: each test goes on where the one before ended."""

    def test_should_send_clean_days_without_a_question(self, blocking: DagRig) -> None:
        sent = [blocking.sent(COUNTER, day) for day in CLEAN[:-1]]
        assert sent == [blocking.stages(COUNTER, day)["scores"].counts["level4"] for day in CLEAN[:-1]]
        assert [block.day for day in CLEAN for block in blocks(blocking, day)] == []

    def test_should_block_the_day_when_the_tracker_loses_hits(self, blocking: DagRig) -> None:
        found = blocks(blocking, DRIFTED)[0].details["findings"]
        assert "slots" in {finding["feature"] for finding in found}

    def test_should_send_the_clean_day_and_hold_the_other_when_rejected(self, blocking: DagRig) -> None:
        person = Person("Reject")
        with person.answering():
            run = blocking.run(
                "conversion_upload",
                date_from=LAST_CLEAN.isoformat(), date_to=DRIFTED.isoformat(), counters=[COUNTER],
            )  # fmt: skip
        assert (str(run.state), states(run)["send_conversions"]) == ("success", "skipped")
        assert (blocking.sent(COUNTER, LAST_CLEAN) > 0, blocking.sent(COUNTER, DRIFTED)) == (True, 0)
        assert all(word in person.questions[0] for word in (str(DRIFTED), "slots", "PSI", "instead of"))

    def test_should_hold_every_level4_visit_with_a_reason(self, blocking: DagRig) -> None:
        stages = blocking.stages(COUNTER, DRIFTED)
        level4 = stages["scores"].counts["level4"]
        assert level4 > 0
        assert stages["upload"].details["held_reasons"] == {"drift_not_approved": level4}

    def test_should_send_each_once_when_approved(self, blocking: DagRig) -> None:
        before = len(blocking.rows_at_metrika(COUNTER))
        with Person("Approve", name="maria").answering():
            run = blocking.run("conversion_upload", date=DRIFTED.isoformat(), counters=[COUNTER])
        level4 = blocking.stages(COUNTER, DRIFTED)["scores"].counts["level4"]
        assert (str(run.state), len(blocking.rows_at_metrika(COUNTER)) - before) == ("success", level4)
        assert blocks(blocking, DRIFTED)[0].released_by == "maria"

    def test_should_neither_ask_nor_send_again_when_run_once_more(self, blocking: DagRig) -> None:
        before, person = len(blocking.rows_at_metrika(COUNTER)), Person("Approve")
        with person.answering():
            blocking.run("visit_scoring", date=DRIFTED.isoformat(), counters=[COUNTER])
            blocking.run("conversion_upload", date=DRIFTED.isoformat(), counters=[COUNTER])
        assert (person.questions, len(blocking.rows_at_metrika(COUNTER))) == ([], before)


class TestWhoAsks:
    """Of the daily runs one asks about a day; the others hold it quietly."""

    @pytest.mark.parametrize(("asked_by", "asked"), [("the run of yesterday", 0), ("", 1)])
    def test_should_ask_once_when_daily_runs_overlap(
        self, blocking: DagRig, monkeypatch: pytest.MonkeyPatch, asked_by: str, asked: int
    ) -> None:
        unseen = {"findings": blocks(blocking, DRIFTED)[0].details["findings"], "approved": []}
        with blocking.state.begin() as connection:
            connection.execute(
                upload_blocks.update().values(details=unseen, released_at=None, released_by="", asked_by=asked_by)
            )
        monkeypatch.setattr(approving, "is_woken", lambda: True)
        person = Person("Reject")
        with person.answering():
            run = blocking.run("conversion_upload", date=DRIFTED.isoformat(), counters=[COUNTER])
        assert (str(run.state), len(person.questions)) == ("success", asked)
        assert blocks(blocking, DRIFTED)[0].released_at is None


class TestFailingReport:
    def test_should_turn_red_but_publish_the_scores_when_the_report_fails(
        self, blocking: DagRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any) -> None:
            raise ModelError("A model is damaged.")

        monkeypatch.setattr(report_day, "read_inputs", fail)
        run = blocking.run("visit_scoring", date=LAST_CLEAN.isoformat(), counters=[COUNTER])
        found = states(run)
        assert (str(run.state), found["publish_scores"], found["report_drift"]) == ("failed", "success", "failed")

    def test_should_send_nothing_unseen_when_the_report_fails(
        self, blocking: DagRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any) -> None:
            raise ModelError("A model is damaged.")

        monkeypatch.setattr(report_day, "read_inputs", fail)
        run = blocking.run("conversion_upload", date=LAST_CLEAN.isoformat(), counters=[COUNTER])
        assert (str(run.state), states(run)["choose_approval"]) == ("failed", "failed")
