"""Activities over HTTP: recorded, read at once from the inbox, loaded, listed newest first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from include.days import utc_now
from include.events.loading.load_events import load_events
from include.settings import Settings
from include.warehouse.client import Warehouse
from tests.api_client import EDITOR, VIEWER, Api

HOSTILE = ("' OR 1=1 --", "a\tb\nc\\d\re", "\\N", "\\\\t", '"}', "ёж🦔\u202e", "%(x)s {y}", "</td>", "x" * 128)


@pytest.fixture
def project(api: Api) -> str:
    return str(api.post("/app/create", json={"app_name": f"shop {uuid4().hex}"}).json()["app_code"])


@pytest.fixture
def load(api: Api, warehouse: Warehouse, state: Engine) -> Iterator[Any]:
    settings = Settings.from_env(api.environ).intake

    def run() -> None:
        load_events(warehouse, state, settings, run_id=f"test{uuid4().hex[:8]}")

    yield run
    run()


def record(api: Api, project: str, **activity: Any) -> dict[str, Any]:
    body = {"action_type": "view_product", **activity}
    answer = api.post(f"/api/activities?project={project}", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def shown(api: Api, project: str, activity_id: str) -> Any:
    return api.get(f"/api/activities/{activity_id}", params={"project": project}, token=VIEWER)


def stamp(**before: float) -> str:
    return (utc_now() - dt.timedelta(**before)).isoformat(timespec="milliseconds")


class TestOneActivity:
    def test_should_be_the_same_before_and_after_it_is_loaded(self, api: Api, project: str, load: Any) -> None:
        made = record(
            api, project, customer_id=3, session_id="s-1", details={"product_id": 4, "tags": ["a"], "price": 1.5},
            ip_address="203.0.113.7", user_agent="Mozilla/5.0", timestamp=stamp(hours=1),
        )  # fmt: skip
        waiting = shown(api, project, made["id"]).json()
        load()
        loaded = shown(api, project, made["id"]).json()
        assert waiting == loaded
        known = {key: value for key, value in made.items() if key != "timestamp"}
        assert {key: value for key, value in loaded.items() if key != "timestamp"} == known
        assert dt.datetime.fromisoformat(loaded["timestamp"]) == dt.datetime.fromisoformat(made["timestamp"])

    @pytest.mark.parametrize("text", HOSTILE)
    def test_should_come_back_whole_when_texts_are_hostile(self, api: Api, project: str, load: Any, text: str) -> None:
        made = record(
            api, project, customer_id=f"c {text[:100]}".replace("\t", " ").replace("\n", " ").replace("\r", " "),
            details={"note": text, text[:60]: text}, user_agent=text,
        )  # fmt: skip
        waiting = shown(api, project, made["id"]).json()
        load()
        assert shown(api, project, made["id"]).json() == waiting
        assert (waiting["details"], waiting["user_agent"]) == ({"note": text, text[:60]: text}, text)

    def test_should_be_somebody_unknown_when_there_is_no_customer(self, api: Api, project: str) -> None:
        found = shown(api, project, record(api, project)["id"]).json()
        assert (found["customer_id"], found["session_id"], found["ip_address"]) == (None, None, None)

    def test_should_be_found_by_the_id_it_was_sent_with(self, api: Api, project: str) -> None:
        made = record(api, project, id="click 17")
        assert shown(api, project, "click 17").json() == shown(api, project, made["id"]).json()

    def test_should_be_found_among_many_of_a_batch(self, api: Api, project: str) -> None:
        ids = [str(uuid4()) for _ in range(50)]
        events = [
            {"event_id": one, "event_name": "click", "source": "web", "occurred_at": stamp(minutes=1),
             "subject": {"customer_id": place}, "props": {"place": place}} for place, one in enumerate(ids)
        ]  # fmt: skip
        answer = api.post("/api/v1/events", params={"project": project}, json={"events": events})
        assert answer.status_code == 202, answer.text
        assert shown(api, project, ids[37]).json()["details"] == {"place": 37}

    def test_should_be_absent_when_it_is_of_another_project_or_a_learning_event(self, api: Api, project: str) -> None:
        made = record(api, project)
        event = {"id": str(uuid4()), "user_id": "l1", "event_type": "scroll", "timestamp": stamp(minutes=1)}
        assert api.post("/api/v1/events", params={"project": project}, json=[event]).status_code == 202
        for where, what in (("default", made["id"]), (project, event["id"]), (project, str(uuid4())), (project, "%00")):
            assert (shown(api, where, what).status_code, shown(api, where, what).json()["code"]) == (
                404,
                "activity_unknown",
            )


class TestList:
    def test_should_give_pages_newest_first(self, api: Api, project: str, load: Any) -> None:
        made = [record(api, project, timestamp=stamp(minutes=n), details={"n": n}) for n in (3, 1, 2, 5, 4)]
        load()
        first = api.get("/api/activities", params={"project": project, "limit": 2}).json()
        rest = api.get("/api/activities", params={"project": project, "skip": 2, "limit": 10}).json()
        assert [one["details"]["n"] for one in [*first["data"], *rest["data"]]] == [1, 2, 3, 4, 5]
        assert (first["totalCount"], rest["totalCount"], len(made)) == (5, 5, 5)

    def test_should_hold_what_passes_all_filters(self, api: Api, project: str, load: Any) -> None:
        for customer, session, action, minutes in (
            (1, "a", "view_page", 1), (1, "b", "search", 2), (2, "a", "Search", 3), ("x", "a", "search", 4)
        ):  # fmt: skip
            record(
                api, project, customer_id=customer, session_id=session, action_type=action,
                timestamp=stamp(minutes=minutes),
            )  # fmt: skip
        load()

        def customers(**wanted: Any) -> list[Any]:
            found = api.get("/api/activities", params={"project": project, **wanted}).json()
            assert found["totalCount"] == len(found["data"])
            return [one["customer_id"] for one in found["data"]]

        assert customers() == [1, 1, 2, "x"]
        assert customers(customer_id=1) == [1, 1]
        assert customers(session_id="a") == [1, 2, "x"]
        assert customers(action_type="SEARCH") == [1, 2, "x"]
        assert customers(action_type="view page") == customers(action_type="page_view") == [1]
        assert customers(start_time=stamp(minutes=3.5)) == [1, 1, 2]
        assert customers(end_time=stamp(minutes=1.5), session_id="a") == [2, "x"]
        assert customers(customer_id="' OR 1=1 --") == []

    @pytest.mark.parametrize(
        "query",
        ["skip=-1", "limit=0", "limit=10001", "start_time=now", "start_time=2025-01-02&end_time=2025-01-01",
         "action_type=%20", "colour=red"],
    )  # fmt: skip
    def test_should_answer_422_when_a_parameter_cannot_be_used(self, api: Api, query: str) -> None:
        assert api.get(f"/api/activities?{query}").status_code == 422

    def test_should_answer_404_when_there_is_no_such_project(self, api: Api) -> None:
        assert api.get("/api/activities?project=absent").status_code == 404


class TestSession:
    def test_should_tell_the_steps_in_order_and_which_one_was_asked(self, api: Api, project: str, load: Any) -> None:
        made = [record(api, project, session_id="s-1", timestamp=stamp(minutes=n), details={"n": n}) for n in (2, 3)]
        record(api, project, session_id="s-2")
        load()
        last = record(api, project, session_id="s-1", timestamp=stamp(minutes=1), details={"n": 1})  # not loaded
        path = f"/api/activities/{last['id']}/context/session_history"
        steps = api.get(path, params={"project": project}).json()
        assert [(step["id"], step["is_current_anomaly"]) for step in steps] == [
            (made[1]["id"], False), (made[0]["id"], False), (last["id"], True)
        ]  # fmt: skip
        assert set(steps[0]) == {"id", "timestamp", "action_type", "details", "session_id", "is_current_anomaly"}

    def test_should_be_refused_when_there_is_no_session_or_no_activity(self, api: Api, project: str) -> None:
        without = record(api, project)["id"]
        statuses = [
            api.get(f"/api/activities/{one}/context/session_history", params={"project": project}).status_code
            for one in (without, str(uuid4()))
        ]
        assert statuses == [400, 404]


class TestCallers:
    def test_should_let_operators_and_admins_read_and_nobody_else(self, api: Api, project: str) -> None:
        body = {"email": f"{uuid4().hex}@email.com", "password": "correct horse"}
        student = api.post("/auth/register", token=None, json=body).json()["access_token"]
        admin = api.post(
            "/auth/register", token=EDITOR, json={**body, "email": f"{uuid4().hex}@email.com", "role": "admin"}
        ).json()["access_token"]
        statuses = [api.get("/api/activities", token=token).status_code for token in (VIEWER, admin, student, None)]
        assert statuses == [200, 200, 403, 401]
