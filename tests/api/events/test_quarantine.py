"""The quarantine over HTTP: each owner sees and replays what is theirs."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.api.events.conftest import Shop, event, shop_of
from tests.api_client import VIEWER, Api

MESSAGE = {"user_code": "u-1", "event_name": "tap", "occurred_at": "2026-11-20T10:00:00Z", "attrs": {"q": 1}}


@pytest.fixture
def strict(api: Api) -> Shop:
    return shop_of(api, mode="strict")


def register(shop: Shop, **attribute: Any) -> None:
    body = {"events": [{"name": "tap", "attrs": [{"name": "q", "type": "integer", **attribute}]}]}
    assert shop.api.post(f"/app/create_event/{shop.app_code}", json=body).status_code == 200


def rejected(shop: Shop, **changes: Any) -> str:
    return str(shop.device({**MESSAGE, **changes}).json()["quarantine_id"])


def replayed(shop: Shop, body: Any, **how: Any) -> Any:
    return shop.api.post("/quarantine/replay", json=body, **how)


class TestList:
    def test_should_list_with_filters_and_paging(self, strict: Shop) -> None:
        ids = [rejected(strict, event_id=str(number)) for number in range(3)]
        strict.send([7])
        path = f"/quarantine?app_code={strict.app_code}&code=unknown_event"
        body = strict.api.get(f"{path}&limit=2&offset=1").json()
        assert [one["quarantine_id"] for one in body["items"]] == [ids[1], ids[0]]
        assert {name: body[name] for name in ("total", "limit", "offset", "has_more")} == {
            "total": 3, "limit": 2, "offset": 1, "has_more": False,
        }  # fmt: skip
        item = body["items"][0]
        assert (item["event"]["event_id"], item["project"], item["status"]) == ("1", strict.app_code, "open")
        assert strict.api.get(f"{path}&to=2020-01-01").json()["total"] == 0
        assert strict.api.get(f"{path}&from=2020-01-01T00:00:00%2B03:00&status=open").json()["total"] == 3

    @pytest.mark.parametrize(
        "query", ["limit=0", "limit=1001", "offset=-1", "status=x", "from=x", "from=2026-01-01&to=2026-01-01", "x=1"]
    )
    def test_should_answer_422_when_the_question_is_wrong(self, api: Api, query: str) -> None:
        assert api.get(f"/quarantine?{query}").status_code == 422

    def test_should_show_each_owner_only_what_is_theirs(self, api: Api) -> None:
        owner, other = api.person(), api.person()
        shop = shop_of(api, owner=owner, mode="strict")
        one = rejected(shop)
        mine, foreign = (api.get("/quarantine", token=person.token).json() for person in (owner, other))
        assert ([item["quarantine_id"] for item in mine["items"]], foreign["total"]) == ([one], 0)
        assert api.get(f"/quarantine?app_code={shop.app_code}", token=other.token).status_code == 404
        assert api.get(f"/quarantine?app_code={shop.app_code}", token=VIEWER).json()["total"] == 1


class TestReplay:
    def test_should_accept_the_event_once_its_schema_is_published(self, strict: Shop) -> None:
        """E7."""
        one = rejected(strict)
        assert replayed(strict, {"ids": [one]}).json()["still_rejected"] == 1
        register(strict)
        body = replayed(strict, {"ids": [one, str(uuid4())]}).json()
        assert (body["replayed"], body["still_rejected"], body["not_found"]) == (1, 0, 1)
        assert strict.stored() == 1
        receipt = strict.api.get(f"/receipts/{body['receipt_ids'][0]}").json()
        assert (receipt["received"], receipt["accepted"], receipt["state"]) == (1, 1, "spooled")

    @pytest.mark.parametrize("is_short", [True, False])
    def test_should_replay_all_that_is_open_when_an_app_is_named(self, strict: Shop, is_short: bool) -> None:
        for number in range(3):
            rejected(strict, event_id=str(number))
        register(strict)
        named = {"app_code": strict.app_code}
        assert replayed(strict, named if is_short else {"filter": named}).json()["replayed"] == 3

    def test_should_replay_only_what_the_filter_names(self, strict: Shop) -> None:
        rejected(strict)
        strict.send([7])
        register(strict)
        body = replayed(strict, {"filter": {"app_code": strict.app_code, "code": "not_object"}}).json()
        assert (body["replayed"], body["still_rejected"]) == (0, 1)

    def test_should_take_a_correction(self, strict: Shop) -> None:
        register(strict)
        one = rejected(strict, event_id="e-1", attrs={"q": "many"})
        body = replayed(strict, {"corrections": {one: {**MESSAGE, "attrs": {"q": 5}}}}).json()
        assert (body["replayed"], strict.stored()) == (1, 1)
        again = strict.device({**MESSAGE, "event_id": "e-1", "attrs": {"q": 5}})
        assert again.json()["status"] == "duplicate"

    @pytest.mark.parametrize(
        "body",
        [
            {}, {"ids": [], "app_code": "default"}, {"ids": "x"}, {"ids": ["x"] * 10_001}, {"filter": {}},
            {"filter": {"app_code": "default", "x": 1}}, {"corrections": {"x": 1}}, [], {"x": 1},
        ],
        ids=range(9),
    )  # fmt: skip
    def test_should_answer_422_when_the_order_is_wrong(self, api: Api, body: Any) -> None:
        assert api.post("/quarantine/replay", json=body).status_code == 422

    def test_should_let_owners_replay_their_own_only(self, api: Api) -> None:
        owner, other = api.person(), api.person()
        shop = shop_of(api, owner=owner, mode="strict")
        one = rejected(shop)
        register(shop)
        foreign = replayed(shop, {"ids": [one]}, token=other.token)
        assert (foreign.status_code, foreign.json()["not_found"]) == (200, 1)
        assert replayed(shop, {"app_code": shop.app_code}, token=other.token).status_code == 404
        assert replayed(shop, {"ids": [one]}, token=VIEWER).status_code == 403
        assert replayed(shop, {"ids": [one]}, token=owner.token).json()["replayed"] == 1

    def test_should_keep_lenient_apps_out_of_it(self, shop: Shop) -> None:
        assert shop.send([event()]).status_code == 202
        assert replayed(shop, {"app_code": shop.app_code}).json()["replayed"] == 0
