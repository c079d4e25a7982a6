from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import update

from include.conversions.ledger.batches import DayPlan, DayPreview, preview_day
from include.conversions.ledger.drafts import UploadOrigin
from include.conversions.rules.identifiers import IdentifierKind
from include.days import utc_now
from include.errors import DayNotReady, InputError, SourceRejected, SourceUnavailable, StoreConflict
from include.progress import no_progress
from include.state.manifest import StageRecord, read_stage, write_stage
from include.state.tables import conversions
from tests.conversion_days import FAST, ScoredDay, Visit


class TestUploadDay:
    def test_should_send_every_visit_once_when_the_day_is_new(self, scored: ScoredDay) -> None:
        scored.upload()
        assert scored.accepted() == scored.expected()

    def test_should_count_what_it_sent_when_the_day_is_new(self, scored: ScoredDay) -> None:
        report = scored.upload()
        assert (report.sent, report.held, report.already_sent, len(report.uploads)) == (5, 0, 0, 1)

    def test_should_keep_ids_above_two_to_the_63_when_they_are_stored(self, scored: ScoredDay) -> None:
        scored.upload()
        assert [int(row["visit_id"]) for row in scored.ledger()] == [one.visit_id for one in scored.visits]

    def test_should_send_nothing_when_run_again(self, scored: ScoredDay) -> None:
        scored.upload()
        again = scored.upload()
        assert (again.sent, again.already_sent, again.uploads, scored.accepted()) == (0, 5, (), scored.expected())

    def test_should_keep_the_digest_when_nothing_changed(self, scored: ScoredDay) -> None:
        digests = []
        for _ in range(2):
            scored.upload()
            with scored.state.connect() as connection:
                record = read_stage(connection, scored.counter_id, scored.day, "upload")
            assert record is not None
            digests.append(record.digest)
        assert digests[0] == digests[1]

    def test_should_note_the_scores_it_read_when_it_ends(self, scored: ScoredDay) -> None:
        scored.upload()
        with scored.state.connect() as connection:
            record = read_stage(connection, scored.counter_id, scored.day, "upload")
        assert record is not None
        assert (record.input_digest, record.counts["level4"]) == ("scores1", 5)

    def test_should_succeed_without_uploads_when_the_day_is_empty(self, scored: ScoredDay) -> None:
        scored.score([])
        report = scored.upload()
        assert (report.sent, report.held, report.already_sent, scored.accepted()) == (0, 0, 0, [])

    def test_should_say_what_to_run_when_the_day_is_not_scored(self, scored: ScoredDay) -> None:
        with pytest.raises(DayNotReady, match="python -m include score"):
            scored.upload(day=scored.day - dt.timedelta(days=1))

    def test_should_refuse_when_scores_and_manifest_disagree(self, scored: ScoredDay) -> None:
        record = StageRecord(
            scored.counter_id, scored.day, "scores", "x", "", "score", 0.0, utc_now(), counts={"level4": 6}
        )
        with scored.state.begin() as connection:
            write_stage(connection, record)
        with pytest.raises(StoreConflict, match="changed while they were read"):
            scored.upload()

    def test_should_refuse_to_send_when_the_ledger_was_changed_by_hand(self, scored: ScoredDay) -> None:
        scored.sandbox.fail_next("/goals", status=503, times=FAST.outage_tries)
        with pytest.raises(SourceUnavailable):
            scored.upload()
        with scored.state.begin() as connection:
            mine = conversions.c.counter_id == scored.counter_id
            connection.execute(update(conversions).where(mine).values(sent_epoch_seconds=1))
        with pytest.raises(StoreConflict, match="no longer give the file"):
            scored.upload()

    def test_should_use_the_given_id_when_the_api_gave_one_out(self, scored: ScoredDay) -> None:
        given = "0e4c3f0a-6f8e-4c7e-9a54-4ff7f3f1b111"
        report = scored.upload(upload_id=given, task_id="api__visits__x")
        assert ([one.upload_id for one in report.uploads], scored.uploads()[0]["task_id"]) == (
            [given],
            "api__visits__x",
        )


