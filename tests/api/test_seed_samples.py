"""H2: the sample requests of the seed, as written, prefix added; answers have at least the seed's keys."""

from __future__ import annotations

import datetime as dt
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from include.days import utc_now
from include.events.loading.load_events import load_events
from include.metrics.recalculating.job import recalculate
from include.metrics.recalculating.orders import Order
from include.settings import Settings
from include.warehouse.client import Warehouse
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


class TestLearningSeed:
    """The calls of the learning platform's document."""

    def test_should_register_login_refresh_and_take_a_batch(self, api: Api) -> None:
        body = {"email": f"{uuid4().hex}@email.com", "password": "a long phrase 1"}
        assert api.post("/auth/register", token=None, json=body).status_code == 201
        pair = api.post("/auth/login", token=None, json=body).json()
        answer = api.post("/auth/refresh", token=None, json={"refresh_token": pair["refresh_token"]})
        assert {"access_token", "refresh_token"} <= set(answer.json())
        event = {
            "id": str(uuid4()), "user_id": answer.json()["user"]["id"], "course_id": str(uuid4()),
            "module_id": str(uuid4()), "event_type": "task_start",
            "timestamp": utc_now().isoformat(), "payload": {"task_id": "t1"},
        }  # fmt: skip
        taken = api.post("/api/v1/events", token=answer.json()["access_token"], json={"events": [event]})
        assert (taken.status_code, taken.json()["accepted"]) == (202, 1)

    def test_should_calculate_and_read_metrics(self, api: Api, warehouse: Warehouse, state: Engine) -> None:
        course, teacher, now = str(uuid4()), api.person("teacher"), utc_now()
        assert api.put(f"/api/v1/courses/{course}", json={"teachers": [teacher.user_id]}).status_code == 200
        user, moment = str(uuid4()), now - dt.timedelta(days=1)
        events = [
            {
                "id": str(uuid4()), "user_id": user, "course_id": course, "module_id": str(uuid4()),
                "event_type": kind, "timestamp": moment.isoformat(), "payload": {"task_id": "t1"},
            }
            for kind in ("task_start", "task_success")
        ]  # fmt: skip
        assert api.post("/api/v1/events", json={"events": events}).status_code == 202
        settings = Settings.from_env(api.environ)
        load_events(warehouse, state, settings.intake, run_id="test")
        period = {
            "period_start": f"{moment.date()}T00:00:00Z",
            "period_end": f"{moment.date() + dt.timedelta(days=1)}T00:00:00Z",
        }
        asked = {"course_id": course, **period, "metrics": ["completion", "engagement"]}
        taken = api.post("/api/v1/metrics/calculate", token=teacher.token, json=asked)
        assert (taken.status_code, set(taken.json())) == (202, {"task_id", "metrics"})
        bounds = tuple(dt.datetime.fromisoformat(text) for text in period.values())
        order = Order(project="default", courses=(course,), metrics=("completion", "engagement"), bounds=bounds)
        recalculate(warehouse, state, settings, order, run_id=taken.json()["task_id"])
        query = {**period, "metrics": ["engagement", "completion"]}
        values = api.get(f"/api/v1/metrics/user/{user}", token=teacher.token, params=query).json()
        figures = api.get(f"/api/v1/analytics/course/{course}", token=teacher.token, params=query).json()
        assert [(one["metric_name"], one["value"]) for one in values] == [
            ("engagement_score", 3.5), ("completion_rate", 1.0),
        ]  # fmt: skip
        assert [one["average_value"] for one in figures] == [3.5, 1.0]
        keys = {"metric_name", "course_id", "period_start", "period_end"}
        assert keys | {"user_id", "module_id", "value", "calculated_at"} <= set(values[0])
        assert keys | {"average_value"} <= set(figures[0])


class TestMobileSeed:
    """The calls of the mobile statistics' document; its password of five characters is replaced."""

    def test_should_walk_from_signup_to_statistics(self, api: Api) -> None:
        email = f"{uuid4().hex}@email.com"
        person = {"name": "theUser", "surname": "James", "email": email, "password": "12345 67890", "phone": "12345"}
        assert {"jwt_token"} <= set(api.post("/auth/signup", token=None, json=person).json())
        entering = {"email": email, "password": "12345 67890"}
        token = api.post("/auth/signin", token=None, json=entering).json()["jwt_token"]
        token = api.get("/auth/refresh", token=token).json()["jwt_token"]
        made = api.post("/app/create", token=token, json={"app_name": "electronic-shop"})
        again = api.post("/app/create", token=token, json={"app_name": "electronic-shop"})
        assert (made.status_code, again.status_code) == (200, 400)
        app_code, key = made.json()["app_code"], made.json()["api_token"]
        attrs = [{"name": "product_name", "type": "string"}, {"name": "quantity", "type": "integer"}]
        events = {"events": [{"name": "number of product views", "attrs": attrs}]}
        event_code = api.post(f"/app/create_event/{app_code}", token=token, json=events).json()["event_code"]
        masked = api.get(f"/apps/{app_code}", token=token).json()
        assert masked["app_code"] == app_code
        assert masked["api_token"].endswith("_********")
        message = {
            "user_code": "user_code_uuid", "event_name": "number_of_product_views",
            "attrs": [
                {"name": "product_name", "type": "string", "value": "diode"},
                {"name": "quantity", "type": "integer", "value": 2},
            ],
        }  # fmt: skip
        assert api.post(f"/apps/{app_code}", token=key, json=message).json()["status"] == "accepted"
        shown = api.get(f"/apps/{app_code}/{event_code}", token=token)
        assert (shown.status_code, isinstance(shown.json(), list)) == (200, True)
        assert api.post("/app/create", token=None, json={"app_name": "other"}).status_code == 401
        assert api.get(f"/apps/{app_code}/{event_code}", token=api.person().token).status_code == 404
