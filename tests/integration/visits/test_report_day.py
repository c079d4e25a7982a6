"""The monitoring report of generated days, through the real stores."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from include.days import utc_now
from include.errors import DayNotReady
from include.settings import DriftSettings
from include.state.blocks import claim_block, read_blocks
from include.state.manifest import StageRecord, read_stage
from include.state.tables import models
from include.visits.monitoring import blocking, report_day
from include.visits.monitoring.blocking import approve_drift
from tests.faults.test_upload_machine import Killed
from tests.monitored_days import DAY, VERSIONS, MonitoredCounter, monitored, monitored_stores

__all__ = ["monitored", "monitored_stores"]


def verdicts(content: Any) -> dict[tuple[str, str], str]:
    return {(check["scope"], check["feature"]): check["verdict"] for check in content["checks"]}


def drifted(content: Any) -> set[str]:
    return {feature for (_, feature), verdict in verdicts(content).items() if verdict == "drift"}


def stored(counter: MonitoredCounter) -> StageRecord:
    with counter.state.connect() as connection:
        record = read_stage(connection, counter.counter_id, DAY, "monitoring")
    assert record is not None
    return record


class TestDrift:
    def test_should_find_nothing_when_the_day_is_like_those_before(self, monitored: MonitoredCounter) -> None:
        monitored.add_days(28, 600)
        monitored.add_day(visits=600)
        report = monitored.report()
        assert (report.counts["checks"], report.counts["drifted"], report.is_blocked) == (27, 0, False)
        assert report.counts["not_judged"] == 0

    @pytest.mark.parametrize(
        ("shift", "feature"),
        [
            ({"pause_times": 2.0}, "median_pause_seconds"),
            ({"mobile_share": 0.8}, "device_mix"),
            ({"lost_hits_share": 0.4}, "slots"),
            ({"bounce_share": 0.6}, "is_bounce"),
        ],
    )
    def test_should_name_the_feature_when_drift_is_planted(
        self, monitored: MonitoredCounter, shift: dict[str, float], feature: str
    ) -> None:
        monitored.add_days(9, 600)
        monitored.add_day(visits=600, **shift)
        report = monitored.report()
        assert feature in drifted(report.content)
        assert report.is_blocked

    def test_should_only_report_when_the_setting_says_so(self, monitored: MonitoredCounter) -> None:
        monitored.add_days(5, 600)
        monitored.add_day(visits=600, pause_times=3.0)
        report = monitored.report(settings=DriftSettings())
        assert (report.counts["drifted"] > 0, report.is_blocked) == (True, False)

    def test_should_not_judge_when_there_are_few_visits(self, monitored: MonitoredCounter) -> None:
        monitored.add_days(5, 600)
        monitored.add_day(visits=45, pause_times=5.0)
        report = monitored.report()
        assert {(check["verdict"], check["why"]) for check in report.content["checks"]} == {
            ("not_judged", "fewer than 50 visits")
        }
        assert not report.is_blocked

    def test_should_not_judge_when_there_are_few_days(self, monitored: MonitoredCounter) -> None:
        monitored.add_days(2, 600)
        monitored.add_day(visits=600, pause_times=5.0)
        assert {check["why"] for check in monitored.report().content["checks"]} == {"too few days to compare with"}

    def test_should_end_well_when_the_day_is_empty(self, monitored: MonitoredCounter) -> None:
        monitored.add_days(5, 600)
        monitored.seal(DAY)
        report = monitored.report()
        assert (report.counts["drifted"], report.content["margins"]) == (0, [])

    def test_should_compare_scores_of_the_same_version_only(self, monitored: MonitoredCounter) -> None:
        monitored.add_days(5, 600)
        monitored.add_day(visits=600)
        monitored.warehouse.execute(
            "ALTER TABLE visit_scores UPDATE model_version = 'older' "
            "WHERE counter_id = %(counter_id)s AND date < %(day)s",
            {"counter_id": monitored.counter_id, "day": DAY},
            settings={"mutations_sync": 1},
        )
        found = verdicts(monitored.report().content)
        assert found["desktop", "score"] == found["mobile", "flagged_by_model"] == "not_judged"
        assert found["desktop", "slots"] == "steady"

    def test_should_leave_a_blocked_day_out_of_the_next_reference(self, monitored: MonitoredCounter) -> None:
        monitored.add_days(6, 600)
        before = DAY - dt.timedelta(days=1)
        monitored.add_day(before, 600, pause_times=3.0)
        monitored.add_day(visits=600)
        assert monitored.report(before).is_blocked
        assert monitored.report().content["references"]["all"] == {
            "days": 5, "first_day": "2025-06-25", "last_day": "2025-06-29",
        }  # fmt: skip

    def test_should_compare_with_the_days_of_training_when_the_model_names_them(
        self, monitored: MonitoredCounter
    ) -> None:
        trained = {"trained_from": "2025-06-02", "trained_to": "2025-06-06"}
        for number in range(2, 7):
            monitored.add_day(dt.date(2025, 6, number), 300)
        monitored.add_days(4, 300)
        monitored.add_day(visits=300)
        row = {"name": "level4_desktop", "version": VERSIONS["1"], "sha256": "0" * 64, "size_bytes": 1, "features": []}
        rest = {"threshold": 0.48, "stage": "archived", "registered_at": utc_now(), "manifest": trained}
        with monitored.state.begin() as connection:
            connection.execute(models.insert().values(**row, **rest))
        try:
            references = monitored.report().content["references"]
        finally:
            with monitored.state.begin() as connection:
                connection.execute(models.delete().where(models.c.version == VERSIONS["1"]))
        assert references["desktop"] == {"days": 5, "first_day": "2025-06-02", "last_day": "2025-06-06"}
        assert references["mobile"]["last_day"] == "2025-06-30"

    def test_should_say_what_to_run_when_the_day_is_not_scored(self, monitored: MonitoredCounter) -> None:
        with pytest.raises(DayNotReady, match="python -m include score --date 2025-07-01"):
            monitored.report()


class TestAgain:
    def test_should_leave_the_record_alone_when_nothing_changed(self, monitored: MonitoredCounter) -> None:
        monitored.add_days(4, 300)
        monitored.add_day(visits=300)
        monitored.report()
        before = stored(monitored)
        assert (monitored.report(run_id="another").unchanged, stored(monitored)) == (True, before)

    def test_should_give_the_same_digest_when_measured_anew(self, monitored: MonitoredCounter) -> None:
        monitored.add_days(4, 300)
        monitored.add_day(visits=300)
        first = monitored.report()
        monitored.report(settings=DriftSettings(floor_psi=0.2))
        assert monitored.report().digest == first.digest

    @pytest.mark.parametrize("change", ["labels", "reference", "floor"])
    def test_should_measure_anew_when_its_input_changed(self, monitored: MonitoredCounter, change: str) -> None:
        monitored.add_days(4, 300)
        monitored.add_day(visits=300)
        monitored.report()
        if change == "labels":
            monitored.add_labels()
        elif change == "reference":
            monitored.add_day(DAY - dt.timedelta(days=2), 310)
        floor_psi = 0.3 if change == "floor" else 0.1
        assert not monitored.report(settings=DriftSettings(floor_psi=floor_psi)).unchanged

    def test_should_block_an_old_report_when_the_setting_comes_later(self, monitored: MonitoredCounter) -> None:
        monitored.add_days(4, 600)
        monitored.add_day(visits=600, pause_times=3.0)
        assert not monitored.report(settings=DriftSettings()).is_blocked
        report = monitored.report(settings=DriftSettings(blocks=True))
        assert (report.unchanged, report.is_blocked) == (True, True)

    @pytest.mark.parametrize("point", [*report_day.MONITORING_FAILPOINTS, *blocking.BLOCK_FAILPOINTS[:2]])
    def test_should_be_whole_when_killed_and_run_again(self, monitored: MonitoredCounter, point: str) -> None:
        def die(name: str) -> None:
            if name == point:
                raise Killed(name)

        monitored.add_days(4, 300)
        monitored.add_day(visits=300, pause_times=4.0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(report_day, "failpoint", die)
            patch.setattr(blocking, "failpoint", die)
            with pytest.raises(Killed):
                monitored.report()
        report = monitored.report()
        assert (report.is_blocked, stored(monitored).digest) == (True, report.digest)


class TestObserved:
    def test_should_say_there_are_no_labels_when_none_has_come(self, monitored: MonitoredCounter) -> None:
        monitored.add_day(visits=300)
        report = monitored.report()
        assert [(one["source"], one["calibration"]["visits"]) for one in report.content["calibration"]] == [("", 0)] * 2
        assert report.counts["labelled"] == 0 < report.counts["asked"]

    def test_should_count_what_is_not_labelled_yet(self, monitored: MonitoredCounter) -> None:
        monitored.add_day(visits=600)
        labelled = monitored.add_labels(share=0.6)
        content = monitored.report().content
        assert sum(one["calibration"]["visits"] for one in content["calibration"]) == labelled
        assert sum(one["asked"] - one["unlabelled"] for one in content["calibration"]) == labelled

    def test_should_hold_when_labels_follow_the_scores(self, monitored: MonitoredCounter) -> None:
        monitored.add_day(visits=1_500)
        monitored.add_labels()
        assert {one["calibration"]["verdict"] for one in monitored.report().content["calibration"]} == {"holds"}

    def test_should_be_off_when_labels_are_rarer_than_promised(self, monitored: MonitoredCounter) -> None:
        monitored.add_day(visits=1_500)
        monitored.add_labels(bend=2.5)
        assert {one["calibration"]["verdict"] for one in monitored.report().content["calibration"]} == {"off"}

    def test_should_look_at_the_days_of_the_window_only(self, monitored: MonitoredCounter) -> None:
        inside, outside = DAY - dt.timedelta(days=27), DAY - dt.timedelta(days=28)
        for day in (inside, outside, DAY):
            monitored.add_day(day, 200)
        labelled = monitored.add_labels(inside)
        monitored.add_labels(outside)
        assert monitored.report().counts["labelled"] == labelled

    def test_should_count_the_decisions_close_to_the_threshold(self, monitored: MonitoredCounter) -> None:
        monitored.add_day(visits=900)
        rows = monitored.warehouse.execute(
            "SELECT device_category, countIf(abs(score - threshold) < 0.02) FROM visit_scores "
            "WHERE counter_id = %(counter_id)s AND isNotNull(score) GROUP BY device_category ORDER BY device_category",
            {"counter_id": monitored.counter_id},
        )
        margins = monitored.report().content["margins"]
        assert [one["lost"] + one["won"] for one in margins] == [count for _, count in rows]


class TestClaims:
    def test_should_let_one_run_ask_and_the_same_run_again(self, monitored: MonitoredCounter) -> None:
        monitored.add_days(4, 300)
        monitored.add_day(visits=300, pause_times=4.0)
        monitored.report()
        with monitored.state.begin() as connection:
            block = read_blocks(connection, monitored.counter_id, [DAY], is_open=True)[0]
            claims = [claim_block(connection, block, run_id) for run_id in ("first", "second", "first")]
        assert claims == [True, False, True]

    def test_should_refuse_when_the_day_was_let_pass(self, monitored: MonitoredCounter) -> None:
        monitored.add_days(4, 300)
        monitored.add_day(visits=300, pause_times=4.0)
        monitored.report()
        released = approve_drift(monitored.state, monitored.counter_id, [DAY], approved_by="anna")
        with monitored.state.begin() as connection:
            assert not claim_block(connection, released[0], "first")