class TestRescoredDay:
    """M21, late visits: only what is new is sent."""

    def test_should_send_only_the_new_visit_when_one_is_added(self, scored: ScoredDay) -> None:
        scored.upload()
        scored.score(scored.known_visits(6))
        report = scored.upload()
        assert (report.sent, report.already_sent, scored.accepted()) == (1, 5, scored.expected())

    def test_should_mark_a_visit_when_it_is_no_longer_level4(self, scored: ScoredDay) -> None:
        scored.upload()
        scored.score(scored.visits[1:])
        report = scored.upload()
        assert (report.already_sent, [row["is_withdrawn"] for row in scored.ledger()]) == (4, [True] + [False] * 4)

    def test_should_not_send_again_when_a_withdrawn_visit_comes_back(self, scored: ScoredDay) -> None:
        visits = scored.visits
        for scores in (visits, visits[1:], visits):
            scored.score(scores)
            report = scored.upload()
        assert (report.already_sent, scored.accepted()) == (5, scored.expected())

    def test_should_not_send_a_visit_when_it_was_withdrawn_before_the_send(self, scored: ScoredDay) -> None:
        scored.sandbox.fail_next("/goals", status=503, times=FAST.outage_tries)
        with pytest.raises(SourceUnavailable):
            scored.upload()
        scored.score(scored.visits[2:])
        scored.upload()
        assert scored.accepted() == scored.expected()

    def test_should_close_the_file_when_all_its_visits_were_withdrawn_before_the_send(self, scored: ScoredDay) -> None:
        scored.sandbox.fail_next("/goals", status=503, times=FAST.outage_tries)
        with pytest.raises(SourceUnavailable):
            scored.upload()
        scored.score([])
        scored.upload()
        assert ([one["stage"] for one in scored.uploads()], scored.accepted()) == (["refused"], [])

    def test_should_send_a_visit_when_it_comes_back_after_its_file_was_closed(self, scored: ScoredDay) -> None:
        visits = scored.visits
        scored.sandbox.fail_next("/goals", status=503, times=FAST.outage_tries)
        with pytest.raises(SourceUnavailable):
            scored.upload()
        for scores in ([], visits):
            scored.score(scores)
            scored.upload()
        assert scored.accepted() == scored.expected()


class TestHeldVisits:
    def test_should_hold_the_second_visit_when_two_share_client_and_second(self, scored: ScoredDay) -> None:
        first = scored.visits[0]
        scored.score([*scored.visits, replace(first, visit_id=first.visit_id + 1000)])
        report = scored.upload()
        assert (report.sent, report.held_reasons) == (5, {"same_moment": 1})

    def test_should_hold_a_twin_when_its_moment_was_sent_for_a_withdrawn_visit(self, scored: ScoredDay) -> None:
        scored.upload()
        first = scored.visits[0]
        scored.score([replace(first, visit_id=first.visit_id + 1000), *scored.visits[1:]])
        report = scored.upload()
        assert (report.sent, report.held_reasons, report.already_sent) == (0, {"same_moment": 1}, 4)

    def test_should_hold_a_visit_when_it_has_no_client(self, scored: ScoredDay) -> None:
        scored.score([*scored.visits, Visit(77, 0, scored.visits[0].epoch)])
        report = scored.upload()
        assert (report.sent, report.held_reasons) == (5, {"no_identifier": 1})

    def test_should_hold_a_visit_when_it_lies_in_the_future(self, scored: ScoredDay) -> None:
        scored.score([Visit(78, 79, int(utc_now().timestamp()) + 3600)])
        assert scored.upload().held_reasons == {"future_time": 1}

    def test_should_send_a_held_visit_when_its_time_has_come(self, scored: ScoredDay) -> None:
        soon = int(utc_now().timestamp()) + 3600
        scored.score([Visit(78, 79, soon)])
        scored.upload()
        scored.score([Visit(78, 79, soon - 7200)])  # the same visit id at a time that has passed
        assert scored.upload().sent == 1

    def test_should_hold_a_visit_when_it_is_older_than_the_matching_window(self, scored: ScoredDay) -> None:
        scored.score([Visit(80, 81, int(utc_now().timestamp()) - 22 * 86_400)])
        assert scored.upload().held_reasons == {"outside_match_window": 1}

    def test_should_send_an_old_visit_when_asked_to(self, scored: ScoredDay) -> None:
        scored.score([Visit(80, 81, int(utc_now().timestamp()) - 22 * 86_400)])
        scored.upload()
        assert scored.upload(include_old=True).sent == 1

    def test_should_move_the_sent_time_but_not_the_key_when_an_offset_is_set(self, scored: ScoredDay) -> None:
        scored.upload(settings=replace(scored.settings, time_offset_seconds=30))
        sent = sorted(one.epoch + 30 for one in scored.visits)
        keys = sorted(int(row["event_at"].timestamp()) for row in scored.ledger())
        assert ([epoch for _, epoch in sorted(scored.accepted(), key=lambda row: row[1])], keys) == (
            sent,
            sorted(one.epoch for one in scored.visits),
        )


class TestM20Goal:
    def test_should_upload_nothing_when_the_goal_is_unknown(self, scored: ScoredDay) -> None:
        with pytest.raises(InputError, match="no JavaScript-event goal") as caught:
            scored.upload(target="nobody")
        assert (caught.value.code, scored.accepted()) == ("goal_not_found", [])

    def test_should_list_the_conversions_as_held_when_the_goal_is_unknown(self, scored: ScoredDay) -> None:
        with pytest.raises(InputError):
            scored.upload(target="nobody")
        assert {row["held_reason"] for row in scored.ledger()} == {"goal_not_found"}

    def test_should_close_every_file_when_the_goal_is_unknown(self, scored: ScoredDay) -> None:
        with pytest.raises(InputError):
            scored.upload(target="nobody", settings=replace(scored.settings, max_file_rows=2))
        assert [one["stage"] for one in scored.uploads()] == ["goal_not_found"] * 3

    def test_should_send_when_the_goal_is_created_on_request(self, scored: ScoredDay) -> None:
        settings = replace(scored.settings, create_goal=True)
        report = scored.upload(target="made here", settings=settings)
        assert (report.sent, scored.accepted()) == (5, scored.expected())

    def test_should_send_later_when_the_goal_appears(self, scored: ScoredDay) -> None:
        with pytest.raises(InputError):
            scored.upload(target="later")
        scored.api.create_goal(scored.counter_id, "later")
        report = scored.upload(target="later")
        assert (report.sent, scored.accepted()) == (5, scored.expected())


