"""The message of a device and the activity of a shop's customer."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from tests.api.events.conftest import Shop, shop_of
from tests.api_client import VIEWER, Api


def message(**changes: Any) -> dict[str, Any]:
    """The sample of the seed document, with values."""
    attrs = [
        {"name": "product_name", "type": "string", "value": "diode"},
        {"name": "quantity", "type": "integer", "value": 2},
    ]
    return {"user_code": "u-1", "event_name": "number_of_adding_products_in_cart", "attrs": attrs, **changes}


def source_of(shop: Shop, receipt_id: str) -> bytes:
    import gzip

    query = text("SELECT payload FROM inbox_batches JOIN receipts USING (receipt_number) WHERE receipt_id = :id")
    with shop.state.connect() as connection:
        return gzip.decompress(bytes(connection.execute(query, {"id": receipt_id}).scalar_one())).split(b"\t")[5]


class TestDevice:
    def test_should_accept_the_sample_of_the_seed(self, shop: Shop) -> None:
        answer = shop.device(message())
        body = answer.json()
        assert (answer.status_code, body["status"]) == (200, "accepted")
        assert body.keys() == {"status", "event_id", "receipt_id", "warnings"}
        assert body["warnings"] == ["no_id", "no_time", "unknown_event"]
        assert source_of(shop, body["receipt_id"]) == b"mobile"

    def test_should_say_duplicate_when_the_event_was_stored(self, shop: Shop) -> None:
        sent = message(event_id="e-1", occurred_at="2026-11-20T10:00:00Z")
        first = shop.device(sent)
        spaced = shop.api.post(
            f"/apps/{shop.app_code}", token=shop.key, content=json.dumps(sent, indent=1),
            headers={"Content-Type": "application/json"},
        )  # fmt: skip
        assert (spaced.status_code, spaced.json()["status"]) == (200, "duplicate")
        assert spaced.json()["event_id"] == first.json()["event_id"]
        assert shop.device(sent).json() == first.json()

    def test_should_answer_422_with_code_pointer_and_quarantine(self, shop: Shop) -> None:
        answer = shop.device(message(user_code=True))
        body = answer.json()
        assert (answer.status_code, body["code"], body["pointer"]) == (422, "bad_type", "/user_code")
        assert UUID(body["quarantine_id"])

    def test_should_refuse_a_key_of_another_app(self, shop: Shop) -> None:
        other = shop_of(shop.api)
        assert shop.device(message(), token=other.key).json()["code"] == "key_app_mismatch"

    def test_should_reject_a_list(self, shop: Shop) -> None:
        assert shop.device([message()]).json()["code"] == "not_object"

    def test_should_reject_unknown_events_when_the_app_is_strict(self, api: Api) -> None:
        shop = shop_of(api, mode="strict")
        assert shop.device(message()).json()["code"] == "unknown_event"


class TestActivity:
    def test_should_answer_the_activity_with_the_types_it_was_sent_in(self, shop: Shop) -> None:
        sent = {
            "customer_id": 3, "session_id": "s-1", "timestamp": "2026-11-20T10:00:00+03:00",
            "action_type": "view_product", "details": {"product_id": 4}, "ip_address": "203.0.113.7",
            "user_agent": "curl",
        }  # fmt: skip
        answer = shop.send(sent, path="/api/activities")
        body = answer.json()
        assert answer.status_code == 201
        assert UUID(body.pop("id"))
        assert body == {**sent, "timestamp": "2026-11-20T07:00:00.000000Z"}
        assert shop.stored() == 1

    def test_should_take_the_time_of_reception_when_there_is_none(self, shop: Shop) -> None:
        body = shop.send({"action_type": "search"}, path="/api/activities").json()
        assert (body["customer_id"], body["details"], body["timestamp"][-1]) == (None, {}, "Z")

    def test_should_keep_the_id_it_was_sent_with(self, shop: Shop) -> None:
        own = str(uuid4())
        answers = [shop.send({"action_type": "search", "id": own}, path="/api/activities") for _ in range(2)]
        assert [answer.json()["id"] for answer in answers] == [own, own]
        assert shop.stored() == 1

    def test_should_answer_422_when_a_rule_is_broken(self, shop: Shop) -> None:
        answer = shop.send({"customer_id": 3}, path="/api/activities")
        assert (answer.status_code, answer.json()["pointer"]) == (422, "/action_type")

    def test_should_let_admins_and_operators_record(self, api: Api) -> None:
        body = {"action_type": "search", "customer_id": 1}
        tokens = [api.person("admin").token, api.token, VIEWER, api.person().token]
        assert [api.post("/api/activities", token=token, json=body).status_code for token in tokens] == [
            201, 201, 403, 403,
        ]  # fmt: skip
