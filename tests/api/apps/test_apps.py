from __future__ import annotations

import re
import uuid
from typing import Any

import pytest

from tests.api_client import OTHER, VIEWER, Api
from tests.signed_people import created_app, signed_up

TOKEN = re.compile(r"cfk_[0-9a-f]{8}_[0-9A-Za-z]{32}")
APP_KEYS = {
    "api_token", "app_code", "app_name", "owner", "mode", "timezone", "max_age_days", "aliases", "schema_revision",
    "created_at",
}  # fmt: skip


def code_and_pointer(answer: Any) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["code"], body["errors"][0]["pointer"] if "errors" in body else ""


class TestCreate:
    def test_should_answer_with_token_and_code(self, api: Api) -> None:
        name = f"Electronic-Shop {uuid.uuid4().hex}"
        body = api.post("/app/create", token=signed_up(api).token, json={"app_name": name}).json()
        assert set(body) == {"api_token", "app_code"}
        assert TOKEN.fullmatch(body["api_token"])
        word, code = body["app_code"][:-37], body["app_code"][-36:]
        assert (word, str(uuid.UUID(code))) == (name.lower().replace(" ", "-"), code)

    def test_should_make_a_key_that_only_sends_events(self, api: Api) -> None:
        owner = signed_up(api)
        app = created_app(api, owner)
        (key,) = api.get(f"/apps/{app.app_code}/keys", token=owner.token).json()["items"]
        assert (key["scopes"], key["expires_at"], key["revoked_at"]) == (["ingest"], None, None)

    @pytest.mark.parametrize("again", ["shop {}", " Shop {} ", "SHOP {}", "\uff33hop {}"])
    def test_should_answer_400_when_the_owner_has_one_of_this_name(self, api: Api, again: str) -> None:
        owner, tail = signed_up(api), uuid.uuid4().hex
        api.post("/app/create", token=owner.token, json={"app_name": f"shop {tail}"})
        answer = api.post("/app/create", token=owner.token, json={"app_name": again.format(tail)})
        assert (answer.status_code, answer.json()["code"]) == (400, "app_exists")
        assert api.get("/apps", token=owner.token).json()["total"] == 1

    def test_should_take_the_same_name_of_another_owner(self, api: Api) -> None:
        first, second = (created_app(api, signed_up(api), app_name="shop") for _ in range(2))
        assert first.app_code != second.app_code

    def test_should_belong_to_the_operator_who_creates_it(self, api: Api) -> None:
        app = created_app(api)
        assert api.get(f"/apps/{app.app_code}").json()["owner"] == "airflow:erin"

    @pytest.mark.parametrize("role", ["student", "teacher", "admin"])
    def test_should_let_every_account_create(self, api: Api, role: str) -> None:
        person = signed_up(api, role)
        app = created_app(api, person)
        assert api.get(f"/apps/{app.app_code}", token=person.token).json()["owner"] == person.name

    @pytest.mark.parametrize(
        ("body", "code", "pointer"),
        [
            ({}, "missing", "/app_name"),
            ({"app_name": ""}, "string_too_short", "/app_name"),
            ({"app_name": "  "}, "bad_name", "/app_name"),
            ({"app_name": "x" * 101}, "bad_name", "/app_name"),
            ({"app_name": "a\nb"}, "bad_name", "/app_name"),
            ({"app_name": 5}, "string_type", "/app_name"),
            ({"app_name": "a", "timezone": "Moscow"}, "bad_zone", "/timezone"),
            ({"app_name": "a", "timezone": "../UTC"}, "bad_zone", "/timezone"),
            ({"app_name": "a", "mode": "loose"}, "bad_mode", "/mode"),
            ({"app_name": "a", "color": "red"}, "unknown_field", "/color"),
        ],
    )
    def test_should_answer_422_when_a_value_cannot_be(self, api: Api, body: Any, code: str, pointer: str) -> None:
        owner = signed_up(api)
        answer = api.post("/app/create", token=owner.token, json=body)
        assert code_and_pointer(answer) == (422, code, pointer)
        assert api.get("/apps", token=owner.token).json()["total"] == 0

    def test_should_answer_401_when_nobody_asks_and_403_when_a_reader_or_a_key_does(self, api: Api) -> None:
        key, body = created_app(api).key, {"app_name": "a"}
        statuses = [api.post("/app/create", token=token, json=body).status_code for token in (None, VIEWER, key)]
        assert statuses == [401, 403, 403]

    def test_should_name_a_word_when_the_name_has_no_ascii_letter(self, api: Api) -> None:
        app = created_app(api, signed_up(api), app_name="Магазин")
        assert re.fullmatch(r"app-[0-9a-f-]{36}", app.app_code)


