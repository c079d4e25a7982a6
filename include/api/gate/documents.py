"""JSON bodies as this API takes them: strict where the JSON standard leaves room for surprises."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from include.api.gate.problems import Invalid, Refusal

LARGEST_BODY_BYTES = 1_048_576
DEEPEST = 32
INT64 = 2**63
LONGEST_INT_CHARS = 20  # digits of 2**63 with a sign; longer ones are not even converted
TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
FORBIDDEN = re.compile("[\0\ud800-\udfff]")


class _TooLarge:
    """Stands for a number outside the range until its place is known."""


TOO_LARGE = _TooLarge()


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
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise _malformed("it is not UTF-8") from None
    _check_depth(text)
    try:
        document = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_real,
            parse_constant=_refuse_constant,
        )
    except (json.JSONDecodeError, RecursionError):
        raise _malformed("it is not JSON" if text.strip() else "it is empty") from None
    faults = [
        {"loc": ["body", *path], "msg": "Numbers must be between -2^63 and 2^63.", "type": "out_of_range"}
        for path, value in _walk(document, ())
        if value is TOO_LARGE
    ]
    if faults:
        raise Invalid(faults)
    return document


def _check_depth(text: str) -> None:
    depth = 0
    for token in TOKENS.finditer(text):
        first = token.group()[0]
        if first in "[{":
            depth += 1
            if depth > DEEPEST:
                raise _malformed(f"it is nested deeper than {DEEPEST} levels")
        elif first in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _malformed("a key appears twice in one object")
    return found


def _integer(digits: str) -> int | _TooLarge:
    if len(digits) > LONGEST_INT_CHARS:
        return TOO_LARGE
    value = int(digits)
    return value if -INT64 <= value < INT64 else TOO_LARGE


def _real(digits: str) -> float | _TooLarge:
    value = float(digits)
    return value if math.isfinite(value) else TOO_LARGE


def _refuse_constant(name: str) -> Any:
    raise _malformed(f"{name} is not a JSON number")


def _walk(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            yield from _walk(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, (*path, index))
    else:
        if isinstance(value, str):
            _check_text(value)
        yield path, value


def _check_text(text: str) -> None:
    if FORBIDDEN.search(text):
        raise _malformed("a text holds U+0000 or half of a surrogate pair")


def _malformed(reason: str) -> Refusal:
    return Refusal(400, "invalid_json", f"The body cannot be read: {reason}.")
