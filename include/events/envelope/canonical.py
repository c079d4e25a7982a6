"""Canonical JSON: one spelling for equal values."""

from __future__ import annotations

import math
import re
from typing import Any

import orjson

from include.events.envelope.codes import refusal, step
from include.events.envelope.texts import is_storable

SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**63 - 1
FAST = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER  # integers beyond 53 bits take the slow way, which tells 64
# Marks of an integral float (written with ".0" or a positive exponent), of what is not finite (written as null), and
# of U+0000; they may also stand in texts, which costs time and nothing else.
find_suspicious = re.compile(rb"\.0(?:[,}\]]|$)|e\+|null|\\u0000").search


def canonical_json(value: Any, pointer: str = "") -> bytes:
    r"""Write a JSON value in its one spelling.

    Keys are sorted by code point, there are no blanks, numbers without a fraction that fit 64 bits are integers
    (``1.0``, ``1e0`` and ``1`` are the same), texts are UTF-8 with the shortest escapes.

    Args:
        value: as a JSON parser gave it.
        pointer: JSON pointer of the value, for errors.

    Returns:
        UTF-8.

    Raises:
        InputError: an integer beyond 64 bits or a number that is not finite (``out_of_range``); a text with U+0000
            or half of a surrogate pair (``bad_string``).

    >>> canonical_json({"b": 1e0, "a": [None, "é"]})
    b'{"a":[null,"\xc3\xa9"],"b":1}'
    """
    try:
        written = orjson.dumps(value, option=FAST)
    except TypeError:
        return orjson.dumps(_normal(value, pointer), option=orjson.OPT_SORT_KEYS)
    if find_suspicious(written):
        return orjson.dumps(_normal(value, pointer), option=orjson.OPT_SORT_KEYS)
    return written


def _normal(value: Any, pointer: str) -> Any:
    if isinstance(value, dict):
        for key in value:
            if not is_storable(key):
                raise refusal("bad_string", pointer, "A key holds U+0000 or half of a surrogate pair.")
        return {key: _normal(item, pointer + step(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_normal(item, f"{pointer}/{index}") for index, item in enumerate(value)]
    if isinstance(value, str):
        if not is_storable(value):
            raise refusal("bad_string", pointer, "The text holds U+0000 or half of a surrogate pair.")
        return value
    return _normal_number(value, pointer)


def _normal_number(value: Any, pointer: str) -> Any:
    if value.__class__ is float:
        if not math.isfinite(value):
            raise refusal("out_of_range", pointer, "The number is beyond a double.")
        whole = int(value)
        return whole if whole == value and SMALLEST_INTEGER <= whole <= LARGEST_INTEGER else value
    if value.__class__ is int and not SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
        raise refusal("out_of_range", pointer, "The integer is beyond 64 bits.")
    return value
