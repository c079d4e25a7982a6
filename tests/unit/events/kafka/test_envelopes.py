"""Events in every shape, written as envelopes."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from include.events.apps.rules import LENIENT, ProjectRules
from include.events.envelope.checking import check_events
from include.events.envelope.sender import Sender
from include.events.envelope.shapes import Shape
from include.events.envelope.verdicts import Accepted
from include.events.kafka.envelopes import envelope_of

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
RULES = ProjectRules("shop-1", 1, LENIENT, ZoneInfo("UTC"), 90, {"view_page": "page_view"}, {}, 1)
PHONE = Sender("key:1", "mobile")
FULL = {
    "user_code": " anna ",
    "event_name": "View page",
    "attrs": [{"name": "n", "type": "integer", "value": 1}, {"name": "empty"}, {"name": "deep", "value": {"a": [1.0]}}],
    "event_id": "tap-1",
    "occurred_at": "2026-11-20T14:00:00.123456+03:00",
    "sent_at": "2026-11-20T11:59:00Z",
    "session_id": "s",
    "context": {"os": "android", "locale": None},
}


def accepted(event: dict[str, Any], shape: Shape) -> Accepted:
    (verdict,) = check_events(
        [event], shape=shape, rules=RULES, sender=PHONE, receipt_id=uuid.UUID(int=1), received_at=NOW, sent_at=None,
        pointer=None,
    )  # fmt: skip
    assert isinstance(verdict, Accepted), verdict
    return verdict


class TestEnvelopeOf:
    @pytest.mark.parametrize("left_out", [None, "occurred_at", "event_id", "attrs", "context", "sent_at", "session_id"])
    def test_should_say_the_same_when_it_travels_as_an_envelope(self, left_out: str | None) -> None:
        event = {name: value for name, value in FULL.items() if name != left_out}
        here = accepted(event, Shape.DEVICE)
        envelope = envelope_of(event, Shape.DEVICE, event_id=here.event_id, default_source=PHONE.source)
        there = accepted(envelope, Shape.ENVELOPE)
        assert (there.event_id, there.content_sha256, there.event_name) == (
            here.event_id,
            here.content_sha256,
            here.event_name,
        )

    def test_should_store_the_same_line_but_for_the_warning_of_an_empty_attribute(self) -> None:
        event = {**FULL, "attrs": {"n": 1}}
        here = accepted(event, Shape.DEVICE)
        envelope = envelope_of(event, Shape.DEVICE, event_id=here.event_id, default_source=PHONE.source)
        assert accepted(envelope, Shape.ENVELOPE).line == here.line

    def test_should_keep_the_scope_when_an_event_has_one(self) -> None:
        event = {
            "id": "1", "user_id": "7", "course_id": "c", "module_id": "m", "event_type": "task_start",
            "timestamp": "2026-11-20T11:00:00Z", "payload": {"task_id": "t"},
        }  # fmt: skip
        here = accepted(event, Shape.LEARNING)
        envelope = envelope_of(event, Shape.LEARNING, event_id=here.event_id, default_source=PHONE.source)
        assert envelope["scope"] == {"type": "course", "id": "c", "module_id": "m"}
        assert accepted(envelope, Shape.ENVELOPE).content_sha256 == here.content_sha256
