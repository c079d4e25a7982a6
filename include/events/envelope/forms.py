"""Events of all shapes brought into one form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from include.events.envelope.attrs import Attrs, attrs_of
from include.events.envelope.codes import refusal, shown, step
from include.events.envelope.fields import NOTHING, check_version, object_in, one_of, scope_of, subject_of, text_in
from include.events.envelope.shapes import PLACES, Places, Shape
from include.events.envelope.texts import lower_uuid, short_id

SOURCES = frozenset(("web", "mobile", "server", "metrika", "lms", "kafka", "simulator"))


@dataclass(slots=True)
class Form:
    """An event in the one form all shapes have in common.

    Attributes:
        places: what its shape calls things.
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
        attrs: how the attributes were listed, None when they came as an object.
    """

    places: Places
    own_id: Any
    name: Any
    time: Any
    subject: tuple[str, ...]
    source: str
    props: dict[str, Any]
    context: dict[str, Any]
    session_id: str = ""
    scope_type: str = ""
    scope_id: str = ""
    module_id: str = ""
    labels: dict[str, Any] | None = None
    sent_at: Any = None
    attrs: Attrs | None = None


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
    return Form(
        places=places,
        own_id=event.get("id"),
        name=event.get("event_type"),
        time=event.get("timestamp"),
        subject=(user_id, "", "", "", "", ""),
        source="lms",
        scope_type="" if course_id is None else "course",
        scope_id="" if course_id is None else lower_uuid(short_id(course_id, "/course_id")),
        module_id="" if module_id is None else lower_uuid(short_id(module_id, "/module_id")),
        props=object_in(event, "payload"),
        context=NOTHING,
    )


def _envelope(event: dict[str, Any], places: Places, default_source: str) -> Form:
    check_version(event.get("schema_version"))
    scope_type, scope_id, module_id = scope_of(event.get("scope"))
    return Form(
        places=places,
        own_id=event.get("event_id"),
        name=event.get("event_name"),
        time=event.get("occurred_at"),
        sent_at=event.get("sent_at"),
        subject=subject_of(event.get("subject")),
        source=one_of(event.get("source"), SOURCES, "/source") or default_source,
        session_id=text_in(event, "session_id"),
        scope_type=scope_type,
        scope_id=scope_id,
        module_id=module_id,
        props=object_in(event, "props"),
        context=object_in(event, "context"),
        labels=None if event.get("labels") is None else object_in(event, "labels"),
    )


def _device(event: dict[str, Any], places: Places, _default_source: str) -> Form:
    if "user_code" not in event:
        raise refusal("no_subject", "/user_code", "user_code is missing.")
    attrs = attrs_of(event.get("attrs"))
    return Form(
        places=places,
        own_id=event.get("event_id"),
        name=event.get("event_name"),
        time=event.get("occurred_at"),
        sent_at=event.get("sent_at"),
        subject=("", short_id(event["user_code"], "/user_code"), "", "", "", ""),
        source="mobile",
        session_id=text_in(event, "session_id"),
        props=attrs.props,
        context=object_in(event, "context"),
        attrs=attrs,
    )


def _activity(event: dict[str, Any], places: Places, default_source: str) -> Form:
    customer_id, context = event.get("customer_id"), {}
    for key, name in (("ip_address", "ip"), ("user_agent", "user_agent")):
        value = event.get(key)
        if value is not None:
            if value.__class__ is not str:
                raise refusal("bad_type", f"/{key}", f"{key} must be a text.")
            context[name] = value
    return Form(
        places=places,
        own_id=event.get("id"),
        name=event.get("action_type"),
        time=event.get("timestamp"),
        subject=("", "", "" if customer_id is None else short_id(customer_id, "/customer_id"), "", "", ""),
        source=default_source,
        session_id=text_in(event, "session_id"),
        props=object_in(event, "details"),
        context=context,
    )


READERS: dict[Shape, Callable[[dict[str, Any], Places, str], Form]] = {
    Shape.LEARNING: _learning,
    Shape.ENVELOPE: _envelope,
    Shape.DEVICE: _device,
    Shape.ACTIVITY: _activity,
}
