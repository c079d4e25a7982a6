from __future__ import annotations

import uuid
from typing import Any

import pytest

from include.events.envelope.shapes import Shape
from tests.sent_events import (
    RECEIVED_AT,
    USER_ID,
    accepted,
    activity,
    device,
    envelope,
    fields_of,
    judge,
    learning,
    project_rules,
    rejected,
)

STRICT = project_rules("strict")


class TestCheckEvents:
    @pytest.mark.parametrize("event", [learning(), envelope(), device(), activity()])
    def test_should_have_no_warning_when_the_event_is_ordinary(self, event: Any) -> None:
        assert accepted(event).warnings == ()

    @pytest.mark.parametrize(
        ("pointer", "place"), [("/events", "/events/0/user_id"), ("", "/0/user_id"), (None, "/user_id")]
    )
    def test_should_point_into_the_body_as_sent(self, pointer: str | None, place: str) -> None:
        assert rejected(learning(user_id=True), pointer=pointer).pointer == place

    def test_should_say_which_event_it_was_when_it_is_rejected(self) -> None:
        verdict = rejected(learning(id=USER_ID.upper(), event_type="View page", payload=5))
        assert (verdict.event_id, verdict.event_name) == (USER_ID, "page_view")

    @pytest.mark.parametrize(("own_id", "name"), [(..., ...), (5, 5), ("", ""), (True, "..."), (None, "\ud800")])
    def test_should_leave_id_and_name_open_when_a_rejected_event_has_none(self, own_id: Any, name: Any) -> None:
        verdict = rejected(learning(id=own_id, event_type=name, payload=5))
        assert (verdict.event_id, verdict.event_name) == (None, "")

    def test_should_resolve_aliases_and_keep_the_name_as_sent(self) -> None:
        fields = fields_of(accepted(learning(event_type="View Page")))
        assert (fields["event_name"], fields["sent_name"], fields["schema_version"]) == ("page_view", "View Page", "1")

    def test_should_say_version_0_when_the_event_is_not_registered(self) -> None:
        assert fields_of(accepted(learning(event_type="unheard of")))["schema_version"] == "0"

    @pytest.mark.parametrize("event", [learning(payload={"x": None}), learning(payload=None), learning(payload=...)])
    def test_should_count_null_as_absent(self, event: Any) -> None:
        assert fields_of(accepted(event, rules=STRICT))["props"] == "{}"

    def test_should_write_attributes_canonically(self) -> None:
        verdict = accepted(envelope(props={"quantity": 2.0, "product": "é", "price": 1e1, "x": {"b": 1, "a": None}}))
        assert fields_of(verdict)["props"] == '{"price":10,"product":"é","quantity":2,"x":{"a":null,"b":1}}'

    @pytest.mark.parametrize(
        ("event", "source"),
        [
            (learning(), "lms"),
            (device(), "mobile"),
            (envelope(), "server"),
            (envelope(source="web"), "web"),
            (activity(), "server"),
        ],
    )
    def test_should_know_the_source_from_shape_event_or_sender(self, event: Any, source: str) -> None:
        assert fields_of(accepted(event))["source"] == source

    def test_should_keep_labels_when_the_simulator_sends_them(self) -> None:
        verdict = accepted(envelope(source="simulator", labels={"is_anomaly": True, "kind": 1.0}))
        assert fields_of(verdict)["labels"] == '{"is_anomaly":true,"kind":1}'

    def test_should_put_address_and_agent_into_the_context_when_it_is_an_activity(self) -> None:
        verdict = accepted(activity(ip_address="203.0.113.7", user_agent="curl", session_id="s", details={"q": 1}))
        fields = fields_of(verdict)
        assert fields["context"] == '{"ip":"203.0.113.7","user_agent":"curl"}'
        assert (fields["customer_id"], fields["session_id"], fields["props"]) == ("3", "s", '{"q":1}')

    def test_should_point_at_the_fields_of_the_shape_when_it_is_given(self) -> None:
        assert rejected(learning(), shape=Shape.DEVICE).code == "unknown_field"

    def test_should_write_position_receipt_and_version_when_it_is_a_batch(self) -> None:
        fields = fields_of(judge(learning(), learning())[1])  # type: ignore[arg-type]
        microseconds = int(RECEIVED_AT.timestamp()) * 1_000_000 + RECEIVED_AT.microsecond
        assert fields["position"] == "1"
        assert uuid.UUID(fields["receipt_id"]) == uuid.UUID("11111111-2222-4333-8444-555555555555")
        assert fields["version"] == str(2**64 - 1 - microseconds)
        assert fields["received_at"] == "2026-03-03 12:00:00.123456"
