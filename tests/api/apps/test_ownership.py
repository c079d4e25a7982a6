"""P4: a foreign app, no app, a foreign event: the same 404; keys and operators as the table of callers says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api_client import EDITOR, VIEWER, Api
from tests.signed_people import OwnApp, Person, created_app, signed_up

EVENT = {"events": [{"name": "tap", "attrs": [{"name": "x", "type": "integer"}]}]}
NOBODY = "00000000-0000-4000-8000-000000000001"
ABSENT = ("electronic-shop-" + NOBODY, "nothing", "DEFAULT", "a%00b", "%F0%9F%92%A9", "x" * 500)
CALLS: list[tuple[str, str, Any]] = [
    ("GET", "/apps/{}", None),
    ("PATCH", "/apps/{}", {"mode": "strict"}),
    ("POST", "/app/create_event/{}", EVENT),
    ("GET", "/apps/{}/schema", None),
    ("GET", "/apps/{}/keys", None),
    ("POST", "/apps/{}/keys", {"scopes": ["ingest"]}),
    ("POST", f"/apps/{{}}/keys/{NOBODY}/rotate", {}),
    ("DELETE", f"/apps/{{}}/keys/{NOBODY}", None),
]
READS = {("GET", "/apps/{}"), ("GET", "/apps/{}/schema"), ("GET", "/apps/{}/keys")}


@pytest.fixture
def owner(api: Api) -> Person:
    return signed_up(api)


@pytest.fixture
def own(api: Api, owner: Person) -> OwnApp:
    return created_app(api, owner)


def ask(api: Api, call: tuple[str, str, Any], app_code: str, token: str | None) -> Any:
    method, path, body = call
    return api.ask(method, path.format(app_code), token=token, **({} if body is None else {"json": body}))


def comparable(answer: Any) -> tuple[int, bytes]:
    """The body byte for byte, but for request id and instance."""
    body = {**answer.json(), "request_id": "", "instance": ""}
    return answer.status_code, json.dumps(body).encode()


class TestIdentical404:
    @pytest.mark.parametrize("role", ["student", "teacher"])
    @pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call[0]} {call[1]}")
    def test_should_answer_alike_for_foreign_and_absent_apps(
        self, api: Api, own: OwnApp, call: tuple[str, str, Any], role: str
    ) -> None:
        token = signed_up(api, role).token
        answers = {comparable(ask(api, call, code, token)) for code in (own.app_code, "default", *ABSENT)}
        assert len(answers) == 1
        ((status, body),) = answers
        assert (status, json.loads(body)["code"]) == (404, "app_unknown")

    def test_should_answer_alike_for_foreign_and_absent_events(self, api: Api, owner: Person, own: OwnApp) -> None:
        foreign = created_app(api, signed_up(api))
        event = api.post(f"/app/create_event/{foreign.app_code}", token=EDITOR, json=EVENT).json()["event_code"]
        path = f"/apps/{own.app_code}/schema?event_code="
        codes = (event, f"tap-{NOBODY}", "nothing", "%00", "%F0%9F%92%A9")
        answers = {comparable(api.get(path + code, token=owner.token)) for code in codes}
        assert [status for status, _ in answers] == [404]

    def test_should_answer_alike_for_foreign_and_absent_keys(self, api: Api, owner: Person, own: OwnApp) -> None:
        foreign = created_app(api)
        key_id = api.get(f"/apps/{foreign.app_code}/keys").json()["items"][0]["key_id"]
        path = f"/apps/{own.app_code}/keys/"
        answers = {
            comparable(api.ask("DELETE", path + one, token=owner.token)) for one in (key_id, NOBODY, "x", "%00", "%20")
        }
        assert [status for status, _ in answers] == [404]
        assert api.get(f"/apps/{foreign.app_code}/keys").json()["items"][0]["revoked_at"] is None

    def test_should_change_nothing_of_a_foreign_app(self, api: Api, owner: Person, own: OwnApp) -> None:
        before = api.get(f"/apps/{own.app_code}").json()
        stranger = signed_up(api).token
        for call in CALLS:
            ask(api, call, own.app_code, stranger)
        assert api.get(f"/apps/{own.app_code}").json() == before
        assert api.get(f"/apps/{own.app_code}/keys").json()["total"] == 1


class TestCallers:
    @pytest.mark.parametrize("call", CALLS[:6], ids=lambda call: f"{call[0]} {call[1]}")
    def test_should_let_owner_admin_and_operator_in(
        self, api: Api, owner: Person, own: OwnApp, call: tuple[str, str, Any]
    ) -> None:
        tokens = (owner.token, signed_up(api, "admin").token, EDITOR)
        statuses = [ask(api, call, own.app_code, token).status_code for token in tokens]
        assert set(statuses) <= {200, 201}

    @pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call[0]} {call[1]}")
    def test_should_let_an_operator_without_the_right_only_read(
        self, api: Api, own: OwnApp, call: tuple[str, str, Any]
    ) -> None:
        wanted = 200 if call[:2] in READS else 403
        assert ask(api, call, own.app_code, VIEWER).status_code == wanted

    @pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call[0]} {call[1]}")
    def test_should_let_a_key_only_read_the_schema_of_its_app(
        self, api: Api, own: OwnApp, call: tuple[str, str, Any]
    ) -> None:
        wanted = 200 if call[1].endswith("/schema") else 403
        assert ask(api, call, own.app_code, own.key).status_code == wanted

    def test_should_answer_403_alike_when_a_key_asks_for_another_app(self, api: Api, own: OwnApp) -> None:
        other = created_app(api).app_code
        answers = {comparable(api.get(f"/apps/{code}/schema", token=own.key)) for code in (other, "default", *ABSENT)}
        assert len(answers) == 1
        ((status, body),) = answers
        assert (status, json.loads(body)["code"]) == (403, "key_app_mismatch")

    def test_should_answer_403_when_the_key_has_another_scope(self, api: Api, owner: Person, own: OwnApp) -> None:
        path = f"/apps/{own.app_code}"
        key = api.post(f"{path}/keys", token=owner.token, json={"scopes": ["stats:read"]}).json()["api_token"]
        answer = api.get(f"{path}/schema", token=key)
        assert (answer.status_code, answer.json()["code"]) == (403, "key_scope")

    def test_should_lose_an_app_with_its_account(self, api: Api, owner: Person, own: OwnApp) -> None:
        api.ask("PUT", f"/auth/users/{owner.user_id}/active", json={"is_active": False})
        assert api.get(f"/apps/{own.app_code}", token=owner.token).status_code == 401
