"""Short texts of an event: ids, sessions, scopes."""

from __future__ import annotations

import re
from typing import Any

from include.events.envelope.codes import refusal

LONGEST_TEXT_CHARS = 128
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
CONTROL = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")
UUID_FORM = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
UUID_CHARS = 36
SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**63 - 1


def is_storable(text: str) -> bool:
    """Whether a text has neither U+0000 nor halves of surrogate pairs.

    Args:
        text: any text.

    Returns:
        True when both stores can keep it.
    """
    return text.isprintable() or UNSTORABLE.search(text) is None


def short_text(value: Any, pointer: str) -> str:
    """Read a text of 1 to 128 characters.

    Args:
        value: as sent.
        pointer: JSON pointer of the value, from the event on.

    Returns:
        The text, trimmed.

    Raises:
        InputError: not a text (``bad_type``); empty, too long, or with control characters (``bad_string``).

    >>> short_text(" s-1 ", "/session_id")
    's-1'
    """
    if value.__class__ is not str:
        raise refusal("bad_type", pointer, f"{pointer[1:]} must be a text.")
    text: str = value.strip()
    if not text:
        raise refusal("bad_string", pointer, f"{pointer[1:]} is empty.")
    if len(text) > LONGEST_TEXT_CHARS:
        raise refusal("bad_string", pointer, f"{pointer[1:]} has {len(text)} characters.")
    if not text.isprintable() and CONTROL.search(text):
        raise refusal("bad_string", pointer, f"{pointer[1:]} holds a control character or half of a surrogate pair.")
    return text


def short_id(value: Any, pointer: str) -> str:
    """Read an id: a text of 1 to 128 characters, or an integer, taken as its decimal text.

    Args:
        value: as sent.
        pointer: JSON pointer of the value, from the event on.

    Returns:
        The id, trimmed, in the case it was sent in.

    Raises:
        InputError: neither text nor integer (``bad_type``), an integer beyond 64 bits (``out_of_range``), or a text
            that is empty, too long, or has control characters (``bad_string``).

    >>> short_id(1002, "/user_id")
    '1002'
    """
    if value.__class__ is int:
        if not SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
            raise refusal("out_of_range", pointer, f"{pointer[1:]} is beyond 64 bits.")
        return str(value)
    if value.__class__ is not str:
        raise refusal("bad_type", pointer, f"{pointer[1:]} must be a text or an integer.")
    return short_text(value, pointer)


def lower_uuid(text: str) -> str:
    """Write a UUID in lower case; any other text stays.

    Args:
        text: an id.

    Returns:
        The id.

    >>> lower_uuid("AC5940A4-C19B-5245-BE7F-61E24730C3E4"), lower_uuid("Ann")
    ('ac5940a4-c19b-5245-be7f-61e24730c3e4', 'Ann')
    """
    if len(text) != UUID_CHARS:
        return text
    lower = text.lower()
    return text if lower == text or not UUID_FORM.fullmatch(text) else lower
