"""Batches over HTTP: who may send what, verdicts, repeats."""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.events.conftest import Shop, event, shop_of
from tests.api_client import EDITOR, VIEWER, Api

PATH = "/api/v1/events"


def verdicts(answer: Any) -> list[str]:
    return [verdict["verdict"] for verdict in answer.json()["verdicts"]]


class TestAnswer:
    def test_should_answer_202_with_a_verdict_for_each(self, shop: Shop) -> None:
        answer = shop.send({"events": [event(), event(timestamp="2026-11-20T10:00:00")]})
        body = answer.json()
        assert (answer.status_code, body["accepted"], body["duplicates"], body["rejected"]) == (202, 2, 0, 0)
        assert body.keys() == {"accepted", "duplicates", "rejected", "receipt_id", "received_at", "verdicts"}
        assert body["verdicts"][0].keys() == {"index", "event_id", "verdict", "warnings"}
        assert body["verdicts"][1]["warnings"] == ["naive_time", "unknown_event"]

    def test_should_take_a_bare_list_and_point_into_it(self, shop: Shop) -> None:
        answer = shop.send([event(), event(user_id=1.5)])
        assert (answer.status_code, answer.json()["verdicts"][1]["pointer"]) == (202, "/1/user_id")

    def test_should_leave_out_what_is_fine_when_only_problems_are_wanted(self, shop: Shop) -> None:
        fine = {"event_name": "page_view", "occurred_at": "2026-11-20T10:00:00Z", "subject": {"user_code": "u"}}
        registered = {"events": [{"name": "page_view"}]}
        shop.api.post(f"/app/create_event/{shop.app_code}", json=registered)
        bodies = {"events": [{**fine, "event_id": "a"}, {**fine, "event_id": "b", "x": 1}, event()]}
        answer = shop.send(bodies, path=f"{PATH}?verdicts=problems")
        assert [one["index"] for one in answer.json()["verdicts"]] == [1, 2]
        assert shop.send(bodies, path=f"{PATH}?verdicts=none").status_code == 422

    def test_should_answer_422_with_the_whole_batch_answer_when_all_are_rejected(self, shop: Shop) -> None:
        answer = shop.send({"events": [event(user_id=...), 7]})
        body = answer.json()
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        assert (body["accepted"], body["rejected"], len(body["verdicts"])) == (0, 2, 2)
        assert [fault["type"] for fault in body["detail"]] == ["no_subject", "not_object"]
        assert [fault["pointer"] for fault in body["errors"]] == ["/events/0/user_id", "/events/1"]
        assert shop.api.get(f"/receipts/{body['receipt_id']}", token=shop.key).json()["rejected"] == 2

    def test_should_name_code_pointer_and_quarantine_of_a_rejected_event(self, shop: Shop) -> None:
        answer = shop.send({"events": [event(), event(id=5)]})
        rejected = answer.json()["verdicts"][1]
        assert (rejected["code"], rejected["pointer"]) == ("bad_type", "/events/1/id")
        listed = shop.api.get(f"/quarantine?app_code={shop.app_code}").json()
        assert [one["quarantine_id"] for one in listed["items"]] == [rejected["quarantine_id"]]

    def test_should_write_times_in_utc(self, shop: Shop) -> None:
        body = shop.send([event()]).json()
        assert body["received_at"].endswith("Z")
        assert len(body["received_at"]) == len("2026-11-20T10:00:00.000000Z")


