"""JSON bodies as this API takes them: strict where the JSON standard leaves room for surprises."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import jiter

from include.api.gate.problems import Invalid, Refusal

DEEPEST = 32
INT64 = 2**63
LONGEST_INT_CHARS = 30  # enough digits to be out of range
NUL_ESCAPE = b"\\u0000"  # the only way in which U+0000 can stand in valid JSON
REASONS = (  # what the parser says, and what callers are told
    ("duplicate key", "a key appears twice in one object"),
    ("recursion limit", f"it is nested deeper than {DEEPEST} levels"),
    ("surrogate", "a text holds U+0000 or half of a surrogate pair"),
    ("unicode code point", "it is not UTF-8"),
)
PLAIN = (str, bool, type(None))


def parse_document(body: bytes) -> Any:
    """Read a JSON body.

    Args:
        body: the bytes as sent.

    Returns:
        The document.

    Raises:
        Refusal: not JSON, or JSON that this API does not take (code ``invalid_json``).
        Invalid: a number beyond 64 bits (code ``out_of_range``).

    >>> parse_document(b'{"date": "2025-07-01"}')
    {'date': '2025-07-01'}
    """
    try:
        document = jiter.from_json(body, allow_inf_nan=False, catch_duplicate_keys=True)
    except ValueError as error:
        if "number out of range" not in str(error):
            raise _unreadable(body, str(error)) from None
        document = _with_long_numbers(body)
    if NUL_ESCAPE in body and _has_nul(document):
        raise _malformed("a text holds U+0000 or half of a surrogate pair")
    if not _is_in_range(document, 0):
        raise _out_of_range(document)
    return document


def _is_in_range(value: Any, depth: int) -> bool:
    """Look at every value once; most are texts, so those are passed over first."""
    kind = type(value)
    if kind in PLAIN:
        return True
    if kind is dict or kind is list:
        if depth == DEEPEST:
            raise _malformed(f"it is nested deeper than {DEEPEST} levels")
        within = True
        for item in value.values() if kind is dict else value:
            if type(item) is not str and not _is_in_range(item, depth + 1):
                within = False
        return within
    return not _is_out_of_range(value)


def _is_out_of_range(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    return isinstance(value, int) and not -INT64 <= value < INT64


def _walk(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _walk(item, (*path, key))
    else:
        yield path, value


def _has_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any("\0" in key or _has_nul(item) for key, item in value.items())
    if isinstance(value, list):
        return any(map(_has_nul, value))
    return isinstance(value, str) and "\0" in value


def _with_long_numbers(body: bytes) -> Any:
    """Read a document with numbers so long that the quick parser stops at them, to say where they are."""
    try:
        return json.loads(body, parse_int=lambda digits: int(digits[:LONGEST_INT_CHARS]))
    except (ValueError, RecursionError):
        raise _malformed("it is not JSON") from None


def _unreadable(body: bytes, said: str) -> Refusal:
    found = next((reason for mark, reason in REASONS if mark in said), None)
    return _malformed(found or ("it is not JSON" if body.strip() else "it is empty"))


def _out_of_range(document: Any) -> Invalid:
    message = "Numbers must be between -2^63 and 2^63."
    places = [path for path, value in _walk(document, ()) if _is_out_of_range(value)]
    return Invalid([{"loc": ["body", *path], "msg": message, "type": "out_of_range"} for path in places])


def _malformed(reason: str) -> Refusal:
    return Refusal(400, "invalid_json", f"The body cannot be read: {reason}.")
