"""The routes of signing in over HTTP; A1 and X9 among them."""

from __future__ import annotations

import logging
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, func, select

from include.state.tables import accounts
from tests.api_client import EDITOR, VIEWER, Api, Person, bearer

PASSWORD = "a long phrase 1"
AUTH_KEYS = {"access_token", "refresh_token", "token_type", "expires_in", "jwt_token", "user"}
USER_KEYS = {"id", "email", "name", "surname", "phone", "role", "is_active", "created_at"}


def new_email() -> str:
    return f"{uuid4().hex}@email.com"


def join(api: Api, token: str | None = None, **changes: Any) -> Any:
    body = {"email": new_email(), "password": PASSWORD, **changes}
    return api.post("/auth/register", token=token, json=body)


def enter(api: Api, person: Person, password: str = "") -> Any:
    body = {"email": person.email, "password": password or person.password}
    return api.post("/auth/login", token=None, json=body)


def refreshed(api: Api, token: str) -> Any:
    return api.post("/auth/refresh", token=None, json={"refresh_token": token})


def said(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


class TestRegister:
    def test_should_sign_in_when_an_account_was_made(self, api: Api) -> None:
        answer = join(api, name="theUser", surname="James", phone="12345")
        body = answer.json()
        assert (answer.status_code, set(body), set(body["user"])) == (201, AUTH_KEYS, USER_KEYS)
        assert (body["token_type"], body["expires_in"], body["jwt_token"]) == ("bearer", 1800, body["access_token"])
        assert (body["user"]["role"], body["user"]["phone"]) == ("student", "12345")
        assert answer.headers["cache-control"] == "no-store"
        assert api.get("/auth/me", token=body["access_token"]).json() == body["user"]

    def test_should_answer_409_when_the_email_differs_in_case_only(self, api: Api) -> None:
        email = new_email()
        join(api, email=email)
        assert said(join(api, email=f" {email.upper()} ")) == (409, "email_taken")

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"password": "12345"}, "/password"),
            ({"password": "x" * 129}, "/password"),
            ({"password": "john@email.com", "email": "john@email.com"}, "/password"),
            ({"email": "nobody"}, "/email"),
            ({"email": "x" * 250 + "@a.ru"}, "/email"),
            ({"role": "superuser"}, "/role"),
            ({"phone": 12345}, "/phone"),
            ({"name": "x" * 101}, "/name"),
            ({"is_admin": True}, "/is_admin"),
        ],
    )
    def test_should_answer_422_when_a_field_is_wrong(self, api: Api, changes: dict[str, Any], pointer: str) -> None:
        answer = join(api, **changes)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)

    @pytest.mark.parametrize("role", ["teacher", "admin"])
    @pytest.mark.parametrize("path", ["/auth/register", "/auth/signup"])
    def test_should_create_nothing_when_somebody_makes_himself_more(
        self, api: Api, state: Engine, role: str, path: str
    ) -> None:
        """A1."""
        email = new_email()
        body = {"email": email, "password": PASSWORD, "name": "a", "surname": "b", "role": role}
        tokens = (None, VIEWER, "nonsense", api.person().token, api.person("teacher").token)
        assert {said(api.post(path, token=token, json=body)) for token in tokens} == {(403, "role_not_allowed")}
        with state.connect() as connection:
            count = connection.execute(select(func.count()).where(accounts.c.email_key == email)).scalar()
        assert count == 0

    def test_should_give_the_role_when_an_admin_or_operator_asks(self, api: Api) -> None:
        admin = api.person("admin")
        roles = [join(api, token, role="teacher").json()["user"]["role"] for token in (admin.token, EDITOR)]
        assert roles == ["teacher", "teacher"]

    def test_should_refuse_roles_when_a_browser_session_comes_from_another_site(self, api: Api) -> None:
        headers = {"Cookie": f"_token={EDITOR}", "Origin": "http://evil.test"}
        body = {"email": new_email(), "password": PASSWORD, "role": "admin"}
        assert said(api.post("/auth/register", token=None, json=body, headers=headers)) == (403, "role_not_allowed")

    def test_should_be_closed_when_the_setting_says_so(self, api: Api, api_environ: dict[str, str]) -> None:
        closed = Api(api.orchestrator, {**api_environ, "AUTH_OPEN_REGISTRATION": "false"})
        assert said(join(closed)) == (403, "registration_closed")
        assert join(closed, EDITOR).status_code == 201
        closed.close()


class TestLogin:
    def test_should_give_tokens_when_the_password_is_right(self, api: Api) -> None:
        answer = enter(api, api.person())
        assert (answer.status_code, set(answer.json())) == (200, AUTH_KEYS)

    def test_should_answer_alike_when_email_password_or_account_is_wrong(self, api: Api) -> None:
        person, gone = api.person(), api.person()
        api.put(f"/auth/users/{gone.user_id}/active", json={"is_active": False})
        unknown = {"email": new_email(), "password": PASSWORD}
        answers = [
            enter(api, person, "another phrase"), enter(api, gone), api.post("/auth/signin", token=None, json=unknown),
        ]  # fmt: skip
        bodies = [{**answer.json(), "request_id": "", "instance": ""} for answer in answers]
        assert {said(answer) for answer in answers} == {(401, "invalid_credentials")}
        assert bodies[0] == bodies[1] == bodies[2]

    def test_should_answer_429_when_ten_tries_failed(self, api: Api) -> None:
        person = api.person()
        statuses = [enter(api, person, "wrong phrase").status_code for _ in range(11)]
        answer = enter(api, person)
        assert statuses == [401] * 10 + [429]
        assert (answer.status_code, 800 < int(answer.headers["retry-after"]) <= 900) == (429, True)


