"""The four ways to write an event: their fields, what they call things, and how to tell them apart."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Shape(StrEnum):
    """How an event is written."""

    LEARNING = "learning"
    ENVELOPE = "envelope"
    DEVICE = "device"
    ACTIVITY = "activity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What a shape calls things; JSON pointers start at the event.

    Attributes:
        fields: names of all fields the shape may have.
        own_id: pointer of the id.
        name: pointer of the event's name.
        time: pointer of the time.
        props: pointer of the attributes.
        user: pointer of the identity ``user_id``, or of what stands in its place.
        scope: pointer of the id of the scope; empty when the shape has none.
        needs_time: whether an event without a time is refused.
    """

    fields: frozenset[str]
    own_id: str
    name: str
    time: str
    props: str
    user: str
    scope: str = ""
    needs_time: bool = False


PLACES = {
    Shape.LEARNING: Places(
        fields=frozenset(("id", "user_id", "course_id", "module_id", "event_type", "timestamp", "payload")),
        own_id="/id",
        name="/event_type",
        time="/timestamp",
        props="/payload",
        user="/user_id",
        scope="/course_id",
        needs_time=True,
    ),
    Shape.ENVELOPE: Places(
        fields=frozenset(("event_id", "schema_version", "project", "source", "event_name", "occurred_at", "sent_at"))
        | {"subject", "session_id", "scope", "props", "context", "labels"},
        own_id="/event_id",
        name="/event_name",
        time="/occurred_at",
        props="/props",
        user="/subject",
        scope="/scope/id",
        needs_time=True,
    ),
    Shape.DEVICE: Places(
        fields=frozenset(("event_id", "event_name", "occurred_at", "sent_at", "user_code", "session_id"))
        | {"attrs", "context"},
        own_id="/event_id",
        name="/event_name",
        time="/occurred_at",
        props="/attrs",
        user="/user_code",
    ),
    Shape.ACTIVITY: Places(
        fields=frozenset(("id", "action_type", "timestamp", "customer_id", "session_id", "details"))
        | {"ip_address", "user_agent"},
        own_id="/id",
        name="/action_type",
        time="/timestamp",
        props="/details",
        user="/customer_id",
    ),
}
# Which field gives a shape away, the surest first.
TELLING = (
    ("event_type", Shape.LEARNING),
    ("action_type", Shape.ACTIVITY),
    ("subject", Shape.ENVELOPE),
    ("props", Shape.ENVELOPE),
    ("user_code", Shape.DEVICE),
    ("attrs", Shape.DEVICE),
    ("event_name", Shape.ENVELOPE),
    ("payload", Shape.LEARNING),
    ("user_id", Shape.LEARNING),
    ("course_id", Shape.LEARNING),
    ("details", Shape.ACTIVITY),
    ("customer_id", Shape.ACTIVITY),
)


def shape_of(event: dict[str, Any]) -> Shape:
    """Tell the shape of an event from its fields.

    Args:
        event: as parsed.

    Returns:
        The shape; the envelope when nothing gives another one away.

    >>> shape_of({"user_code": "u", "event_name": "tap"})
    <Shape.DEVICE: 'device'>
    """
    for key, shape in TELLING:
        if key in event:
            return shape
    return Shape.ENVELOPE
