from __future__ import annotations

import re
from typing import Any

import pytest

from include.accounts.keys import MOST_ACTIVE
from tests.api_client import Api
from tests.signed_people import OwnApp, created_app

TOKEN = re.compile(r"cfk_[0-9a-f]{8}_[0-9A-Za-z]{32}")


@pytest.fixture
def own(api: Api) -> OwnApp:
    return created_app(api)


def make(api: Api, app: OwnApp, **body: Any) -> Any:
    return api.post(f"/apps/{app.app_code}/keys", json={"scopes": ["ingest"], **body})


class TestCreate:
    def test_should_show_the_secret_once(self, api: Api, own: OwnApp) -> None:
        answer = make(
            api, own, scopes=["stats:read", "backfill"], label="night job", expires_at="2090-01-01T03:00:00+03:00"
        )
        body = answer.json()
        assert answer.status_code == 201
        assert TOKEN.fullmatch(body["api_token"])
        assert (body["scopes"], body["label"], body["expires_at"]) == (
            ["backfill", "stats:read"], "night job", "2090-01-01T00:00:00.000Z",
        )  # fmt: skip
        listed = api.get(f"/apps/{own.app_code}/keys")
        assert body["api_token"].split("_")[2] not in listed.text
        assert listed.json()["items"][1] == {k: v for k, v in body.items() if k not in ("api_token", "app_code")}

    def test_should_act_at_once(self, api: Api, own: OwnApp) -> None:
        key = make(api, own).json()["api_token"]
        assert api.get(f"/apps/{own.app_code}/schema", token=key).status_code == 200
        assert api.get(f"/apps/{own.app_code}/keys").json()["items"][1]["last_used_at"].endswith(":00.000Z")

    @pytest.mark.parametrize(
        ("body", "code", "pointer"),
        [
            ({"scopes": []}, "too_short", "/scopes"),
            ({"scopes": ["admin"]}, "bad_scope", "/scopes"),
            ({"scopes": "ingest"}, "list_type", "/scopes"),
            ({"scopes": [1]}, "string_type", "/scopes/0"),
            ({"label": "x" * 101}, "string_too_long", "/label"),
            ({"expires_at": "2020-01-01T00:00:00Z"}, "bad_expiry", "/expires_at"),
            ({"expires_at": "2090-01-01T00:00:00"}, "bad_time", "/expires_at"),
            ({"expires_at": "9999-12-31T23:59:59-23:59"}, "bad_time", "/expires_at"),
            ({"expires_at": "tomorrow"}, "bad_time", "/expires_at"),
            ({"expires_at": 4102444800}, "bad_time", "/expires_at"),
            ({"secret": "mine"}, "unknown_field", "/secret"),
        ],
    )
    def test_should_answer_422_when_a_value_cannot_be(
        self, api: Api, own: OwnApp, body: Any, code: str, pointer: str
    ) -> None:
        answer = make(api, own, **body)
        error = answer.json()["errors"][0]
        assert (answer.status_code, error["code"], error["pointer"]) == (422, code, pointer)
        assert api.get(f"/apps/{own.app_code}/keys").json()["total"] == 1

    def test_should_answer_409_when_the_app_has_twenty_active_keys(self, api: Api, own: OwnApp) -> None:
        made = [make(api, own) for _ in range(MOST_ACTIVE - 1)]
        refused = make(api, own)
        assert (refused.status_code, refused.json()["code"]) == (409, "too_many_keys")
        api.ask("DELETE", f"/apps/{own.app_code}/keys/{made[0].json()['key_id']}")
        assert make(api, own).status_code == 201


class TestRevoke:
    def test_should_answer_204_twice_and_keep_the_first_time(self, api: Api, own: OwnApp) -> None:
        path = f"/apps/{own.app_code}/keys"
        key_id = api.get(path).json()["items"][0]["key_id"]
        first = api.ask("DELETE", f"{path}/{key_id}")
        revoked_at = api.get(path).json()["items"][0]["revoked_at"]
        second = api.ask("DELETE", f"{path}/{key_id}")
        assert (first.status_code, first.content, second.status_code) == (204, b"", 204)
        assert revoked_at is not None
        assert api.get(path).json()["items"][0]["revoked_at"] == revoked_at

    def test_should_refuse_the_key_when_it_was_not_in_use(self, api: Api, own: OwnApp) -> None:
        key_id = api.get(f"/apps/{own.app_code}/keys").json()["items"][0]["key_id"]
        api.ask("DELETE", f"/apps/{own.app_code}/keys/{key_id}")
        assert api.get(f"/apps/{own.app_code}/schema", token=own.key).status_code == 401


class TestRotate:
    def test_should_replace_a_key_with_its_scopes_and_label(self, api: Api, own: OwnApp) -> None:
        old = make(api, own, scopes=["stats:read"], label="board").json()
        answer = api.post(f"/apps/{own.app_code}/keys/{old['key_id']}/rotate", json={})
        new = answer.json()
        assert (answer.status_code, new["scopes"], new["label"]) == (201, ["stats:read"], "board")
        assert new["api_token"] != old["api_token"]
        rows = api.get(f"/apps/{own.app_code}/keys").json()["items"]
        assert [row["revoked_at"] is None for row in rows] == [True, False, True]

    def test_should_take_both_keys_during_the_overlap(self, api: Api, own: OwnApp) -> None:
        key_id = api.get(f"/apps/{own.app_code}/keys").json()["items"][0]["key_id"]
        new = api.post(f"/apps/{own.app_code}/keys/{key_id}/rotate", json={"overlap_seconds": 600}).json()
        tokens = (own.key, new["api_token"])
        assert [api.get(f"/apps/{own.app_code}/schema", token=token).status_code for token in tokens] == [200, 200]

    def test_should_answer_409_when_the_key_is_revoked(self, api: Api, own: OwnApp) -> None:
        key_id = api.get(f"/apps/{own.app_code}/keys").json()["items"][0]["key_id"]
        api.ask("DELETE", f"/apps/{own.app_code}/keys/{key_id}")
        answer = api.post(f"/apps/{own.app_code}/keys/{key_id}/rotate", json={})
        assert (answer.status_code, answer.json()["code"]) == (409, "key_not_active")