class TestE8Limits:
    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            (b'{"events": []}', 422, "empty_batch"),
            (b"[]", 422, "empty_batch"),
            (json.dumps([{}] * 5001).encode(), 413, "batch_too_large"),
            (b"{", 400, "invalid_json"),
            (b'{"events": [NaN]}', 400, "invalid_json"),
            (b'["\\ud800"]', 400, "invalid_json"),
            (b"[" * 100_000, 400, "invalid_json"),
            (b"\xff\xfe", 400, "invalid_json"),
            (b"", 400, "invalid_json"),
            (b'{"event": []}', 422, "unknown_field"),
            (b'"events"', 422, "bad_type"),
            (b'{"events": [1], "sent_at": "now"}', 422, "bad_time"),
        ],
        ids=range(12),
    )
    def test_should_refuse_the_batch(self, shop: Shop, body: bytes, status: int, code: str) -> None:
        answer = shop.api.post(PATH, token=shop.key, content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert shop.stored() == 0

    def test_should_reject_only_the_event_that_is_too_large(self, shop: Shop) -> None:
        large = event(payload={"text": "x" * 65_536})
        answer = shop.send({"events": [event(), large, event()]})
        assert verdicts(answer) == ["accepted", "rejected", "accepted"]
        assert answer.json()["verdicts"][1]["code"] == "event_too_large"

    def test_should_take_gzip(self, shop: Shop) -> None:
        body = gzip.compress(json.dumps([event()]).encode())
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        assert shop.api.post(PATH, token=shop.key, content=body, headers=headers).status_code == 202

    def test_should_stop_a_bomb_at_the_limit(self, shop: Shop) -> None:
        body = gzip.compress(b'["' + b"x" * 200_000_000 + b'"]')
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        answer = shop.api.post(PATH, token=shop.key, content=body, headers=headers)
        assert (len(body) < 1_000_000, answer.status_code) == (True, 413)

    def test_should_answer_415_when_it_is_not_json(self, shop: Shop) -> None:
        answer = shop.api.post(PATH, token=shop.key, content=b"[]", headers={"Content-Type": "text/plain"})
        assert answer.status_code == 415


class TestSenders:
    def test_should_put_events_of_a_key_into_its_app(self, shop: Shop) -> None:
        shop.send([event()])
        assert shop.stored() == 1

    @pytest.mark.parametrize("project", ["default", "nothing"])
    def test_should_refuse_a_key_in_another_project(self, shop: Shop, project: str) -> None:
        answer = shop.send([event()], path=f"{PATH}?project={project}")
        assert (answer.status_code, answer.json()["code"]) == (403, "key_app_mismatch")

    def test_should_reject_an_event_that_names_another_project(self, shop: Shop) -> None:
        envelope = {
            "event_name": "tap", "occurred_at": "2026-11-20T10:00:00Z", "subject": {"user_code": "u"},
            "project": "default",
        }  # fmt: skip
        answer = shop.send([envelope])
        assert (answer.status_code, answer.json()["code"]) == (422, "project_mismatch")

    def test_should_refuse_a_key_without_the_scope(self, shop: Shop) -> None:
        token = shop.api.key(shop.app_code, "stats:read")
        assert shop.send([event()], token=token).json()["code"] == "key_scope"

    def test_should_let_operators_with_the_right_choose_the_project(self, shop: Shop) -> None:
        path = f"{PATH}?project={shop.app_code}"
        assert shop.send([event()], path=path, token=VIEWER).status_code == 403
        assert shop.send([event()], path=path, token=EDITOR).status_code == 202
        assert shop.stored() == 1

    def test_should_answer_404_when_the_project_is_unknown(self, api: Api) -> None:
        assert api.post(f"{PATH}?project=nothing", json=[event()]).status_code == 404

    def test_should_let_students_send_their_own_events_only(self, api: Api) -> None:
        student = api.person()
        answer = api.post(PATH, token=student.token, json=[event(user_id=student.user_id), event()])
        assert verdicts(answer) == ["accepted", "rejected"]
        assert answer.json()["verdicts"][1]["code"] == "subject_forbidden"

    def test_should_answer_404_when_a_student_sends_into_the_app_of_another(self, shop: Shop) -> None:
        student = shop.api.person()
        path = f"{PATH}?project={shop.app_code}"
        answer = shop.send([event(user_id=student.user_id)], path=path, token=student.token)
        unknown = shop.send([event()], path=f"{PATH}?project=nothing", token=student.token)
        assert (answer.status_code, unknown.status_code) == (404, 404)
        assert answer.json()["detail"] == unknown.json()["detail"]

    def test_should_let_teachers_send_events_of_their_courses(self, api: Api) -> None:
        teacher, course = api.person("teacher"), f"c-{event()['id']}"
        body = {"teachers": [teacher.user_id], "items": [], "timezone": "UTC"}
        assert api.put(f"/api/v1/courses/{course}", json=body).status_code == 200
        answer = api.post(PATH, token=teacher.token, json=[event(course_id=course), event()])
        assert verdicts(answer) == ["accepted", "rejected"]

    def test_should_let_admins_send_any(self, api: Api) -> None:
        assert verdicts(api.post(PATH, token=api.person("admin").token, json=[event()])) == ["accepted"]

    def test_should_take_old_events_with_the_scope_backfill_only(self, shop: Shop) -> None:
        old = event(timestamp="2020-01-01T00:00:00Z")
        assert shop.send([old]).json()["code"] == "too_old"
        key = shop.api.key(shop.app_code, "ingest", "backfill")
        assert shop.send([old], token=key).status_code == 202


class TestAppBatch:
    def test_should_take_envelopes_with_the_clock_of_the_sender(self, shop: Shop) -> None:
        envelope = {"event_name": "tap", "occurred_at": "2026-11-20T10:00:00Z", "subject": {"user_code": "u"}}
        body = {"sent_at": "2026-11-20T10:00:05Z", "events": [envelope]}
        answer = shop.send(body, path=f"/apps/{shop.app_code}/batch")
        assert answer.status_code == 202
        assert "derived_id" in answer.json()["verdicts"][0]["warnings"]
        assert shop.stored() == 1

    def test_should_refuse_the_key_of_another_app_alike_whether_the_app_exists(self, shop: Shop) -> None:
        other = shop_of(shop.api)
        answers = [shop.send([], path=f"/apps/{code}/batch", token=other.key) for code in (shop.app_code, "nothing")]
        assert [answer.status_code for answer in answers] == [403, 403]
        assert answers[0].json()["detail"] == answers[1].json()["detail"]


class TestRepeats:
    """E4, X7, I3 over HTTP."""

    def test_should_give_the_first_answer_when_the_key_is_sent_again(self, shop: Shop) -> None:
        body, headers = [event(id=...), 7], {"Idempotency-Key": "k-1"}
        first, again = (shop.send(body, headers=headers) for _ in range(2))
        assert (again.status_code, again.content, again.headers.get("idempotency-replayed")) == (
            first.status_code, first.content, "true",
        )  # fmt: skip
        assert "idempotency-replayed" not in first.headers
        assert shop.stored() == 1

    def test_should_give_the_first_answer_when_all_were_rejected(self, shop: Shop) -> None:
        first, again = (shop.send([7], headers={"Idempotency-Key": "k-2"}) for _ in range(2))
        assert (first.status_code, again.status_code) == (422, 422)
        assert first.json()["verdicts"] == again.json()["verdicts"]

    def test_should_give_the_first_answer_when_every_event_has_an_id(self, shop: Shop) -> None:
        body = [event(), event()]
        first, again = shop.send(body), shop.send(body)
        assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")

    def test_should_be_another_batch_when_an_event_has_no_id(self, shop: Shop) -> None:
        body = [event(), event(id=...)]
        first, again = shop.send(body), shop.send(body)
        assert first.json()["receipt_id"] != again.json()["receipt_id"]
        assert verdicts(again) == ["duplicate", "duplicate"]

    def test_should_refuse_when_the_key_comes_with_another_body(self, shop: Shop) -> None:
        shop.send([event()], headers={"Idempotency-Key": "k-3"})
        answer = shop.send([event()], headers={"Idempotency-Key": "k-3"})
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
        assert shop.stored() == 1

    @pytest.mark.parametrize("key", ["", "x" * 256, "a b"])
    def test_should_refuse_a_key_that_cannot_be_one(self, shop: Shop, key: str) -> None:
        answer = shop.send([event()], headers={"Idempotency-Key": key})
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_idempotency_key")

    @pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k-4"}], ids=["ids", "key"])
    def test_should_store_once_and_answer_alike_when_sent_ten_times_at_once(
        self, shop: Shop, headers: dict[str, str]
    ) -> None:
        body = [event() for _ in range(100)]
        with ThreadPoolExecutor(10) as threads:
            answers = list(threads.map(lambda _: shop.send(body, headers=headers), range(10)))
        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.content for answer in answers}) == 1
        assert shop.stored() == 100
