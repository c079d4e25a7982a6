"""Schemas and modes as senders of events meet them: what is registered or changed decides about the next events."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest

from tests.api_client import Api
from tests.signed_people import OwnApp, created_app

FOLLOWS_SECONDS = 2.0  # how old the rules of an app may be in a process


def verdict(api: Api, app: OwnApp, name: str, props: dict[str, Any]) -> dict[str, Any]:
    """What is said about one new event."""
    event = {
        "event_id": str(uuid.uuid4()),
        "event_name": name,
        "subject": {"user_code": "u1"},
        "occurred_at": _now(),
        "props": props,
    }
    answer = api.post(f"/apps/{app.app_code}/batch", token=app.key, json={"events": [event]})
    assert answer.status_code in (202, 422), answer.text
    found: dict[str, Any] = answer.json()["verdicts"][0]
    return found


def verdict_after_change(api: Api, app: OwnApp, name: str, props: dict[str, Any]) -> dict[str, Any]:
    time.sleep(FOLLOWS_SECONDS)
    return verdict(api, app, name, props)


def define(api: Api, app: OwnApp, **attributes: Any) -> None:
    attrs = [{"name": name, **given} for name, given in attributes.items()]
    body = {"events": [{"name": "product views", "attrs": attrs}]}
    assert api.post(f"/app/create_event/{app.app_code}", json=body).status_code == 200


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


NUMBER = {"type": "integer", "required": True}


class TestEvolution:
    def test_should_take_old_and_new_events_when_a_version_follows(self, api: Api) -> None:
        """P2: widened within two seconds, and whoever sends as before is still understood."""
        app = created_app(api, mode="strict")
        define(api, app, quantity=NUMBER)
        assert verdict(api, app, "Product Views", {"quantity": 1})["verdict"] == "accepted"
        new = {"quantity": 1.5, "colour": "red"}
        assert verdict(api, app, "product_views", new)["code"] in ("attr_type_mismatch", "unknown_attr")
        define(api, app, quantity={"type": "number"}, colour={"type": "enum", "values": ["red"]})
        assert verdict_after_change(api, app, "product_views", new)["verdict"] == "accepted"
        assert verdict(api, app, "product_views", {"quantity": 1})["verdict"] == "accepted"
        assert verdict(api, app, "product_views", {})["verdict"] == "accepted"

    def test_should_refuse_unknown_events_until_they_are_registered_when_strict(self, api: Api) -> None:
        app = created_app(api, mode="strict")
        first = verdict(api, app, "product views", {"quantity": 1})
        assert (first["verdict"], first["code"]) == ("rejected", "unknown_event")
        define(api, app, quantity=NUMBER)
        assert verdict_after_change(api, app, "product views", {"quantity": 1})["verdict"] == "accepted"

    def test_should_follow_a_change_of_mode(self, api: Api) -> None:
        app = created_app(api)
        define(api, app, quantity=NUMBER)
        lenient = verdict(api, app, "product views", {"quantity": 1, "more": 2})
        assert (lenient["verdict"], lenient["warnings"]) == ("accepted", ["unknown_attr"])
        api.ask("PATCH", f"/apps/{app.app_code}", json={"mode": "strict"})
        strict = verdict_after_change(api, app, "product views", {"quantity": 1, "more": 2})
        assert (strict["verdict"], strict["code"], strict["pointer"]) == (
            "rejected", "unknown_attr", "/events/0/props/more",
        )  # fmt: skip

    def test_should_follow_a_change_of_aliases(self, api: Api) -> None:
        app = created_app(api, mode="strict")
        define(api, app, quantity=NUMBER)
        api.ask("PATCH", f"/apps/{app.app_code}", json={"aliases": {"seen": "product views"}})
        assert verdict_after_change(api, app, "Seen!", {"quantity": 1})["verdict"] == "accepted"

    @pytest.mark.parametrize(
        ("props", "code", "pointer"),
        [
            ({"quantity": "1"}, "attr_type_mismatch", "/events/0/props/quantity"),
            ({"quantity": True}, "attr_type_mismatch", "/events/0/props/quantity"),
            ({"quantity": 2**63}, "out_of_range", "/events/0/props/quantity"),
            ({"quantity": None}, "missing_attr", "/events/0/props/quantity"),
            ({}, "missing_attr", "/events/0/props/quantity"),
            ({"quantity": 1, "colour": "blue"}, "enum_value", "/events/0/props/colour"),
            ({"quantity": 1, "label": "xxxx"}, "attr_too_long", "/events/0/props/label"),
            ({"quantity": 1, "a/b": 1}, "unknown_attr", "/events/0/props/a~1b"),
        ],
    )
    def test_should_say_code_and_pointer_of_what_does_not_fit(
        self, api: Api, strict_app: OwnApp, props: dict[str, Any], code: str, pointer: str
    ) -> None:
        found = verdict(api, strict_app, "product views", props)
        assert (found["verdict"], found["code"], found["pointer"]) == ("rejected", code, pointer)


@pytest.fixture
def strict_app(api: Api) -> OwnApp:
    app = created_app(api, mode="strict")
    define(
        api, app, quantity=NUMBER, colour={"type": "enum", "values": ["red"]}, label={"type": "string", "max_length": 3}
    )
    return app
