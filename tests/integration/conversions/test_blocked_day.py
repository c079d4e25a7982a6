"""A day that waits for a person sends nothing new, keeps what was sent, and sends the rest once afterwards."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from include.conversions.ledger.batches import DayPlan, preview_day
from include.conversions.ledger.drafts import UploadOrigin
from include.conversions.rules.identifiers import IdentifierKind
from include.conversions.single import prepare_single, read_single
from include.conversions.upload_day import UploadReport
from include.days import utc_now, zone_of
from include.errors import SourceUnavailable
from include.progress import no_progress
from include.state.manifest import read_stage
from tests.blocked_days import approve, find, finding
from tests.conversion_days import ScoredDay
from tests.faults.test_upload_machine import killed_at


def block(scored: ScoredDay, *findings: dict[str, Any]) -> bool:
    return find(scored.state, scored.counter_id, scored.day, *(findings or (finding(),)))


def release(scored: ScoredDay, **changes: Any) -> int:
    return approve(scored.state, scored.counter_id, scored.day, **changes)


def counts(report: UploadReport) -> tuple[int, int, int]:
    return report.sent, report.held, report.already_sent


class TestBlockedUpload:
    def test_should_send_nothing_when_the_day_is_blocked(self, scored: ScoredDay) -> None:
        block(scored)
        report = scored.upload()
        assert (counts(report), report.held_reasons) == ((0, 5, 0), {"drift_not_approved": 5})
        assert (report.is_blocked, scored.accepted(), scored.uploads()) == (True, [], [])

    def test_should_send_each_once_when_it_is_approved(self, scored: ScoredDay) -> None:
        block(scored)
        scored.upload()
        assert release(scored) == 1
        assert counts(scored.upload()) == (5, 0, 0)
        assert counts(scored.upload()) == (0, 0, 5)
        assert scored.accepted() == scored.expected()

    def test_should_keep_what_was_sent_when_it_is_blocked_later(self, scored: ScoredDay) -> None:
        known = scored.known_visits(5)
        scored.score(known[:3])
        scored.upload()
        scored.score(known)
        block(scored)
        assert counts(scored.upload()) == (0, 2, 3)
        assert len(scored.accepted()) == 3

    def test_should_keep_the_older_reason_when_a_visit_is_held_anyway(self, scored: ScoredDay) -> None:
        known = scored.known_visits(5)
        scored.score([replace(known[0], client_id=0), *known[1:]])
        block(scored)
        assert scored.upload().held_reasons == {"drift_not_approved": 4, "no_identifier": 1}

    def test_should_take_back_a_file_that_was_never_sent(self, scored: ScoredDay) -> None:
        with killed_at("upload.prepared"):
            scored.upload()
        block(scored)
        report = scored.upload()
        assert (counts(report), [upload["stage"] for upload in scored.uploads()]) == ((0, 5, 0), ["refused"])
        release(scored)
        assert counts(scored.upload()) == (5, 0, 0)
        assert scored.accepted() == scored.expected()

    def test_should_note_a_file_that_had_arrived_when_the_answer_was_lost(self, scored: ScoredDay) -> None:
        with killed_at("upload.posted"):
            scored.upload()
        block(scored)
        assert counts(scored.upload()) == (5, 0, 0)
        assert scored.accepted() == scored.expected()

    def test_should_hold_a_file_whose_interrupted_send_did_not_arrive(self, scored: ScoredDay) -> None:
        with killed_at("upload.marked"):
            scored.upload()
        block(scored)
        assert counts(scored.upload()) == (0, 5, 0)
        assert scored.accepted() == []
        release(scored)
        scored.upload()
        assert scored.accepted() == scored.expected()

    def test_should_change_nothing_when_metrika_does_not_answer_about_a_lost_send(self, scored: ScoredDay) -> None:
        with killed_at("upload.posted"):
            scored.upload()
        block(scored)
        scored.sandbox.fail_next(f"/counter/{scored.counter_id}/offline_conversions/uploadings", status=503, times=3)
        with pytest.raises(SourceUnavailable):
            scored.upload()
        assert scored.uploads()[0]["sent_at"] is not None
        assert counts(scored.upload()) == (5, 0, 0)

    def test_should_preview_what_is_held_when_the_day_is_blocked(self, scored: ScoredDay) -> None:
        block(scored)
        origin = UploadOrigin(scored.counter_id, "4plus", IdentifierKind.CLIENT_ID, "test", "", utc_now())
        plan = DayPlan(scored.warehouse, origin, scored.day, scored.settings, False, None, no_progress)
        with scored.state.connect() as connection:
            preview = preview_day(connection, plan)
        assert (preview.to_send, preview.held, preview.already_sent) == (0, 5, 0)

    def test_should_note_the_block_in_the_manifest(self, scored: ScoredDay) -> None:
        block(scored)
        scored.upload()
        with scored.state.connect() as connection:
            record = read_stage(connection, scored.counter_id, scored.day, "upload")
        assert record is not None
        assert (record.details["is_blocked"], record.counts["held"]) == (True, 5)


class TestWhatBlocks:
    def test_should_stay_free_when_the_approved_finding_is_found_again(self, scored: ScoredDay) -> None:
        block(scored)
        release(scored)
        assert block(scored) is False

    def test_should_stay_free_when_a_part_of_the_approved_finding_is_found(self, scored: ScoredDay) -> None:
        block(scored, finding("slots", "large"), finding("page_views"))
        release(scored)
        assert block(scored, finding("slots", "moderate")) is False

    @pytest.mark.parametrize("other", [finding("page_views"), finding("slots", "large"), finding("slots", scope="all")])
    def test_should_block_again_when_another_finding_comes(self, scored: ScoredDay, other: dict[str, Any]) -> None:
        block(scored)
        release(scored)
        assert block(scored, finding(), other) is True

    def test_should_pass_by_itself_when_nothing_is_found_any_more(self, scored: ScoredDay) -> None:
        block(scored)
        assert find(scored.state, scored.counter_id, scored.day) is False
        assert counts(scored.upload()) == (5, 0, 0)

    def test_should_block_again_when_what_passed_by_itself_comes_back(self, scored: ScoredDay) -> None:
        block(scored)
        find(scored.state, scored.counter_id, scored.day)
        assert block(scored) is True

    def test_should_let_nothing_pass_that_the_person_did_not_see(self, scored: ScoredDay) -> None:
        block(scored)
        assert release(scored, evidence=["another"]) == 0
        assert scored.upload().is_blocked

    def test_should_release_once_when_approved_twice(self, scored: ScoredDay) -> None:
        block(scored)
        assert (release(scored), release(scored)) == (1, 0)


class TestBlockedSingles:
    def test_should_leave_an_upload_without_visits_alone(self, scored: ScoredDay) -> None:
        """A single conversion of the blocked day, prepared and interrupted, is sent by the next run."""
        instant = utc_now().replace(microsecond=0)
        at = instant.replace(year=scored.day.year, month=scored.day.month, day=scored.day.day)
        single = read_single(
            scored.counter_id, zone_of("Europe/Moscow"), target="4plus",
            date_time=at.strftime("%Y-%m-%dT12:00:00"), identifiers={"client_id": "123456789"},
        )  # fmt: skip
        prepare_single(scored.state, single, run_id="test")
        block(scored)
        assert counts(scored.upload()) == (0, 5, 0)
        assert [identifier for identifier, _ in scored.accepted()] == ["123456789"]
