"""Receipts: for the sender, the owner and operators; for nobody else is there one."""

from __future__ import annotations

from uuid import uuid4

from tests.api.events.conftest import Shop, event, shop_of
from tests.api_client import EDITOR, VIEWER, Api


class TestReceipt:
    def test_should_say_what_became_of_the_batch(self, shop: Shop) -> None:
        sent = shop.send([event(), event(), 7]).json()
        answer = shop.api.get(f"/receipts/{sent['receipt_id']}", token=shop.key)
        body = answer.json()
        counts = [body[name] for name in ("received", "accepted", "duplicates", "rejected", "landed")]
        assert (answer.status_code, counts) == (200, [3, 2, 0, 1, 0])
        assert (body["project"], body["state"], body["landed_at"]) == (shop.app_code, "spooled", None)
        assert (body["received_at"], len(body["sha256"])) == (sent["received_at"], 64)

    def test_should_be_there_for_sender_owner_and_operators_only(self, api: Api) -> None:
        owner, stranger = api.person(), api.person()
        shop = shop_of(api, owner=owner)
        receipt_id = shop.send([event()]).json()["receipt_id"]
        other = shop_of(api)
        seen = {
            name: api.get(f"/receipts/{receipt_id}", token=token)
            for name, token in {
                "sender": shop.key, "owner": owner.token, "operator": EDITOR, "viewer": VIEWER,
                "stranger": stranger.token, "key": other.key,
            }.items()
        }  # fmt: skip
        assert {name for name, answer in seen.items() if answer.status_code == 200} == {
            "sender", "owner", "operator", "viewer",
        }  # fmt: skip
        unknown = api.get(f"/receipts/{uuid4()}", token=stranger.token)
        details = {answer.json()["detail"] for answer in (unknown, seen["stranger"], seen["key"])}
        assert (unknown.status_code, len(details)) == (404, 1)

    def test_should_answer_404_when_it_is_no_id(self, api: Api) -> None:
        assert api.get("/receipts/nothing").status_code == 404
