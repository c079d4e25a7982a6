"""One judge per type: takes a value as JSON gave it, returns it as it is kept, or says why not."""

from __future__ import annotations

import datetime as dt
import re
import sys
from collections.abc import Callable
from typing import Any

from include.events.schemas.attributes import Attribute, AttributeType

SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**63 - 1
LARGEST_NUMBER = sys.float_info.max
TYPE_MISMATCH, ENUM_VALUE, TOO_LONG, OUT_OF_RANGE = "attr_type_mismatch", "enum_value", "attr_too_long", "out_of_range"
FIRST_UNSURE_DAY = 29  # days up to the 28th exist in every month

# RFC 3339 with its offset; second 60 is refused, since no clock of the stores can show it, and so is year 0.
DATETIME_PATTERN = (
    r"^(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$"
)
_DATETIME_FORM = re.compile(DATETIME_PATTERN[1:-1])

Judge = Callable[[Any], Any]


class Misfit(Exception):
    """A value that an attribute does not take.

    Args:
        code: short machine-readable reason.
        message: what the value must be; never the value itself.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def judge_of(attribute: Attribute) -> Judge:
    """Give the judge of an attribute.

    Args:
        attribute: the attribute.

    Returns:
        Function of one value, never None; raises :class:`Misfit`.
    """
    if attribute.type is AttributeType.STRING:
        return _string_judge(attribute.max_length)
    if attribute.type is AttributeType.ENUM:
        return _enum_judge(frozenset(attribute.values))
    return _PLAIN_JUDGES[attribute.type]


def is_datetime(text: str) -> bool:
    """Tell whether a text is an instant of RFC 3339 that exists in the calendar.

    Args:
        text: any text.

    Returns:
        True when it is.

    >>> is_datetime("2025-07-01T12:00:00+03:00"), is_datetime("2025-02-29T12:00:00Z")
    (True, False)
    """
    if _DATETIME_FORM.fullmatch(text) is None:
        return False
    if int(text[8:10]) < FIRST_UNSURE_DAY:
        return True
    try:
        dt.date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True


def _string_judge(max_length: int) -> Judge:
    def string(value: Any) -> Any:
        """A text that is not too long."""
        if value.__class__ is not str:
            raise Misfit(TYPE_MISMATCH, "must be a text")
        if len(value) > max_length:
            raise Misfit(TOO_LONG, f"has {len(value)} characters; at most {max_length} are taken")
        return value

    return string


def _enum_judge(values: frozenset[str]) -> Judge:
    def enum(value: Any) -> Any:
        """One of the values, exactly."""
        if value.__class__ is not str or value not in values:
            raise Misfit(ENUM_VALUE, "must be one of the values of its schema")
        return value

    return enum


def _integer(value: Any) -> Any:
    if value.__class__ is float and value.is_integer():
        value = int(value)
    elif value.__class__ is not int:
        raise Misfit(TYPE_MISMATCH, "must be an integer")
    if not SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
        raise Misfit(OUT_OF_RANGE, "must be an integer of 64 bits, -2^63 to 2^63 - 1")
    return value


def _number(value: Any) -> Any:
    if (value.__class__ is not int and value.__class__ is not float) or value != value:
        raise Misfit(TYPE_MISMATCH, "must be a number")
    if not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        raise Misfit(OUT_OF_RANGE, "must be a number that a double can hold")
    return value


def _boolean(value: Any) -> Any:
    if value.__class__ is not bool:
        raise Misfit(TYPE_MISMATCH, "must be true or false")
    return value


def _datetime(value: Any) -> Any:
    if value.__class__ is not str or not is_datetime(value):
        raise Misfit(TYPE_MISMATCH, "must be an instant such as 2025-07-01T12:00:00+03:00")
    return value


_PLAIN_JUDGES: dict[AttributeType, Judge] = {
    AttributeType.INTEGER: _integer,
    AttributeType.NUMBER: _number,
    AttributeType.BOOLEAN: _boolean,
    AttributeType.DATETIME: _datetime,
}