class TestList:
    def test_should_show_own_apps_to_accounts_in_order(self, api: Api) -> None:
        owner = signed_up(api)
        codes = [created_app(api, owner).app_code for _ in range(3)]
        created_app(api, signed_up(api))
        body = api.get("/apps?limit=2&offset=1", token=owner.token).json()
        assert [item["app_code"] for item in body["items"]] == codes[1:]
        assert {name: body[name] for name in ("total", "limit", "offset", "has_more")} == {
            "total": 3, "limit": 2, "offset": 1, "has_more": False,
        }  # fmt: skip

    @pytest.mark.parametrize("token", [VIEWER, OTHER])
    def test_should_show_all_apps_to_operators(self, api: Api, token: str) -> None:
        app = created_app(api, signed_up(api))
        body = api.get("/apps?limit=1000", token=token).json()
        assert {app.app_code, "default"} <= {item["app_code"] for item in body["items"]}

    @pytest.mark.parametrize("query", ["limit=0", "limit=1001", "offset=-1", "owner=x"])
    def test_should_answer_422_when_the_page_cannot_be(self, api: Api, query: str) -> None:
        assert api.get(f"/apps?{query}").status_code == 422


class TestShow:
    def test_should_mask_the_token(self, api: Api) -> None:
        owner = signed_up(api)
        app = created_app(api, owner, timezone="Europe/Moscow", mode="strict")
        answer = api.get(f"/apps/{app.app_code}", token=owner.token)
        body = answer.json()
        assert set(body) == APP_KEYS
        assert body["api_token"] == app.key[:12] + "_********"
        assert app.key[13:] not in answer.text
        assert (body["timezone"], body["mode"], body["max_age_days"], body["aliases"]) == (
            "Europe/Moscow", "strict", 90, {"view_page": "page_view"},
        )  # fmt: skip

    def test_should_show_no_token_when_every_sending_key_is_revoked(self, api: Api) -> None:
        app = created_app(api)
        (key,) = api.get(f"/apps/{app.app_code}/keys").json()["items"]
        api.post(f"/apps/{app.app_code}/keys", json={"scopes": ["stats:read"]})
        api.ask("DELETE", f"/apps/{app.app_code}/keys/{key['key_id']}")
        assert api.get(f"/apps/{app.app_code}").json()["api_token"] is None


class TestChange:
    def test_should_change_what_is_named_and_leave_the_rest(self, api: Api) -> None:
        owner = signed_up(api)
        path = f"/apps/{created_app(api, owner).app_code}"
        before = api.get(path, token=owner.token).json()
        changes = {"mode": "strict", "max_age_days": 30}
        after = api.ask("PATCH", path, token=owner.token, json=changes).json()
        assert after == {**before, **changes, "schema_revision": before["schema_revision"] + 1}
        assert api.get(path, token=owner.token).json() == after

    @pytest.mark.parametrize("body", [{}, {"mode": None}, {"mode": "lenient", "timezone": "UTC"}])
    def test_should_not_grow_the_revision_when_nothing_changes(self, api: Api, body: Any) -> None:
        path = f"/apps/{created_app(api).app_code}"
        answer = api.ask("PATCH", path, json=body)
        assert (answer.status_code, answer.json()["schema_revision"]) == (200, 0)

    def test_should_spell_aliases_in_one_way(self, api: Api) -> None:
        path = f"/apps/{created_app(api).app_code}"
        body = api.ask("PATCH", path, json={"aliases": {"View Page": "Page view", "открыл": "page_view"}}).json()
        assert body["aliases"] == {"view_page": "page_view", "открыл": "page_view"}

    @pytest.mark.parametrize(
        ("body", "code", "pointer"),
        [
            ({"mode": "loose"}, "bad_mode", "/mode"),
            ({"timezone": "Mars/Base"}, "bad_zone", "/timezone"),
            ({"max_age_days": 0}, "greater_than_equal", "/max_age_days"),
            ({"max_age_days": 3651}, "less_than_equal", "/max_age_days"),
            ({"max_age_days": 1.5}, "int_type", "/max_age_days"),
            ({"aliases": {"!!": "page_view"}}, "bad_name", "/aliases/!!"),
            ({"aliases": {"a/b": "!"}}, "bad_name", "/aliases/a~1b"),
            ({"aliases": {"a": "a"}}, "bad_alias", "/aliases/a"),
            ({"aliases": {"a": "b", "b": "c"}}, "bad_alias", "/aliases/a"),
            ({"aliases": {"a": "c", "A ": "d"}}, "bad_alias", "/aliases/A "),
            ({"aliases": {f"a{n}": "b" for n in range(101)}}, "too_long", "/aliases"),
            ({"app_name": "other"}, "unknown_field", "/app_name"),
            ({"owner": "me"}, "unknown_field", "/owner"),
        ],
    )
    def test_should_answer_422_and_change_nothing_when_a_value_cannot_be(
        self, api: Api, body: Any, code: str, pointer: str
    ) -> None:
        path = f"/apps/{created_app(api).app_code}"
        assert code_and_pointer(api.ask("PATCH", path, json=body)) == (422, code, pointer)
        assert api.get(path).json()["schema_revision"] == 0

    def test_should_answer_409_when_an_alias_is_a_registered_event(self, api: Api) -> None:
        app = created_app(api)
        api.post(f"/app/create_event/{app.app_code}", json={"events": [{"name": "tap"}]})
        answer = api.ask("PATCH", f"/apps/{app.app_code}", json={"aliases": {"TAP": "click"}})
        assert (answer.status_code, answer.json()["code"]) == (409, "alias_taken")
