from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from include.conversions.reports import nothing_to_send, task_statuses, upload_status
from include.errors import InputError
from tests.conversion_days import ScoredDay, Visit
from tests.integration.conversions.test_tracking import follow


class TestUploadStatus:
    def test_should_be_pending_when_metrika_has_not_finished(self, scored: ScoredDay) -> None:
        status = _status(scored, scored.upload().uploads[0].upload_id)
        assert (status["status"], status["stage"], status["errors"]) == ("pending", "uploaded", None)

    def test_should_have_the_shape_of_the_api_when_it_is_done(self, scored: ScoredDay) -> None:
        scored.score([*scored.visits, Visit(77, 0, scored.visits[0].epoch)])
        report = scored.upload()
        follow(scored)
        upload = report.uploads[0]
        assert _status(scored, upload.upload_id) == {
            "upload_id": upload.upload_id,
            "status": "processed",
            "errors": None,
            "processed": 5,
            "total": 5,
            "stage": "done",
            "metrika_upload_ids": [str(upload.metrika_upload_id)],
            "held": 1,
            "already_sent": 0,
            "goal_not_found": 0,
            "user_not_found": 0,
        }

    def test_should_be_failed_with_a_sentence_when_the_goal_is_missing(self, scored: ScoredDay) -> None:
        with pytest.raises(InputError):
            scored.upload(target="nobody", upload_id="6bb7a6f8-8a5c-4e0e-8cf1-b3a1d34ee001")
        status = _status(scored, "6bb7a6f8-8a5c-4e0e-8cf1-b3a1d34ee001")
        assert (status["status"], "no JavaScript-event goal" in status["errors"][0]) == ("failed", True)

    def test_should_add_files_up_when_a_call_made_several(self, scored: ScoredDay) -> None:
        report = scored.upload(
            settings=replace(scored.settings, max_file_rows=2), upload_id="6bb7a6f8-8a5c-4e0e-8cf1-b3a1d34ee002"
        )
        follow(scored)
        status = _status(scored, "6bb7a6f8-8a5c-4e0e-8cf1-b3a1d34ee002")
        assert (len(report.uploads), status["total"], len(status["metrika_upload_ids"])) == (3, 5, 3)

    def test_should_be_none_when_the_id_is_unknown(self, scored: ScoredDay) -> None:
        with scored.state.connect() as connection:
            assert upload_status(connection, "6bb7a6f8-8a5c-4e0e-8cf1-b3a1d34eeeee") is None

    def test_should_be_processed_with_nothing_when_nothing_was_left(self) -> None:
        status = nothing_to_send("x", held=1, already_sent=4)
        assert (status.status, status.total, status.held, status.already_sent) == ("processed", 0, 1, 4)


class TestTaskStatuses:
    def test_should_list_calls_not_files_when_a_task_made_several(self, scored: ScoredDay) -> None:
        task = f"api__visits__{scored.counter_id}"
        scored.upload(settings=replace(scored.settings, max_file_rows=2), task_id=task)
        scored.score(scored.known_visits(6))
        scored.upload(task_id=task)
        with scored.state.connect() as connection:
            assert [one.already_sent for one in task_statuses(connection, task)] == [1, 5]


def _status(scored: ScoredDay, upload_id: str) -> dict[str, object]:
    with scored.state.connect() as connection:
        status = upload_status(connection, upload_id)
    assert status is not None
    return asdict(status)
