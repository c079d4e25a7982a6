"""H2: the sample requests of the seed, as written, prefix added; answers have at least the seed's keys."""

from __future__ import annotations

import datetime as dt

import pytest

from include.days import utc_now
from tests.api_client import Api
from tests.conversion_days import ScoredDay

COUNTER = 123456
VISIT_KEYS = {"visitId", "clientId", "dateTime", "visitDuration"}


@pytest.fixture
def seed_task(api: Api) -> str:
    body = '{"date": "2025-07-01", "token": "<TOKEN>", "counter": 123456}'
    answer = api.post("/tasks", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, set(answer.json())) in ((202, {"task_id"}), (200, {"task_id"}))
    return str(answer.json()["task_id"])


class TestSeedSamples:
    def test_should_tell_the_status_when_asked(self, api: Api, seed_task: str) -> None:
        body = api.get(f"/tasks/{seed_task}/status").json()
        assert {"status", "progress", "message", "started_at", "finished_at", "error"} <= set(body)

    def test_should_say_not_finished_when_the_result_is_asked_early(self, api: Api, seed_task: str) -> None:
        assert api.get(f"/tasks/{seed_task}/result").json() == {"detail": "Task not finished"}

    def test_should_give_pages_when_the_task_is_finished(self, api: Api, day_task: str) -> None:
        whole = api.get(f"/tasks/{day_task}/result").json()
        paged = api.get(f"/tasks/{day_task}/result?limit=10&offset=20").json()
        assert set(whole["data"][0]) == VISIT_KEYS
        assert whole["pagination"] == {"total": 5, "limit": 100, "offset": 0, "has_more": False}
        assert paged["pagination"] == {"total": 5, "limit": 10, "offset": 20, "has_more": False}

    def test_should_take_bulk_conversions(self, api: Api, day_task: str, scored: ScoredDay) -> None:
        body = {"task_id": day_task, "target": "4plus", "counter": scored.counter_id, "token": "<TOKEN>"}
        answer = api.post("/conversions/bulk", json=body)
        assert (answer.status_code, answer.json()["status"]) == (202, "pending")
        listed = api.get(f"/tasks/{day_task}/conversions").json()
        assert [one["upload_id"] for one in listed] == [answer.json()["upload_id"]]
        assert {"upload_id", "status", "errors", "processed", "total"} <= set(listed[0])

    def test_should_take_a_single_conversion(self, api: Api, scored: ScoredDay, day_task: str) -> None:
        moment = (utc_now() - dt.timedelta(days=5)).strftime("%Y-%m-%dT12:00:00")
        body = {
            "client_id": "175085690441127503", "target": "purchase", "date_time": moment, "price": 1500.50,
            "currency": "RUB", "counter": scored.counter_id, "token": "<TOKEN>",
        }  # fmt: skip
        answer = api.post("/conversions/single", json=body)
        assert (answer.status_code, answer.json()["status"]) == (202, "pending")
        status = api.get(f"/conversions/{answer.json()['upload_id']}/status").json()
        assert {"upload_id", "status", "errors", "processed", "total"} <= set(status)

    def test_should_answer_the_sample_errors(self, api: Api) -> None:
        assert api.get("/tasks/unknown/status").json()["detail"] == "Task not found"
        assert isinstance(api.post("/tasks", json={"date": "07/01/2025"}).json()["detail"], list)
