"""The daily chain under a real scheduler: one day, a backfill with overlapping runs, killed workers (I9, I18)."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression

from include.days import utc_now
from include.events.tables import events_table
from include.metrics.tables import USER_DAYS
from include.registry.versions import find_production, register
from include.state.tables import inbox_batches
from include.warehouse.schema import ensure_tables
from tests.dags.rig import COUNTERS
from tests.dags.scheduler_rig import CHAIN, TOKEN, SchedulerRig
from tests.event_inbox import opened_inbox
from tests.metric_events import golden_events, opened_learning
from tests.metric_runs import MetricRuns

pytestmark = [pytest.mark.scheduler, pytest.mark.timeout(1200)]

TODAY = utc_now().date()
ONE_DAY = TODAY - dt.timedelta(days=6)
WEEK = [TODAY - dt.timedelta(days=back) for back in range(15, 8, -1)]
KILL_DAY = TODAY - dt.timedelta(days=18)
KILLED = (
    ("metrika_logs", "plan_load"),
    ("metrika_logs", "load_days"),
    ("visit_scoring", "score_days"),
    ("conversion_upload", "send_conversions"),
)


@pytest.fixture(scope="module")
def running() -> Iterator[SchedulerRig]:
    with tempfile.TemporaryDirectory(prefix="counterflow-scheduler-") as folder:
        os.chmod(folder, 0o755)  # PostgreSQL runs as another user when we are root
        with SchedulerRig.open(Path(folder) / "local") as rig:
            yield rig


@pytest.fixture(scope="module")
def one_day(running: SchedulerRig) -> SchedulerRig:
    running.client.trigger("metrika_logs", partition_key=ONE_DAY.isoformat())
    running.wait_for_chain([ONE_DAY], 240)
    return running


@pytest.fixture(scope="module")
def week(running: SchedulerRig) -> SchedulerRig:
    """A backfill of seven days, and in the middle of it the same day by hand twice."""
    first, last, middle = WEEK[0], WEEK[-1], WEEK[3].isoformat()
    bounds = ("--from-date", first.isoformat(), "--to-date", last.isoformat())
    running.airflow("backfill", "create", "--dag-id", "metrika_logs", *bounds, "--max-active-runs", "3")
    running.client.trigger("metrika_logs", conf={"date": middle})
    running.client.trigger("metrika_logs", partition_key=middle)
    running.wait_for_chain(WEEK, 900)
    return running


class TestOneDay:
    @pytest.mark.parametrize("counter_id", COUNTERS)
    def test_should_seal_every_stage_when_a_day_is_triggered(self, one_day: SchedulerRig, counter_id: int) -> None:
        assert set(one_day.stores.stages(counter_id, ONE_DAY)) == {"visits", "hits", "scores", "monitoring", "upload"}

    @pytest.mark.parametrize("counter_id", COUNTERS)
    def test_should_have_the_conversions_processed(self, one_day: SchedulerRig, counter_id: int) -> None:
        assert one_day.stores.upload_statuses(counter_id, ONE_DAY) == ["PROCESSED"]

    def test_should_find_no_token_in_any_log(self, one_day: SchedulerRig) -> None:
        logs = [path for path in one_day.local_dir.rglob("*") if path.suffix == ".log" and path.is_file()]
        assert len(logs) > 10
        assert [path.name for path in logs if TOKEN.encode() in path.read_bytes()] == []

    def test_should_find_no_token_in_any_xcom(self, one_day: SchedulerRig) -> None:
        entries = [one_day.client.ask("GET", f"/dags/{dag}/dagRuns/~/taskInstances/~/xcomEntries") for dag in CHAIN]
        assert sum(entry["total_entries"] for entry in entries) > 0
        assert TOKEN not in str(entries)


class TestBackfill:
    """M16, I9: a range over counters, with overlapping runs by hand, is as one run."""

    def test_should_seal_fourteen_days_when_a_week_of_two_counters_is_backfilled(self, week: SchedulerRig) -> None:
        stages = [set(week.stores.stages(counter_id, day)) for counter_id in COUNTERS for day in WEEK]
        assert stages == [{"visits", "hits", "scores", "monitoring", "upload"}] * 14

    @pytest.mark.parametrize("counter_id", COUNTERS)
    def test_should_have_each_conversion_once_at_metrika(self, week: SchedulerRig, counter_id: int) -> None:
        sent = [row for row in week.stores.rows_at_metrika(counter_id) if _day_of(row, counter_id) in WEEK]
        level4 = sum(week.stores.stages(counter_id, day)["scores"].counts["level4"] for day in WEEK)
        assert len(sent) == level4 > 0
        assert len(sent) == sum(week.stores.sent(counter_id, day) for day in WEEK)

    def test_should_leave_no_staging_table_when_runs_overlapped(self, week: SchedulerRig) -> None:
        assert week.stores.staging_tables() == []

    def test_should_leave_nothing_at_metrika_when_all_has_ended(self, week: SchedulerRig) -> None:
        assert [week.sandbox.stored_bytes(counter_id) for counter_id in COUNTERS] == [0, 0]

    def test_should_never_exceed_the_quota_when_many_tasks_run(self, week: SchedulerRig) -> None:
        assert week.sandbox.stats()["quota_refusals"] == {}

    def test_should_keep_every_digest_when_a_day_of_it_is_run_again(self, week: SchedulerRig) -> None:
        day, before = WEEK[2], [week.stores.digests(counter_id, WEEK[2]) for counter_id in COUNTERS]
        known = {run["dag_run_id"] for run in week.runs(CHAIN[-1], day)}
        week.client.trigger("metrika_logs", partition_key=day.isoformat())
        week.wait(lambda: len(week.runs(CHAIN[-1], day)) > len(known), "the run again", 240)
        week.wait_for_chain([day], 240)
        assert [week.stores.digests(counter_id, day) for counter_id in COUNTERS] == before


class TestApproval:
    @pytest.mark.parametrize(("answer", "expected"), [("Reject", "skipped"), ("Approve", "success")])
    def test_should_send_only_when_a_person_approves(self, one_day: SchedulerRig, answer: str, expected: str) -> None:
        client, dag_id = one_day.client, "conversion_upload"
        run_id = client.trigger(dag_id, conf={"date": ONE_DAY.isoformat(), "counters": [101], "approve": True})
        one_day.answer_until_done(dag_id, run_id, "approve_upload", answer, seconds=300)
        assert client.run(dag_id, run_id)["state"] == "success"
        states = {task.task_id: task.state for task in client.task_instances(dag_id, run_id)}
        assert states["send_conversions"] == expected

    def test_should_put_a_model_in_force_when_a_person_approves_the_what_if(self, one_day: SchedulerRig) -> None:
        client, dag_id, state = one_day.client, "visit_what_if", one_day.stores.state
        version = register(
            state,
            one_day.local_dir / "models",
            name="level4_desktop",
            artefact=LogisticRegression().fit([[1.0], [40.0]], [0, 1]),
            threshold=0.5,
            features=["slots"],
        )
        conf = {"date": ONE_DAY.isoformat(), "counters": [101], "desktop_version": version.version}
        run_id = client.trigger(dag_id, conf=conf)
        one_day.answer_until_done(dag_id, run_id, "approve_what_if", "Approve", seconds=300)
        assert client.run(dag_id, run_id)["state"] == "success"
        served = find_production(state, "level4_desktop")
        assert served is not None
        assert served.version == version.version
        assert one_day.stores.stages(101, ONE_DAY)["scores"].counts["reasons"]["below_threshold"] > 0


class TestEventLoading:
    def test_should_land_what_waits_by_the_schedule(self, running: SchedulerRig) -> None:
        """Nobody triggers anything; the lag stays under two minutes."""
        with opened_inbox(running.stores.environ) as inbox:
            inbox.put(range(50))
            running.wait(lambda: inbox.count(inbox_batches) == 0, "the events", 180)
            assert inbox.ids() == list(range(50))
        landed = [run for run in running.client.runs("event_loading") if run["state"] == "success"]
        assert {run["run_type"] for run in landed} == {"scheduled"}


class TestLearningMetrics:
    """I9: a backfill of three days, its runs at once, is as one calculation of all three."""

    DAYS = ("2025-03-03", "2025-03-04", "2025-03-05")

    def test_should_calculate_each_day_of_a_backfill(self, running: SchedulerRig) -> None:
        with opened_learning(running.stores.environ) as stores:
            ensure_tables(stores.warehouse, [events_table(stores.table), USER_DAYS])
            stores.set_zone("UTC", course="golden")
            stores.require(course="golden")
            stores.put(golden_events(course="golden"))
            bounds = ("--from-date", self.DAYS[0], "--to-date", self.DAYS[-1])
            running.airflow("backfill", "create", "--dag-id", "learning_metrics", *bounds, "--max-active-runs", "3")
            running.wait(lambda: self._green_days(running) == self.DAYS, "the backfill", 300)
            found = MetricRuns(stores).values(course="golden", grain="week", user="u1")
        by_name = {(key.metric, key.version): one.value for key, one in found.items()}
        assert by_name["engagement_score", 1] == pytest.approx(13.7)
        assert by_name["time_on_task", 2] == 360.0
        assert len(by_name) == 12

    def _green_days(self, running: SchedulerRig) -> tuple[str, ...]:
        runs = running.client.runs("learning_metrics")
        return tuple(sorted({run["partition_key"] for run in runs if run["state"] == "success"} & set(self.DAYS)))


class TestKilledWorkers:
    """I18: each kind of task, killed once."""

    def test_should_be_green_after_retries_when_each_worker_is_killed_once(self, running: SchedulerRig) -> None:
        running.client.trigger("metrika_logs", conf={"counters": [101]}, partition_key=KILL_DAY.isoformat())
        for dag_id, task_id in KILLED:
            running.kill_task(dag_id, task_id, KILL_DAY, seconds=120)
        running.wait_for_chain([KILL_DAY], 400)
        tries = Counter[str]()
        for dag_id in CHAIN:
            tries.update(running.tries(dag_id, running.runs(dag_id, KILL_DAY)[0]["dag_run_id"]))
        assert [tries[task_id] >= 2 for _, task_id in KILLED] == [True] * len(KILLED)
        level4 = running.stores.stages(101, KILL_DAY)["scores"].counts["level4"]
        sent = [row for row in running.stores.rows_at_metrika(101) if _day_of(row, 101) == KILL_DAY]
        assert len(sent) == level4 == running.stores.sent(101, KILL_DAY)
        assert running.stores.staging_tables() == []


def _day_of(row: dict[str, str], counter_id: int) -> dt.date:
    from zoneinfo import ZoneInfo

    zone = ZoneInfo({101: "Europe/Moscow", 202: "America/New_York"}[counter_id])
    return dt.datetime.fromtimestamp(int(row["DateTime"]), zone).date()