class TestM21Ledger:
    def test_should_not_post_again_when_the_answer_is_lost(self, scored: ScoredDay) -> None:
        scored.sandbox.set_faults(replace(scored.sandbox.faults, lost_upload_replies=1))
        report = scored.upload()
        assert (report.sent, scored.accepted()) == (5, scored.expected())

    def test_should_post_again_when_the_connection_broke_before_the_server_took_it(self, scored: ScoredDay) -> None:
        scored.sandbox.fail_next("/upload", status=0, method="POST")
        report = scored.upload()
        assert (report.sent, scored.accepted()) == (5, scored.expected())

    def test_should_find_its_uploads_when_the_ledger_was_lost(self, scored: ScoredDay) -> None:
        scored.upload()
        with scored.state.begin() as connection:
            connection.execute(conversions.delete().where(conversions.c.counter_id == scored.counter_id))
            connection.exec_driver_sql(f"DELETE FROM conversion_uploads WHERE counter_id = {scored.counter_id}")
        scored.upload()
        assert scored.accepted() == scored.expected()

    def test_should_close_the_upload_when_metrika_refuses_the_login(self, scored: ScoredDay) -> None:
        scored.sandbox.fail_next("/uploadings", status=403, error_type="access_denied")
        with pytest.raises(SourceRejected):
            scored.upload()
        assert [(one["stage"], bool(one["error"])) for one in scored.uploads()] == [("refused", True)]

    def test_should_send_in_a_new_upload_when_the_refusal_is_over(self, scored: ScoredDay) -> None:
        scored.sandbox.fail_next("/uploadings", status=403, error_type="access_denied")
        with pytest.raises(SourceRejected):
            scored.upload()
        report = scored.upload()
        assert (report.sent, [one["attempt"] for one in scored.uploads()], scored.accepted()) == (
            5,
            [1, 2],
            scored.expected(),
        )


class TestM23Size:
    def test_should_split_by_rows_when_the_cap_is_small(self, scored: ScoredDay) -> None:
        report = scored.upload(settings=replace(scored.settings, max_file_rows=2))
        assert ([one.rows for one in report.uploads], scored.accepted()) == ([2, 2, 1], scored.expected())

    def test_should_give_each_file_its_own_comment_when_split(self, scored: ScoredDay) -> None:
        report = scored.upload(settings=replace(scored.settings, max_file_rows=2))
        assert len({one.comment for one in report.uploads}) == 3


class TestRefusedFile:
    def test_should_isolate_the_bad_row_when_metrika_refuses_a_file(self, scored: ScoredDay) -> None:
        scored.sandbox.fail_next("/upload", status=400, error_type="invalid_uploading", times=2, method="POST")
        report = scored.upload()
        # Refused: the whole file, then its first half of two rows; that is cut into two single rows.
        assert (report.sent, scored.accepted()) == (5, scored.expected())

    def test_should_hold_single_rows_when_metrika_refuses_them(self, scored: ScoredDay) -> None:
        scored.sandbox.fail_next("/upload", status=400, error_type="invalid_uploading", times=3, method="POST")
        report = scored.upload()
        assert (report.sent, report.held_reasons, len(scored.accepted())) == (4, {"refused": 1}, 4)

    def test_should_fail_when_metrika_refuses_everything(self, scored: ScoredDay) -> None:
        scored.sandbox.fail_next("/upload", status=400, error_type="invalid_uploading", times=9, method="POST")
        # Five rows are cut into 2 + 3, then on to single rows: nine files in all.
        with pytest.raises(SourceRejected):
            scored.upload()
        assert {row["held_reason"] for row in scored.ledger()} == {"refused"}


class TestPreviewDay:
    def test_should_count_without_a_trace_when_nothing_was_sent(self, scored: ScoredDay) -> None:
        assert (_preview(scored), scored.ledger()) == (DayPreview(5, 0, 0), [])

    def test_should_count_what_is_left_when_the_day_was_sent(self, scored: ScoredDay) -> None:
        scored.upload()
        scored.score([*scored.known_visits(6), Visit(77, 0, scored.visits[0].epoch)])
        assert _preview(scored) == DayPreview(1, 1, 5)


def _preview(scored: ScoredDay) -> DayPreview:
    origin = UploadOrigin(scored.counter_id, scored.settings.target, IdentifierKind.CLIENT_ID, "test", "", utc_now())
    plan = DayPlan(scored.warehouse, origin, scored.day, scored.settings, False, None, no_progress)
    with scored.state.connect() as connection:
        return preview_day(connection, plan)
