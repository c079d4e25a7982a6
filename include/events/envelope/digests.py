"""The digest that tells whether two events with one id say the same."""

from __future__ import annotations

import hashlib

import orjson

from include.events.envelope.shapes import Form


def digest_of(event_name: str, form: Form, occurred_ms: int | None, objects: tuple[bytes, bytes, bytes]) -> bytes:
    """Digest what an event says, whatever shape, key order or spelling of numbers it says it in.

    Left out on purpose: ids of the event, its batch and the sender's clock, names as sent, versions of schemas. A
    time that was not sent counts as not sent, although the time of reception is stored.

    Args:
        event_name: name in its one spelling.
        form: the event.
        occurred_ms: time as sent, milliseconds since 1970 UTC; None without.
        objects: attributes, context and labels as canonical JSON; labels may be empty.

    Returns:
        SHA-256 of the canonical JSON, 32 bytes.
    """
    props, context, labels = objects
    said = {
        "context": orjson.Fragment(context),
        "event_name": event_name,
        "labels": orjson.Fragment(labels) if labels else None,
        "module_id": form.module_id,
        "occurred_at": occurred_ms,
        "props": orjson.Fragment(props),
        "scope_id": form.scope_id,
        "scope_type": form.scope_type,
        "session_id": form.session_id,
        "source": form.source,
        "subject": form.subject,
    }
    return hashlib.sha256(orjson.dumps(said)).digest()
