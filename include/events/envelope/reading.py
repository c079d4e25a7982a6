"""From the bytes of a body to events: JSON read strictly, without a look at what the events say."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from itertools import accumulate
from typing import Any
from zoneinfo import ZoneInfo

import jiter

from include.errors import InputError
from include.events.envelope.codes import step
from include.events.envelope.times import instant_of, parse_time

MOST_EVENTS = 5_000
DEEPEST_LEVELS = 32  # of objects and lists, the outermost counted
LONG_NUMBER = re.compile(rb"(?<![0-9.eE+-])(-?)[1-9][0-9]{400,}(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
BEYOND_ALL = b"1e999"
UTC = ZoneInfo("UTC")
NUL_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
NOT_A_BRACKET = bytes(byte for byte in range(256) if byte not in b"[]{}")
LEVEL_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


@dataclass(frozen=True, slots=True)
class Document:
    """A body of events.

    Attributes:
        events: as parsed, at least one; not yet held against any rule.
        sent_at: the sender's clock when it sent them, aware UTC, or None.
        pointer: JSON pointer of the list of events; None when the body is the one event itself.
    """

    events: list[Any]
    sent_at: dt.datetime | None
    pointer: str | None


def read_events(body: bytes) -> Document:
    """Read a batch: ``{"events": [...], "sent_at": ...}`` or a bare list.

    Args:
        body: the bytes as sent, after decompression.

    Returns:
        1 to 5000 events.

    Raises:
        InputError: ``invalid_json``, ``bad_type``, ``missing_field``, ``unknown_field``, ``bad_time``,
            ``empty_batch`` or ``batch_too_large``.

    >>> read_events(b'{"events": [{"id": "1"}]}').events
    [{'id': '1'}]
    """
    document = read_json(body)
    if isinstance(document, list):
        return Document(_counted(document, ""), None, "")
    if not isinstance(document, dict):
        raise InputError('Send {"events": [...]} or a list of events.', code="bad_type")
    for key in document:
        if key not in ("events", "sent_at"):
            raise InputError("A batch has only the fields events and sent_at.", code="unknown_field", pointer=step(key))
    if "events" not in document:
        raise InputError("A batch needs the field events.", code="missing_field", pointer="/events")
    events = document["events"]
    if not isinstance(events, list):
        raise InputError("The field events must be a list.", code="bad_type", pointer="/events")
    return Document(_counted(events, "/events"), _sent_at(document.get("sent_at")), "/events")


def read_event(body: bytes) -> Document:
    """Read a body that is one event.

    Args:
        body: the bytes as sent.

    Returns:
        One event, whatever JSON it is.

    Raises:
        InputError: ``invalid_json``.
    """
    return Document([read_json(body)], None, None)


def read_json(body: bytes) -> Any:
    """Read JSON as this product takes it.

    Args:
        body: UTF-8.

    Returns:
        The document; numbers beyond a double as infinity, which the rules of events refuse one by one.

    Raises:
        InputError: not JSON, or JSON with equal keys in one object, NaN, Infinity, halves of surrogate pairs,
            U+0000, or more than 32 levels (``invalid_json``).
    """
    try:
        document = jiter.from_json(body, allow_inf_nan=False, catch_duplicate_keys=True)
    except ValueError as error:
        if "number out of range" not in str(error):
            raise _invalid(f"{error}") from None
        document = _with_long_numbers(body)
    if b"\\u0000" in body and NUL_ESCAPE.search(body):
        raise _invalid("a text holds U+0000")
    if _is_deeper(body, DEEPEST_LEVELS):
        raise _invalid(f"it is nested deeper than {DEEPEST_LEVELS} levels")
    return document


def _counted(events: list[Any], pointer: str) -> list[Any]:
    if not events:
        raise InputError("The batch has no events; send at least one.", code="empty_batch", pointer=pointer)
    if len(events) > MOST_EVENTS:
        raise InputError(
            f"The batch has {len(events)} events; send at most {MOST_EVENTS} at once.",
            code="batch_too_large",
            pointer=pointer,
        )
    return events


def _sent_at(value: Any) -> dt.datetime | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise InputError("sent_at must be a text with a time.", code="bad_type", pointer="/sent_at")
    try:
        return instant_of(parse_time(value, UTC).instant_ms)
    except InputError as error:
        raise InputError(error.message, code=error.code, pointer="/sent_at") from None


def _is_deeper(body: bytes, most_levels: int) -> bool:
    """Whether valid JSON nests deeper, told without a walk over its values.

    Escaped backslashes and quotes go first, so that every other piece between quotes is outside of texts; what
    counts there are brackets.
    """
    bare = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = b"".join(bare.split(b'"')[::2]).translate(None, NOT_A_BRACKET)
    return max(accumulate(map(LEVEL_STEP.__getitem__, brackets)), default=0) > most_levels


def _with_long_numbers(body: bytes) -> Any:
    """Read JSON with numbers of thousands of digits, which the parser refuses as a whole; they become infinite."""
    pieces: list[bytes] = []
    is_in_text, seen = False, 0
    for run in LONG_NUMBER.finditer(body):
        before = body[seen : run.start()]  # no escape is cut, since none ends before a digit
        is_in_text ^= before.replace(b"\\\\", b"").replace(b'\\"', b"").count(b'"') % 2 == 1
        pieces += (before, run.group() if is_in_text else run.group(1) + BEYOND_ALL)
        seen = run.end()
    try:
        return jiter.from_json(b"".join(pieces) + body[seen:], allow_inf_nan=False, catch_duplicate_keys=True)
    except ValueError as error:
        raise _invalid(f"{error}") from None


def _invalid(reason: str) -> InputError:
    return InputError(f"The body cannot be read as JSON: {ascii(reason[:200])[1:-1]}.", code="invalid_json")
