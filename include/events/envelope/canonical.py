"""Canonical JSON: one spelling for equal values."""

from __future__ import annotations

import math
import re
from typing import Any

import orjson

from include.errors import InputError
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
        written = None
    if written is not None and not find_suspicious(written):
        return written
    try:
        return orjson.dumps(_normal(value), option=orjson.OPT_SORT_KEYS)
    except InputError as error:
        raise InputError(error.message, code=error.code, pointer=_place(value, pointer)) from None


def _normal(value: Any) -> Any:
    """The value with integers where floats are whole; refuses what no store keeps, without saying where it stands."""
    kind = value.__class__
    if kind is float:
        return _normal_float(value)
    if kind is list:
        return [_normal(item) for item in value]
    if kind is dict:
        return {_normal(key): _normal(item) for key, item in value.items()}
    if kind is str and not is_storable(value):
        raise refusal("bad_string", "", "A text holds U+0000 or half of a surrogate pair.")
    if kind is int and not SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
        raise refusal("out_of_range", "", "An integer is beyond 64 bits.")
    return value


def _normal_float(value: float) -> float | int:
    if value.is_integer():
        return int(value) if SMALLEST_INTEGER <= value <= LARGEST_INTEGER else value
    if not math.isfinite(value):
        raise refusal("out_of_range", "", "A number is beyond a double.")
    return value


def _place(value: Any, pointer: str) -> str:
    """Where the first part stands that cannot be kept; a key that cannot be kept points at its object."""
    if value.__class__ is dict:
        parts = [(step(key), item) for key, item in value.items()]
    elif value.__class__ is list:
        parts = [(f"/{index}", item) for index, item in enumerate(value)]
    else:
        return pointer
    bad = next(((way, item) for way, item in parts if not _can_be_kept(item)), None)
    return pointer if bad is None else _place(bad[1], pointer + bad[0])


def _can_be_kept(value: Any) -> bool:
    try:
        _normal(value)
    except InputError:
        return False
    return True
