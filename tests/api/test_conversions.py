from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import uuid4

import pytest

from include.api.orchestrator import FAILED, SUCCESS
from include.conversions.resume import send_prepared
from include.days import utc_now
from tests.api_client import Api
from tests.conversion_days import SETTLE_SECONDS, ScoredDay

SHAPE = {
    "upload_id", "status", "errors", "processed", "total", "stage", "metrika_upload_ids", "held", "already_sent",
    "goal_not_found", "user_not_found",
}  # fmt: skip


def bulk(api: Api, task_id: str, **changes: Any) -> Any:
    return api.post("/conversions/bulk", json={"task_id": task_id, "target": "4plus", **changes})


def run_upload(api: Api, scored: ScoredDay) -> None:
    """Do what the run of the last order does."""
    order = api.orchestrator.orders[-1]
    conf = order.conf
    scored.upload(
        run_id=order.run_id, task_id=conf["task_id"], upload_id=conf["upload_id"], target=conf["target"],
        include_old=conf["include_old"],
    )  # fmt: skip
    api.orchestrator.move(order.dag_id, order.run_id, SUCCESS, step_count=5, finished_count=5)


def single(**changes: Any) -> dict[str, Any]:
    moment = (utc_now() - dt.timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%S")
    body = {"client_id": "175085690441127503", "target": f"t{uuid4().hex[:6]}", "date_time": moment, "counter": 301}
    return {name: value for name, value in {**body, **changes}.items() if value is not None}


class TestBulk:
    def test_should_start_the_upload_when_the_task_is_done(self, api: Api, day_task: str, scored: ScoredDay) -> None:
        answer = bulk(api, day_task)
        order = api.orchestrator.orders[-1]
        assert (answer.status_code, answer.json()["status"]) == (202, "pending")
        assert order.dag_id == "conversion_upload"
        assert order.conf == {
            "date": scored.day.isoformat(), "counters": [scored.counter_id], "target": "4plus", "include_old": False,
            "task_id": order.run_id, "upload_id": answer.json()["upload_id"],
        }  # fmt: skip

    def test_should_follow_the_upload_from_promise_to_ledger(self, api: Api, day_task: str, scored: ScoredDay) -> None:
        upload_id = bulk(api, day_task).json()["upload_id"]
        promised = api.get(f"/conversions/{upload_id}/status").json()
        run_upload(api, scored)
        sent = api.get(f"/conversions/{upload_id}/status").json()
        assert set(promised) == set(sent) == SHAPE
        assert (promised["status"], promised["stage"], promised["total"]) == ("pending", "prepared", None)
        assert (sent["upload_id"], sent["total"], len(sent["metrika_upload_ids"])) == (upload_id, 5, 1)
        assert api.get(f"/tasks/{day_task}/conversions").json() == [sent]

    def test_should_answer_200_with_nothing_when_all_was_sent(self, api: Api, day_task: str, scored: ScoredDay) -> None:
        bulk(api, day_task)
        run_upload(api, scored)
        answer = bulk(api, day_task)
        assert answer.status_code == 200
        assert answer.json() | {"upload_id": ""} == {
            "upload_id": "", "status": "processed", "errors": None, "processed": 0, "total": 0, "stage": "done",
            "metrika_upload_ids": [], "held": 0, "already_sent": 5, "goal_not_found": 0, "user_not_found": 0,
        }  # fmt: skip

    def test_should_give_the_open_upload_back_when_asked_again(self, api: Api, day_task: str) -> None:
        first, again = bulk(api, day_task), bulk(api, day_task)
        assert (again.status_code, again.json()) == (200, first.json())

    def test_should_tell_the_error_when_the_run_has_failed(self, api: Api, day_task: str) -> None:
        upload_id = bulk(api, day_task).json()["upload_id"]
        order = api.orchestrator.orders[-1]
        api.orchestrator.fail(order.dag_id, order.run_id, "The counter has no goal 4plus.")
        body = api.get(f"/conversions/{upload_id}/status").json()
        assert (body["status"], body["errors"]) == ("failed", ["The counter has no goal 4plus."])

    def test_should_list_calls_oldest_first_when_a_task_has_several(self, api: Api, day_task: str) -> None:
        ids = [bulk(api, day_task, target=target).json()["upload_id"] for target in ("b", "a", "c")]
        assert [one["upload_id"] for one in api.get(f"/tasks/{day_task}/conversions").json()] == ids

    def test_should_answer_404_when_the_task_is_unknown(self, api: Api) -> None:
        answer = bulk(api, "nothing")
        assert (answer.status_code, answer.json()["detail"]) == (404, "Task not found")

    def test_should_answer_409_when_the_task_is_not_finished(self, api: Api, scored: ScoredDay) -> None:
        task_id = api.post("/tasks", json={"date": scored.day.isoformat(), "counter": scored.counter_id}).json()[
            "task_id"
        ]
        answer = bulk(api, task_id)
        assert (answer.status_code, answer.json()["code"]) == (409, "task_not_finished")
        assert int(answer.headers["retry-after"]) > 0

    def test_should_answer_409_when_the_task_has_failed(self, api: Api, day_task: str) -> None:
        api.orchestrator.finish_visits(day_task, FAILED)
        assert bulk(api, day_task).json()["code"] == "task_failed"

    def test_should_answer_422_when_the_counter_is_another(self, api: Api, day_task: str) -> None:
        answer = bulk(api, day_task, counter=4)
        assert (answer.status_code, answer.json()["code"]) == (422, "counter_mismatch")

    def test_should_answer_422_when_the_task_is_no_visits_task(self, api: Api, day_task: str) -> None:
        bulk(api, day_task)
        answer = bulk(api, api.orchestrator.orders[-1].run_id)
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong_task_kind")

    def test_should_answer_422_when_the_run_was_for_several_days(
        self, api: Api, scored: ScoredDay, day_task: str
    ) -> None:
        conf = {"date_from": "2025-06-01", "date_to": "2025-06-02", "counters": [scored.counter_id]}
        api.orchestrator.add_run("visit_scoring", f"manual__{day_task}", SUCCESS, conf=conf)
        assert bulk(api, f"manual__{day_task}").json()["code"] == "several_days"


class TestSingle:
    def test_should_prepare_and_start_when_a_conversion_is_given(self, api: Api) -> None:
        answer = api.post("/conversions/single", json=single(price=1500.50, currency="RUB"))
        order = api.orchestrator.orders[-1]
        assert (answer.status_code, answer.json()["status"]) == (202, "pending")
        assert (order.dag_id, order.conf["single"]) == ("conversion_upload", True)
        assert order.conf["upload_id"] == answer.json()["upload_id"]
        body = api.get(f"/conversions/{answer.json()['upload_id']}/status").json()
        assert (set(body), body["stage"]) == (SHAPE, "prepared")

    def test_should_reach_metrika_when_its_run_sends_it(self, api: Api, scored: ScoredDay) -> None:
        answer = api.post("/conversions/single", json=single(target="4plus", counter=scored.counter_id))
        order = api.orchestrator.orders[-1]
        send_prepared(
            scored.state, scored.api, upload_id=order.conf["upload_id"], settings=scored.settings,
            run_id=order.run_id, settle_seconds=SETTLE_SECONDS,
        )  # fmt: skip
        assert answer.status_code == 202
        assert [identifier for identifier, _ in scored.accepted()] == ["175085690441127503"]

    def test_should_give_the_earlier_upload_when_the_same_row_comes_again(self, api: Api) -> None:
        body = single(price=10)
        first, again = (api.post("/conversions/single", json=body) for _ in range(2))
        assert (first.status_code, again.status_code) == (202, 200)
        assert again.json()["upload_id"] == first.json()["upload_id"]
        assert len(api.orchestrator.orders) == 1

    def test_should_start_the_run_when_an_earlier_call_died_before_it(self, api: Api) -> None:
        body = single()
        api.orchestrator.is_reachable = False
        assert api.post("/conversions/single", json=body).status_code == 503
        api.orchestrator.is_reachable = True
        again = api.post("/conversions/single", json=body)
        assert again.status_code == 200
        assert [order.conf["upload_id"] for order in api.orchestrator.orders] == [again.json()["upload_id"]]

    def test_should_answer_409_when_only_the_price_differs(self, api: Api) -> None:
        body = single(price=10)
        api.post("/conversions/single", json=body)
        answer = api.post("/conversions/single", json={**body, "price": 11})
        assert (answer.status_code, answer.json()["code"]) == (409, "already_sent")

    def test_should_warn_when_the_time_is_outside_the_window(self, api: Api) -> None:
        moment = (utc_now() - dt.timedelta(days=40)).strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = api.post("/conversions/single", json=single(date_time=moment))
        assert (answer.status_code, answer.json()["warnings"]) == (202, ["outside_match_window"])

    @pytest.mark.parametrize(
        ("change", "code", "pointer"),
        [
            ({"client_id": None}, "no_identifier", "/client_id"),
            ({"user_id": "u1"}, "several_identifiers", "/user_id"),
            ({"client_id": "abc"}, "bad_identifier", "/client_id"),
            ({"date_time": "2099-01-01T00:00:00"}, "future_time", "/date_time"),
            ({"date_time": "yesterday"}, "bad_time", "/date_time"),
            ({"price": -1}, "bad_price", "/price"),
            ({"price": 1.005}, "bad_price", "/price"),
            ({"price": True}, "value_error", "/price"),
            ({"price": 1e15}, "value_error", "/price"),
            ({"currency": "QQQ"}, "bad_currency", "/currency"),
            ({"target": ""}, "string_too_short", "/target"),
            ({"target": 5}, "string_type", "/target"),
            ({"mood": "good"}, "unknown_field", "/mood"),
        ],
    )
    def test_should_answer_422_when_a_value_is_wrong(
        self, api: Api, change: dict[str, Any], code: str, pointer: str
    ) -> None:
        answer = api.post("/conversions/single", json=single(**change))
        fault = answer.json()["errors"][0]
        assert (answer.status_code, fault["code"], fault["pointer"]) == (422, code, pointer)
        assert api.orchestrator.orders == []

    def test_should_answer_422_when_the_local_time_does_not_exist(self, api: Api) -> None:
        answer = api.post("/conversions/single", json=single(date_time="2011-03-27T02:30:00"))
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_time")


class TestUploadStatus:
    @pytest.mark.parametrize("upload_id", ["nothing", "0edc2b0e-e257-4980-b4a8-e821ec7a7aac", "a%00b"])
    def test_should_answer_404_when_the_upload_is_unknown(self, api: Api, upload_id: str) -> None:
        answer = api.get(f"/conversions/{upload_id}/status")
        assert (answer.status_code, answer.json()["code"]) == (404, "upload_unknown")
