"""Ids of events: as sent, derived from what was sent, or random."""

from __future__ import annotations

import uuid
from typing import Any

from include.events.envelope.canonical import canonical_json
from include.events.envelope.identities import uuid_of
from include.events.envelope.texts import UUID_CHARS, UUID_FORM, short_text


def event_id_of(value: Any, project: str, pointer: str) -> uuid.UUID:
    """Read the id of an event.

    Args:
        value: as sent: a UUID in its usual spelling, or any text of 1 to 128 characters.
        project: app code, or ``default``.
        pointer: JSON pointer of the value, from the event on.

    Returns:
        The UUID itself, or one made of project and text.

    Raises:
        InputError: not a text (``bad_type``), or one that cannot be used (``bad_string``).

    >>> event_id_of("AC5940A4-C19B-5245-BE7F-61E24730C3E4", "default", "/id")
    UUID('ac5940a4-c19b-5245-be7f-61e24730c3e4')
    """
    if value.__class__ is str and len(value) == UUID_CHARS and UUID_FORM.fullmatch(value):
        return uuid.UUID(value)  # the usual case, without a look at lengths and characters
    text = short_text(value, pointer)
    if UUID_FORM.fullmatch(text):
        return uuid.UUID(text)
    return uuid_of(f"event|{project}|{text}")


def derived_id(
    project: str, source: str, subject: tuple[str, ...], event_name: str, occurred_at: str, props_json: bytes
) -> uuid.UUID:
    """Make an id of what an event says, so that sending it twice gives one event.

    Args:
        project: app code, or ``default``.
        source: one of ``shapes.SOURCES``.
        subject: external ids in the order of ``identities.NAMESPACES``.
        event_name: name in its one spelling.
        occurred_at: time as sent, not empty.
        props_json: attributes as canonical JSON.

    Returns:
        UUID version 5.
    """
    said = canonical_json([project, source, list(subject), event_name, occurred_at]).decode()
    return uuid_of(f"derived|{said}{props_json.decode()}")
