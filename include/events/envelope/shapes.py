"""The four ways to write an event, brought into one form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from include.events.envelope.attrs import Attrs, attrs_of
from include.events.envelope.codes import refusal, shown, step
from include.events.envelope.identities import NAMESPACES
from include.events.envelope.texts import lower_uuid, short_id, short_text

SOURCES = frozenset(("web", "mobile", "server", "metrika", "lms", "kafka", "simulator"))
SCOPE_TYPES = frozenset(("course", "order", "product", "page", "segment"))
ENVELOPE_VERSION = 1
NO_PROPS: dict[str, Any] = {}
NO_CONTEXT: dict[str, Any] = {}
USER_ID, USER_CODE, CUSTOMER_ID = (NAMESPACES.index(name) for name in ("user_id", "user_code", "customer_id"))


class Shape(StrEnum):
    """How an event is written."""

    LEARNING = "learning"
    ENVELOPE = "envelope"
    DEVICE = "device"
    ACTIVITY = "activity"


@dataclass(slots=True)
class Form:
    """An event in the one form all shapes have in common.

    Attributes:
        own_id: id as sent, None without one.
        name: name as sent.
        time: time as sent, None without one.
        subject: external ids in the order of ``NAMESPACES``, empty texts for those not given.
        source: one of ``SOURCES``.
        session_id: or empty.
        scope_type: one of ``SCOPE_TYPES``, or empty.
        scope_id: or empty.
        module_id: or empty.
        props: attributes as sent, without nulls.
        context: as sent.
        labels: as sent, None without.
        sent_at: the sender's clock as sent with this event, None without.
        places: the names its fields have in this shape.
        attrs: how the attributes were listed, None when they came as an object.
    """

    own_id: Any
    name: Any
    time: Any
    subject: tuple[str, ...]
    source: str
    session_id: str
    scope_type: str
    scope_id: str
    module_id: str
    props: dict[str, Any]
    context: dict[str, Any]
    labels: dict[str, Any] | None
    sent_at: Any
    places: Places
    attrs: Attrs | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """JSON pointers, from the event on, of what a shape calls by its own names.

    Attributes:
        fields: names of all fields the shape may have.
        own_id: of the id.
        name: of the event's name.
        time: of the time.
        props: of the attributes.
        user: of the identity ``user_id``, or of the subject as a whole.
        scope: of the id of the scope.
        needs_time: whether an event without a time is refused.
    """

    fields: frozenset[str]
    own_id: str
    name: str
    time: str
    props: str
    user: str
    scope: str
    needs_time: bool
    shape: Shape = field(kw_only=True)


LEARNING_PLACES = Places(
    frozenset(("id", "user_id", "course_id", "module_id", "event_type", "timestamp", "payload")),
    "/id",
    "/event_type",
    "/timestamp",
    "/payload",
    "/user_id",
    "/course_id",
    True,
    shape=Shape.LEARNING,
)
ENVELOPE_PLACES = Places(
    frozenset(
        [
            "event_id",
            "schema_version",
            "project",
            "source",
            "event_name",
            "occurred_at",
            "sent_at",
            "subject",
            "session_id",
            "scope",
            "props",
            "context",
            "labels",
        ]
    ),
    "/event_id",
    "/event_name",
    "/occurred_at",
    "/props",
    "/subject",
    "/scope/id",
    True,
    shape=Shape.ENVELOPE,
)
DEVICE_PLACES = Places(
    frozenset(("user_code", "event_name", "attrs", "event_id", "occurred_at", "sent_at", "session_id", "context")),
    "/event_id",
    "/event_name",
    "/occurred_at",
    "/attrs",
    "/user_code",
    "",
    False,
    shape=Shape.DEVICE,
)
ACTIVITY_PLACES = Places(
    frozenset(("id", "action_type", "customer_id", "session_id", "details", "ip_address", "user_agent", "timestamp")),
    "/id",
    "/action_type",
    "/timestamp",
    "/details",
    "/customer_id",
    "",
    False,
    shape=Shape.ACTIVITY,
)
PLACES = {places.shape: places for places in (LEARNING_PLACES, ENVELOPE_PLACES, DEVICE_PLACES, ACTIVITY_PLACES)}
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


def form_of(event: dict[str, Any], shape: Shape, default_source: str) -> Form:
    """Bring an event into the common form.

    Args:
        event: as parsed, a JSON object within the limits of ``limits.check_event``.
        shape: how it is written.
        default_source: source of events whose shape names none.

    Returns:
        The form; name, time and id as sent, everything else checked.

    Raises:
        InputError: a field is unknown, missing or of the wrong kind.
    """
    places = PLACES[shape]
    if not event.keys() <= places.fields:
        key = next(key for key in event if key not in places.fields)
        raise refusal("unknown_field", step(key), f"{shown(key)} is no field of a {shape.value} event.")
    return READERS[shape](event, places, default_source)


def _learning(event: dict[str, Any], places: Places, _default_source: str) -> Form:
    if "user_id" not in event:
        raise refusal("no_subject", "/user_id", "user_id is missing.")
    user_id = lower_uuid(short_id(event["user_id"], "/user_id"))
    course_id, module_id = event.get("course_id"), event.get("module_id")
    scope_id = "" if course_id is None else lower_uuid(short_id(course_id, "/course_id"))
    own_id = event.get("id")
    return Form(
        own_id,
        event.get("event_type"),
        event.get("timestamp"),
        (user_id, "", "", "", "", ""),
        "lms",
        "",
        "course" if scope_id else "",
        scope_id,
        "" if module_id is None else lower_uuid(short_id(module_id, "/module_id")),
        _object(event, "payload"),
        NO_CONTEXT,
        None,
        None,
        places,
    )


def _envelope(event: dict[str, Any], places: Places, default_source: str) -> Form:
    version = event.get("schema_version")
    if version is not None:
        _check_version(version)
    scope_type, scope_id, module_id = _scope(event.get("scope"))
    return Form(
        event.get("event_id"),
        event.get("event_name"),
        event.get("occurred_at"),
        _subject(event.get("subject")),
        _one_of(event.get("source"), SOURCES, "/source") or default_source,
        _text(event, "session_id"),
        scope_type,
        scope_id,
        module_id,
        _object(event, "props"),
        _object(event, "context"),
        None if event.get("labels") is None else _object(event, "labels"),
        event.get("sent_at"),
        places,
    )


def _device(event: dict[str, Any], places: Places, _default_source: str) -> Form:
    if "user_code" not in event:
        raise refusal("no_subject", "/user_code", "user_code is missing.")
    user_code = short_id(event["user_code"], "/user_code")
    attrs = attrs_of(event.get("attrs"))
    return Form(
        event.get("event_id"),
        event.get("event_name"),
        event.get("occurred_at"),
        ("", user_code, "", "", "", ""),
        "mobile",
        _text(event, "session_id"),
        "",
        "",
        "",
        attrs.props,
        _object(event, "context"),
        None,
        event.get("sent_at"),
        places,
        attrs,
    )


def _activity(event: dict[str, Any], places: Places, default_source: str) -> Form:
    customer = event.get("customer_id")
    customer_id = "" if customer is None else short_id(customer, "/customer_id")
    context = {}
    for key, name in (("ip_address", "ip"), ("user_agent", "user_agent")):
        value = event.get(key)
        if value is not None:
            if value.__class__ is not str:
                raise refusal("bad_type", f"/{key}", f"{key} must be a text.")
            context[name] = value
    return Form(
        event.get("id"),
        event.get("action_type"),
        event.get("timestamp"),
        ("", "", customer_id, "", "", ""),
        default_source,
        _text(event, "session_id"),
        "",
        "",
        "",
        _object(event, "details"),
        context,
        None,
        None,
        places,
    )


READERS: dict[Shape, Callable[[dict[str, Any], Places, str], Form]] = {
    Shape.LEARNING: _learning,
    Shape.ENVELOPE: _envelope,
    Shape.DEVICE: _device,
    Shape.ACTIVITY: _activity,
}


def _object(event: dict[str, Any], key: str) -> dict[str, Any]:
    value = event.get(key)
    if value is None:
        return NO_PROPS
    if value.__class__ is not dict:
        raise refusal("bad_type", f"/{key}", f"{key} must be a JSON object.")
    found: dict[str, Any] = value
    return found


def _text(event: dict[str, Any], key: str) -> str:
    value = event.get(key)
    return "" if value is None else short_text(value, f"/{key}")


def _one_of(value: Any, allowed: frozenset[str], pointer: str) -> str:
    if value is None:
        return ""
    if value.__class__ is not str:
        raise refusal("bad_type", pointer, f"{pointer[1:]} must be a text.")
    if value not in allowed:
        raise refusal("enum_value", pointer, f"{shown(value)} is none of {', '.join(sorted(allowed))}.")
    text: str = value
    return text


def _check_version(version: Any) -> None:
    if version.__class__ is not int:
        raise refusal("bad_type", "/schema_version", "schema_version must be the integer 1.")
    if version != ENVELOPE_VERSION:
        raise refusal("out_of_range", "/schema_version", "schema_version must be 1, the only one there is.")


def _subject(value: Any) -> tuple[str, ...]:
    if value is None:
        raise refusal("no_subject", "/subject", "subject is missing.")
    if value.__class__ is not dict:
        raise refusal("bad_type", "/subject", "subject must be a JSON object.")
    if not value:
        raise refusal("no_subject", "/subject", "subject is empty.")
    for key in value:
        if key not in NAMESPACES:
            raise refusal("unknown_field", f"/subject{step(key)}", f"{shown(key)} is none of {', '.join(NAMESPACES)}.")
    return tuple(short_id(value[name], f"/subject/{name}") if name in value else "" for name in NAMESPACES)


def _scope(value: Any) -> tuple[str, str, str]:
    if value is None:
        return "", "", ""
    if value.__class__ is not dict:
        raise refusal("bad_type", "/scope", "scope must be a JSON object.")
    for key in value:
        if key not in ("type", "id", "module_id"):
            raise refusal("unknown_field", f"/scope{step(key)}", f"{shown(key)} is none of type, id, module_id.")
    for key in ("type", "id"):
        if value.get(key) is None:
            raise refusal("missing_field", f"/scope/{key}", f"scope has no {key}.")
    module = value.get("module_id")
    return (
        _one_of(value["type"], SCOPE_TYPES, "/scope/type"),
        short_id(value["id"], "/scope/id"),
        "" if module is None else short_id(module, "/scope/module_id"),
    )
