"""Each DAG run for real in this process: the day goes from the sandbox to processed conversions."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from include.conversions.single import prepare_single, read_single
from include.days import utc_now
from include.metrika_sandbox.behaviour.faults import ALWAYS, Faults
from include.visits.scoring.export import export_path
from tests.account_days import People, refusal
from tests.dags.rig import COUNTERS, DagRig

DAY = utc_now().date() - dt.timedelta(days=3)  # closed and settled in every zone, inside the 21 days
OLD_DAY = utc_now().date() - dt.timedelta(days=12)


@pytest.fixture(scope="module")
def chained(rig: DagRig) -> DagRig:
    assert rig.chain(date=DAY.isoformat(), refresh=False) == ["success"] * 3
    return rig


class TestMetrikaLogs:
    @pytest.mark.parametrize("counter_id", COUNTERS)
    def test_should_store_every_visit_when_a_day_is_run(self, chained: DagRig, counter_id: int) -> None:
        counts = chained.stages(counter_id, DAY)["visits"].counts
        assert counts["stored"] + counts["quarantined"] == chained.sandbox.config.visits_per_day

    def test_should_leave_nothing_at_metrika_when_a_run_has_ended(self, chained: DagRig) -> None:
        assert [chained.sandbox.stored_bytes(counter_id) for counter_id in COUNTERS] == [0, 0]
        assert chained.open_log_requests() == 0

    def test_should_load_the_days_before_when_the_day_is_recent(self, rig: DagRig) -> None:
        rig.run("metrika_logs", date=DAY.isoformat(), counters=[101])
        days = [DAY - dt.timedelta(days=back) for back in range(4)]
        assert ["visits" in rig.stages(101, day) for day in days] == [True] * 4

    def test_should_load_every_day_when_a_range_is_given(self, rig: DagRig) -> None:
        last = OLD_DAY + dt.timedelta(days=8)
        run = rig.run("metrika_logs", date_from=OLD_DAY.isoformat(), date_to=last.isoformat(), counters=[202])
        loaded = [OLD_DAY + dt.timedelta(days=n) for n in range(9) if rig.stages(202, OLD_DAY + dt.timedelta(days=n))]
        assert (str(run.state), len(loaded)) == ("success", 9)

    def test_should_give_logs_back_when_loading_fails(self, rig: DagRig) -> None:
        rig.sandbox.set_faults(Faults(garbage_share=0.5))
        try:
            run = rig.run("metrika_logs", date=(OLD_DAY - dt.timedelta(days=2)).isoformat(), counters=[101])
        finally:
            rig.sandbox.set_faults(Faults())
        assert str(run.state) == "failed"
        assert rig.sandbox.stored_bytes(101) == 0
        assert rig.stages(101, OLD_DAY - dt.timedelta(days=2)) == {}

    def test_should_go_on_with_the_others_when_one_counter_fails(
        self, rig: DagRig, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """M16."""
        day = OLD_DAY - dt.timedelta(days=4)
        states = rig.chain(date=day.isoformat(), counters=[101, 999])
        assert states[0] == "failed"
        assert "visits" in rig.stages(101, day)
        told = capsys.readouterr().out.count("AirflowFailException: Metrika refused to show the counter of counter 999")
        assert told == 2  # the counter's own task, and the end of the run

    def test_should_fail_before_asking_for_logs_when_the_day_is_not_over(self, rig: DagRig) -> None:
        before = rig.sandbox.stats()["log_requests"]
        run = rig.run("metrika_logs", date=(utc_now().date() + dt.timedelta(days=2)).isoformat(), counters=[101])
        assert (str(run.state), rig.sandbox.stats()["log_requests"]) == ("failed", before)

    def test_should_refuse_the_run_when_the_day_is_malformed(self, rig: DagRig) -> None:
        from airflow.sdk.exceptions import ParamValidationError

        with pytest.raises(ParamValidationError, match="2025-13-40"):
            rig.run("metrika_logs", date="2025-13-40")


class TestVisitScoring:
    @pytest.mark.parametrize("counter_id", COUNTERS)
    def test_should_score_every_visit_when_a_day_is_run(self, chained: DagRig, counter_id: int) -> None:
        stages = chained.stages(counter_id, DAY)
        assert stages["scores"].counts["scored"] == stages["visits"].counts["stored"]
        assert export_path(chained.local_dir / "exports", counter_id, DAY).exists()

    def test_should_change_nothing_when_run_twice(self, chained: DagRig) -> None:
        before = chained.stages(101, DAY)["scores"]
        chained.run("visit_scoring", date=DAY.isoformat(), counters=[101])
        assert chained.stages(101, DAY)["scores"] == before

    def test_should_score_a_range_without_downloading_when_asked(self, rig: DagRig) -> None:
        first, last = OLD_DAY, OLD_DAY + dt.timedelta(days=1)
        rig.run("metrika_logs", date_from=first.isoformat(), date_to=last.isoformat(), counters=[101])
        before = rig.sandbox.stats()["requests"]
        rig.run("visit_scoring", date_from=first.isoformat(), date_to=last.isoformat(), counters=[101])
        assert ["scores" in rig.stages(101, day) for day in (first, last)] == [True, True]
        assert rig.sandbox.stats()["requests"] == before

    def test_should_fail_when_the_day_was_never_loaded(self, rig: DagRig) -> None:
        assert str(rig.run("visit_scoring", date="2024-02-02", counters=[101]).state) == "failed"


class TestConversionUpload:
    @pytest.mark.parametrize("counter_id", COUNTERS)
    def test_should_have_each_conversion_processed_when_a_day_is_run(self, chained: DagRig, counter_id: int) -> None:
        level4 = chained.stages(counter_id, DAY)["scores"].counts["level4"]
        assert level4 > 0
        assert chained.sent(counter_id, DAY) == level4
        assert set(chained.upload_statuses(counter_id, DAY)) == {"PROCESSED"}

    def test_should_send_nothing_new_when_run_twice(self, chained: DagRig) -> None:
        before = len(chained.rows_at_metrika(101))
        chained.run("conversion_upload", date=DAY.isoformat(), counters=[101])
        assert len(chained.rows_at_metrika(101)) == before

    def test_should_send_nothing_when_the_goal_does_not_exist(self, chained: DagRig) -> None:
        before = len(chained.rows_at_metrika(101))
        run = chained.run("conversion_upload", date=DAY.isoformat(), counters=[101], target="nowhere")
        assert (str(run.state), len(chained.rows_at_metrika(101))) == ("failed", before)

    def test_should_fail_when_the_day_was_never_scored(self, rig: DagRig) -> None:
        assert str(rig.run("conversion_upload", date="2024-02-02", counters=[101]).state) == "failed"

    def test_should_send_one_row_when_the_run_is_for_a_single_upload(self, chained: DagRig) -> None:
        instant = utc_now() - dt.timedelta(hours=5)
        conversion = read_single(
            202,
            ZoneInfo("America/New_York"),
            target="4plus",
            date_time=instant.strftime("%Y-%m-%dT%H:%M:%SZ"),
            identifiers={"client_id": "1234567890"},
        )
        upload_id = prepare_single(chained.state, conversion, run_id="test").upload_id
        before = len(chained.rows_at_metrika(202))
        day = conversion.moment.day.isoformat()
        chained.run("conversion_upload", date=day, counters=[202], single=True, upload_id=upload_id)
        rows = chained.rows_at_metrika(202)
        assert (len(rows), rows[-1]["ClientId"]) == (before + 1, "1234567890")

    def test_should_turn_red_when_metrika_links_nothing(self, rig: DagRig) -> None:
        day = (DAY - dt.timedelta(days=2)).isoformat()
        rig.sandbox.set_faults(Faults(linkage_failure_count=ALWAYS))
        try:
            states = rig.chain(date=day, counters=[202], refresh=False)
        finally:
            rig.sandbox.set_faults(Faults())
        assert states == ["success", "success", "failed"]


class TestHousekeeping:
    def test_should_end_well_when_there_is_nothing_to_do(self, chained: DagRig) -> None:
        assert str(chained.run("housekeeping").state) == "success"

    def test_should_free_a_leaked_log_request(self, chained: DagRig) -> None:
        chained.leak_log_request(101, OLD_DAY - dt.timedelta(days=20), ordered_at=utc_now() - dt.timedelta(days=2))
        assert chained.open_log_requests() == 1
        chained.run("housekeeping")
        assert (chained.open_log_requests(), chained.sandbox.stored_bytes(101)) == (0, 0)

    def test_should_forget_old_tokens_and_answers_but_keep_new_ones(self, chained: DagRig) -> None:
        for age_days in (0, 3):
            chained.plant_api_rows(utc_now() - dt.timedelta(days=age_days))
        chained.run("housekeeping")
        assert chained.api_rows() == {"tokens": 1, "answers": 1}

    def test_should_forget_sign_ins_that_ended_but_keep_the_others(self, chained: DagRig) -> None:
        today = People(chained.state, now=utc_now())
        account, past = today.register(), today.later(days=-31)
        pairs = [people.start(account) for people in (past, today)]
        chained.run("housekeeping")
        assert refusal(past.refresh, pairs[0].refresh_token) == "invalid_refresh"
        assert refusal(today.refresh, pairs[1].refresh_token) == ""

    def test_should_leave_no_staging_table_when_all_has_run(self, chained: DagRig) -> None:
        assert chained.staging_tables() == []