class TestRefresh:
    def test_should_give_a_new_pair_when_the_token_is_fresh(self, api: Api) -> None:
        person = api.person()
        answer = refreshed(api, person.refresh_token)
        assert (answer.status_code, set(answer.json())) == (200, AUTH_KEYS)
        assert answer.json()["refresh_token"] != person.refresh_token

    def test_should_end_the_session_when_a_token_comes_twice(self, api: Api) -> None:
        person = api.person()
        pair = refreshed(api, person.refresh_token).json()
        assert said(refreshed(api, person.refresh_token)) == (401, "refresh_reused")
        assert refreshed(api, pair["refresh_token"]).status_code == 401
        assert api.get("/auth/me", token=pair["access_token"]).status_code == 401

    @pytest.mark.parametrize("token", ["", "nothing", "x" * 5000, "ключ", "a" * 43])
    def test_should_answer_401_when_the_token_is_unknown(self, api: Api, token: str) -> None:
        assert said(refreshed(api, token)) == (401, "invalid_refresh")

    def test_should_renew_only_the_access_token_when_a_phone_asks(self, api: Api) -> None:
        person = api.person()
        answer = api.get("/auth/refresh", token=person.token)
        assert (answer.status_code, set(answer.json()), answer.headers["cache-control"]) == (
            200, {"jwt_token"}, "no-store",
        )  # fmt: skip
        assert api.get("/auth/me", token=answer.json()["jwt_token"]).status_code == 200
        assert refreshed(api, person.refresh_token).status_code == 200


class TestLogout:
    def test_should_end_this_session_alone(self, api: Api) -> None:
        person = api.person()
        other = enter(api, person).json()["access_token"]
        assert api.post("/auth/logout", token=person.token).status_code == 204
        assert api.get("/auth/me", token=person.token).status_code == 401
        assert said(refreshed(api, person.refresh_token)) == (401, "invalid_refresh")
        assert api.get("/auth/me", token=other).status_code == 200


class TestPassword:
    def test_should_end_all_sessions_when_it_is_changed(self, api: Api) -> None:
        person = api.person()
        other = enter(api, person).json()["access_token"]
        body = {"old": person.password, "new": "another phrase 2"}
        answer = api.put("/auth/me/password", token=person.token, json=body)
        assert (answer.status_code, answer.content) == (204, b"")
        assert {api.get("/auth/me", token=token).status_code for token in (person.token, other)} == {401}
        assert enter(api, person).status_code == 401
        assert enter(api, person, "another phrase 2").status_code == 200

    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [("wrong phrase", "another phrase 2", (401, "invalid_credentials")), ("", "short", (422, "bad_password"))],
    )
    def test_should_refuse_when_one_of_them_is_wrong(
        self, api: Api, old: str, new: str, expected: tuple[int, str]
    ) -> None:
        person = api.person()
        body = {"old": old or person.password, "new": new}
        assert said(api.put("/auth/me/password", token=person.token, json=body)) == expected
        assert api.get("/auth/me", token=person.token).status_code == 200


class TestTokens:
    """A1, X2: edited and stale tokens."""

    def test_should_refuse_every_forged_token(self, api: Api) -> None:
        forged = api.forged(api.person("admin"))
        statuses = {kind: api.get("/auth/users", token=token).status_code for kind, token in forged.items()}
        assert set(statuses.values()) == {401}, statuses

    def test_should_know_the_role_of_now_when_it_was_changed(self, api: Api) -> None:
        person = api.person("admin")
        api.person("admin")
        assert api.get("/auth/users", token=person.token).status_code == 200
        api.put(f"/auth/users/{person.user_id}/role", json={"role": "student"})
        assert api.get("/auth/users", token=person.token).status_code == 401
        renewed = refreshed(api, person.refresh_token).json()["access_token"]
        assert said(api.get("/auth/users", token=renewed)) == (403, "forbidden")

    def test_should_refuse_an_account_token_when_it_comes_as_a_browser_session(self, api: Api) -> None:
        cookie = {"Cookie": f"_token={api.person('admin').token}"}
        assert api.get("/auth/users", token=None, headers=cookie).status_code == 401


class TestSecrets:
    """X9: no password and no token in logs and answers."""

    def test_should_show_up_nowhere_when_requests_are_refused(self, api: Api, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        planted = "PlantedPassword1"
        person = api.person(password=planted)
        api.put("/auth/me/password", token=person.token, json={"old": planted + "x", "new": planted})
        bodies: list[tuple[str, Any]] = [
            ("/auth/register", {"email": person.email, "password": planted}),
            ("/auth/register", {"email": "x", "password": planted, "role": "admin"}),
            ("/auth/register", {"email": new_email(), "password": [planted]}),
            ("/auth/register", {"email": planted * 20, "password": "x"}),
            ("/auth/login", {"email": person.email, "password": planted + "!"}),
            ("/auth/login", {"email": 1, "password": planted, planted: 1}),
            ("/auth/refresh", {"refresh_token": person.refresh_token + "x"}),
            ("/auth/refresh", {"refresh_token": [person.refresh_token]}),
        ]
        refreshed(api, person.refresh_token)
        answers = [api.post(path, token=None, json=body) for path, body in bodies]
        answers += [refreshed(api, person.refresh_token), api.get("/auth/me", headers=bearer(person.token + "x"))]
        shown = "".join(answer.text for answer in answers)
        logged = "".join(record.getMessage() + str(record.exc_text) for record in caplog.records)
        for secret in (person.refresh_token, person.token):
            assert secret not in shown + logged
        assert planted not in logged
        assert {answer.status_code for answer in answers} == {401, 403, 409, 422}
        assert planted not in shown.replace("/" + planted, "").replace(f'"body", "{planted}"', "")
