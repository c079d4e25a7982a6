"""The DAG that runs every minute: loads what waits, says so, and is skipped when nothing waits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from include.services.processes.ports import choose_port
from include.state.tables import event_loads, inbox_batches
from tests.dags.rig import DagRig
from tests.event_inbox import Inbox, opened_inbox

TASK = "load_events"


@pytest.fixture
def inbox(rig: DagRig) -> Iterator[Inbox]:
    with opened_inbox(rig.environ) as found:
        found.clear()
        yield found


def state_of(run: Any) -> tuple[str, str]:
    return str(run.state), str(run.get_task_instance(TASK).state)


class TestEventLoading:
    def test_should_run_every_minute_and_one_at_a_time(self, dags: dict[str, Any]) -> None:
        dag = dags["event_loading"]
        assert (dag.timetable.expression, dag.max_active_runs, dag.catchup) == ("* * * * *", 1, False)

    def test_should_load_what_waits(self, rig: DagRig, inbox: Inbox) -> None:
        inbox.put(range(30))
        inbox.put(range(30, 40))
        assert state_of(rig.run("event_loading")) == ("success", "success")
        assert (inbox.ids(), inbox.count(inbox_batches)) == (list(range(40)), 0)

    def test_should_be_skipped_and_wake_nobody_when_nothing_waits(self, rig: DagRig, inbox: Inbox) -> None:
        assert state_of(rig.run("event_loading")) == ("success", "skipped")

    def test_should_make_the_loads_that_are_asked_for(self, rig: DagRig, inbox: Inbox) -> None:
        for start in (0, 10, 20):
            inbox.put(range(start, start + 10))
        rig.run("event_loading", load_max_events=10)
        assert inbox.count(event_loads) == 3

    def test_should_leave_the_rest_for_the_next_run_when_the_time_is_over(self, rig: DagRig, inbox: Inbox) -> None:
        for start in (0, 10, 20):
            inbox.put(range(start, start + 10))
        rig.run("event_loading", load_max_events=10, budget_seconds=0)
        assert (inbox.count(event_loads), inbox.count(inbox_batches)) == (1, 2)

    def test_should_publish_what_landed_and_be_red_when_only_a_damaged_batch_is_left(
        self, rig: DagRig, inbox: Inbox
    ) -> None:
        inbox.put(range(10))
        inbox.put([10], schema_version="not a number")
        assert state_of(rig.run("event_loading")) == ("success", "success")
        assert state_of(rig.run("event_loading")) == ("failed", "failed")
        assert inbox.ids() == list(range(10))

    def test_should_fail_and_lose_nothing_when_clickhouse_is_away(
        self, rig: DagRig, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        inbox.put(range(10))
        monkeypatch.setenv("AIRFLOW_CONN_CLICKHOUSE_DEFAULT", f"clickhouse://nobody@127.0.0.1:{choose_port(20_000)}/x")
        assert state_of(rig.run("event_loading"))[0] == "failed"
        monkeypatch.undo()
        assert state_of(rig.run("event_loading")) == ("success", "success")
        assert inbox.ids() == list(range(10))
