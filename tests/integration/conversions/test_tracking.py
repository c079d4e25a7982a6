from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace

import pytest

from include.conversions.linkage import RetryReport, retry_linkage
from include.conversions.reports import upload_status
from include.conversions.tracking import TrackReport
from include.days import utc_now
from include.errors import SourceRejected
from tests.conversion_days import SETTLE_SECONDS, ScoredDay, Visit

LOOKS = 100


def follow(scored: ScoredDay) -> TrackReport:
    """Look until nothing is pending; a bounded number of times."""
    for _ in range(LOOKS):
        report = scored.track()
        if not report.pending:
            return report
        time.sleep(0.05)
    raise AssertionError("the upload never ended")


def repeat(scored: ScoredDay, *, hours: float = 25.0) -> RetryReport:
    return retry_linkage(
        scored.state,
        scored.api,
        counter_ids=[scored.counter_id],
        settings=scored.settings,
        run_id="again",
        now=utc_now() + dt.timedelta(hours=hours),
        settle_seconds=SETTLE_SECONDS,
    )


class TestM22Status:
    def test_should_reach_done_when_metrika_has_processed_the_file(self, scored: ScoredDay) -> None:
        scored.upload()
        report = follow(scored)
        assert (report.processed, report.pending, report.failed, report.linked) == (1, 0, 0, 5)

    def test_should_store_all_quantities_when_metrika_tells_them(self, scored: ScoredDay) -> None:
        scored.upload()
        follow(scored)
        upload = scored.uploads()[0]
        names = ("source", "line", "linked", "goal_not_found", "user_not_found")
        assert [upload[f"{name}_quantity"] for name in names] == [5, 5, 5, 0, 0]

    def test_should_keep_null_when_metrika_leaves_the_newer_quantities_out(self, scored: ScoredDay) -> None:
        scored.sandbox.set_faults(replace(scored.sandbox.faults, newer_quantities=False))
        scored.upload()
        report = follow(scored)
        upload = scored.uploads()[0]
        assert (upload["linked_quantity"], upload["user_not_found_quantity"], report.alerts) == (None, None, ())

    def test_should_wait_when_the_status_word_is_unknown(self, scored: ScoredDay) -> None:
        scored.sandbox.set_faults(replace(scored.sandbox.faults, upload_status_word="DIGESTED"))
        scored.upload()
        report = scored.track()
        assert (report.pending, scored.uploads()[0]["stage"]) == (1, "unknown")

    def test_should_give_up_with_a_sentence_when_the_time_is_over(self, scored: ScoredDay) -> None:
        scored.sandbox.set_faults(replace(scored.sandbox.faults, upload_status_word="DIGESTED"))
        scored.upload()
        later = utc_now() + dt.timedelta(hours=24, minutes=1)
        report = scored.track(now=later)
        assert (report.failed, scored.uploads()[0]["error"]) == (1, "Still DIGESTED after 24 h; no longer followed.")

    def test_should_raise_an_alert_when_few_rows_are_linked(self, scored: ScoredDay) -> None:
        """I13: uploaded rows are linked or not linked."""
        strangers = [Visit(9000 + place, 10**17 + place, scored.visits[0].epoch) for place in range(6)]
        scored.score([*scored.visits, *strangers])
        scored.upload()
        report = follow(scored)
        assert "Only 5 of 11 rows were linked to a visit (45%)." in report.alerts[0]

    def test_should_count_the_same_when_asked_again(self, scored: ScoredDay) -> None:
        scored.upload()
        assert follow(scored) == scored.track()

    def test_should_count_only_the_day_when_a_day_is_named(self, scored: ScoredDay) -> None:
        scored.upload()
        report = scored.track(day=scored.day - dt.timedelta(days=1))
        assert (report.processed, report.pending, report.failed) == (0, 0, 0)

    def test_should_give_up_when_metrika_no_longer_knows_the_upload(self, scored: ScoredDay) -> None:
        scored.upload()
        scored.sandbox.fail_next("/uploading/", status=404, error_type="not_found")
        report = scored.track()
        assert (report.failed, "no longer knows" in report.alerts[0]) == (1, True)

    def test_should_record_the_others_when_one_upload_may_not_be_shown(self, scored: ScoredDay) -> None:
        scored.sandbox.set_faults(replace(scored.sandbox.faults, upload_status_word="PROCESSED"))
        scored.upload(settings=replace(scored.settings, max_file_rows=2))
        scored.sandbox.fail_next("/uploading/", status=403, error_type="access_denied")
        with pytest.raises(SourceRejected):
            scored.track()
        assert sorted(one["stage"] for one in scored.uploads()) == ["done", "done", "uploaded"]


