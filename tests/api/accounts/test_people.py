"""Looking after accounts over HTTP; A7 among them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, update

from include.state.tables import accounts
from tests.api_client import EDITOR, VIEWER, Api


@pytest.fixture
def no_admins(state: Engine) -> None:
    with state.begin() as connection:
        connection.execute(update(accounts).values(role="student"))


def said(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


class TestUsers:
    def test_should_list_accounts_when_an_admin_or_operator_asks(self, api: Api) -> None:
        teacher, admin = api.person("teacher"), api.person("admin")
        for token in (admin.token, VIEWER):
            body = api.get("/auth/users", token=token, params={"email": teacher.email[:20]}).json()
            assert (body["total"], body["items"][0]["id"], body["has_more"]) == (1, teacher.user_id, False)
            assert "password" not in str(body)

    def test_should_page_when_there_are_more(self, api: Api) -> None:
        api.person("teacher")
        api.person("teacher")
        body = api.get("/auth/users", params={"role": "teacher", "limit": 1, "offset": 0}).json()
        assert (len(body["items"]), body["limit"], body["offset"], body["has_more"]) == (1, 1, 0, True)

    @pytest.mark.parametrize("query", ["limit=0", "limit=1001", "offset=-1", "role=boss", "page=1", "limit=1&limit=2"])
    def test_should_answer_422_when_the_query_is_wrong(self, api: Api, query: str) -> None:
        assert api.get(f"/auth/users?{query}").status_code == 422


class TestRole:
    def test_should_give_the_role_when_an_admin_or_operator_asks(self, api: Api) -> None:
        person, admin = api.person(), api.person("admin")
        for token, role in ((admin.token, "teacher"), (EDITOR, "student")):
            answer = api.put(f"/auth/users/{person.user_id}/role", token=token, json={"role": role})
            assert (answer.status_code, answer.json()["role"]) == (200, role)

    @pytest.mark.parametrize("user_id", ["00000000-0000-4000-8000-000000000001", "nobody", "%00"])
    def test_should_answer_404_when_there_is_no_such_account(self, api: Api, user_id: str) -> None:
        assert said(api.put(f"/auth/users/{user_id}/role", json={"role": "teacher"})) == (404, "account_unknown")

    def test_should_answer_422_when_there_is_no_such_role(self, api: Api) -> None:
        person = api.person()
        assert said(api.put(f"/auth/users/{person.user_id}/role", json={"role": "boss"})) == (422, "bad_role")

    @pytest.mark.usefixtures("no_admins")
    @pytest.mark.parametrize(("what", "body"), [("role", {"role": "teacher"}), ("active", {"is_active": False})])
    def test_should_answer_409_when_it_would_leave_no_admin(self, api: Api, what: str, body: dict[str, Any]) -> None:
        """A7."""
        admin = api.person("admin")
        path = f"/auth/users/{admin.user_id}/{what}"
        assert said(api.put(path, json=body)) == (409, "last_admin")
        api.person("admin")
        assert api.put(path, json=body).status_code == 200


class TestActive:
    def test_should_end_all_sessions_when_an_account_is_switched_off(self, api: Api) -> None:
        person = api.person()
        answer = api.put(f"/auth/users/{person.user_id}/active", json={"is_active": False})
        assert (answer.status_code, answer.json()["is_active"]) == (200, False)
        assert api.get("/auth/me", token=person.token).status_code == 401
        body = {"refresh_token": person.refresh_token}
        assert api.post("/auth/refresh", token=None, json=body).status_code == 401

    @pytest.mark.parametrize("value", ["false", 0, None])
    def test_should_answer_422_when_it_is_not_said_clearly(self, api: Api, value: Any) -> None:
        person = api.person()
        assert api.put(f"/auth/users/{person.user_id}/active", json={"is_active": value}).status_code == 422
