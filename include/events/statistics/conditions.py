"""Filters as people write them, ``attribute:comparison:value``, held against the types of the schema."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from include.errors import InputError
from include.events.schemas.attributes import Attribute, AttributeType
from include.events.schemas.judges import Misfit, judge_of
from include.events.statistics.periods import milliseconds_of, parse_moment
from include.events.statistics.question import USER_CODE, Comparison, Condition

MAX_FILTERS, MAX_LISTED = 20, 200
UTC = ZoneInfo("UTC")
ORDERED = frozenset((AttributeType.STRING, AttributeType.INTEGER, AttributeType.NUMBER, AttributeType.DATETIME))
ORDERING = frozenset((Comparison.LT, Comparison.LE, Comparison.GT, Comparison.GE))
_INTEGER, _NUMBER = re.compile(r"-?\d{1,40}", re.ASCII), re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
LONGEST_NUMBER_CHARS = 400


def parse_condition(text: str, attributes: Mapping[str, Attribute], *, pointer: str) -> Condition:
    """Read one filter.

    Args:
        text: ``attribute:comparison:value``; of ``in`` a comma list or a JSON array; ``exists`` needs no value.
        attributes: what the event has, by name; ``user_code`` is always known.
        pointer: names the filter in refusals.

    Returns:
        The filter, its value typed.

    Raises:
        InputError: it is not of this form (``bad_filter``), names no attribute of the event (``unknown_attr``), or
            its value is not of the attribute's type (``attr_type_mismatch``, ``enum_value``, ``out_of_range``).
    """
    name, _, rest = text.partition(":")
    word, _, value = rest.partition(":")
    if word not in list(Comparison) or (":" not in rest and word != Comparison.EXISTS):
        raise InputError(
            f"Write a filter as attribute:comparison:value; comparisons are {', '.join(Comparison)}.",
            code="bad_filter",
            pointer=pointer,
        )
    comparison = Comparison(word)
    attribute = None if name == USER_CODE else attributes.get(name)
    if attribute is None and name != USER_CODE:
        raise InputError("A filter names no attribute of this event.", code="unknown_attr", pointer=pointer)
    if comparison is Comparison.EXISTS:
        return Condition(attribute, comparison, _yes_or_no(value or "true", pointer))
    if attribute is not None and comparison in ORDERING and attribute.type not in ORDERED:
        raise _mismatch(f"Values of {attribute.type} have no order; use eq, ne or in.", pointer)
    read = _reader(attribute, pointer)
    if comparison is not Comparison.IN:
        return Condition(attribute, comparison, read(value))
    return Condition(attribute, comparison, tuple(read(one) for one in _listed(value, pointer)))


def _reader(attribute: Attribute | None, pointer: str) -> Callable[[str], Any]:
    if attribute is None:
        return str

    def read(text: str) -> Any:
        """A value of the attribute's type."""
        if attribute.type is AttributeType.DATETIME:
            return milliseconds_of(parse_moment(text, UTC, pointer=pointer))
        if attribute.type is AttributeType.STRING:
            return text
        try:
            return judge_of(attribute)(_typed(text, attribute.type))
        except Misfit as misfit:
            raise InputError(f"A filter's value {misfit.message}.", code=misfit.code, pointer=pointer) from None

    return read


def _typed(text: str, kind: AttributeType) -> Any:
    if kind is AttributeType.BOOLEAN:
        return {"true": True, "false": False}.get(text, text)
    if kind is AttributeType.ENUM or len(text) > LONGEST_NUMBER_CHARS:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def _listed(text: str, pointer: str) -> list[str]:
    """The entries of a list; a JSON array where an entry holds a comma."""
    entries: Any = text.split(",")
    if text.startswith("["):
        try:
            entries = json.loads(text)
        except (ValueError, RecursionError):
            entries = None
        if not isinstance(entries, list) or any(isinstance(one, list | dict) or one is None for one in entries):
            raise InputError("A list that begins with [ must be a JSON array.", code="bad_filter", pointer=pointer)
        entries = [one if isinstance(one, str) else json.dumps(one) for one in entries]
    if not 1 <= len(entries) <= MAX_LISTED:
        raise InputError(f"A list holds 1 to {MAX_LISTED} values.", code="bad_filter", pointer=pointer)
    return list(entries)


def _yes_or_no(text: str, pointer: str) -> bool:
    if text not in ("true", "false"):
        raise _mismatch("Whether an attribute exists is true or false.", pointer)
    return text == "true"


def _mismatch(sentence: str, pointer: str) -> InputError:
    return InputError(sentence, code="attr_type_mismatch", pointer=pointer)