class TestM22LinkageFailure:
    def test_should_fail_when_metrika_links_nothing(self, scored: ScoredDay) -> None:
        scored.sandbox.set_faults(replace(scored.sandbox.faults, linkage_failure_count=1))
        scored.upload()
        report = follow(scored)
        assert (report.failed, scored.uploads()[0]["stage"]) == (1, "failed_linkage")

    def test_should_not_repeat_when_the_delay_is_not_over(self, scored: ScoredDay) -> None:
        scored.sandbox.set_faults(replace(scored.sandbox.faults, linkage_failure_count=1))
        scored.upload()
        follow(scored)
        assert repeat(scored, hours=23.0) == RetryReport((), 0)

    def test_should_repeat_as_a_second_attempt_when_the_delay_is_over(self, scored: ScoredDay) -> None:
        scored.sandbox.set_faults(replace(scored.sandbox.faults, linkage_failure_count=1))
        scored.upload()
        follow(scored)
        repeat(scored)
        report = follow(scored)
        stages = [(one["attempt"], one["stage"]) for one in scored.uploads()]
        assert (report.processed, report.failed, sorted(stages)) == (1, 0, [(1, "failed_linkage"), (2, "done")])

    def test_should_repeat_only_once_when_run_twice(self, scored: ScoredDay) -> None:
        scored.sandbox.set_faults(replace(scored.sandbox.faults, linkage_failure_count=1))
        scored.upload()
        follow(scored)
        assert [repeat(scored).conversions, repeat(scored).conversions] == [5, 0]

    def test_should_leave_rows_alone_when_the_21_days_are_over(self, scored: ScoredDay) -> None:
        scored.sandbox.set_faults(replace(scored.sandbox.faults, linkage_failure_count=1))
        scored.upload()
        follow(scored)
        assert repeat(scored, hours=24 * 21) == RetryReport((), 0)

    def test_should_leave_a_withdrawn_visit_out_when_it_repeats(self, scored: ScoredDay) -> None:
        scored.sandbox.set_faults(replace(scored.sandbox.faults, linkage_failure_count=1))
        scored.upload()
        follow(scored)
        scored.score(scored.visits[1:])
        scored.upload()
        assert repeat(scored).conversions == 4

    def test_should_count_them_as_already_sent_when_the_day_runs_again(self, scored: ScoredDay) -> None:
        scored.sandbox.set_faults(replace(scored.sandbox.faults, linkage_failure_count=1))
        scored.upload()
        follow(scored)
        repeat(scored)
        assert scored.upload().already_sent == 5

    def test_should_show_the_repeat_under_the_first_id_when_asked(self, scored: ScoredDay) -> None:
        scored.sandbox.set_faults(replace(scored.sandbox.faults, linkage_failure_count=1))
        first = scored.upload().uploads[0].upload_id
        follow(scored)
        repeat(scored)
        follow(scored)
        with scored.state.connect() as connection:
            status = upload_status(connection, first)
        assert status is not None
        assert (status.status, status.total, status.processed, len(status.metrika_upload_ids)) == ("processed", 5, 5, 2)
