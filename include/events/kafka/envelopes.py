"""From an event as a device wrote it to the envelope that stands in the topic."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from include.events.envelope.fields import ENVELOPE_VERSION
from include.events.envelope.forms import Form, form_of
from include.events.envelope.identities import NAMESPACES
from include.events.envelope.shapes import Shape


def envelope_of(event: dict[str, Any], shape: Shape, *, event_id: UUID, default_source: str) -> dict[str, Any]:
    """Write an event, in whatever shape it came, as an envelope of version 1.

    Nothing is added but the id it was accepted under, so that its content keeps the digest it would have had.

    Args:
        event: as parsed; it keeps every rule.
        shape: how it is written.
        event_id: its id.
        default_source: source of events whose shape names none.

    Returns:
        The envelope, without ``project``; fields without a value are left out.

    >>> event = {"user_code": "anna", "event_name": "tap", "attrs": [{"name": "n", "value": 1}]}
    >>> envelope_of(event, Shape.DEVICE, event_id=UUID(int=1), default_source="mobile")["props"]
    {'n': 1}
    """
    form = form_of(event, shape, default_source)
    envelope = {
        "event_id": str(event_id),
        "schema_version": ENVELOPE_VERSION,
        "source": form.source,
        "event_name": form.name,
        "occurred_at": form.time,
        "sent_at": form.sent_at,
        "subject": {name: value for name, value in zip(NAMESPACES, form.subject, strict=True) if value},
        "session_id": form.session_id or None,
        "scope": _scope_of(form),
        "props": form.props or None,
        "context": form.context or None,
        "labels": form.labels,
    }
    return {name: value for name, value in envelope.items() if value is not None}


def _scope_of(form: Form) -> dict[str, str] | None:
    if not form.scope_type:
        return None
    scope = {"type": form.scope_type, "id": form.scope_id}
    return {**scope, "module_id": form.module_id} if form.module_id else scope
