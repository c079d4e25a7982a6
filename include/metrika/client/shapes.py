"""Reads single values out of Metrika's JSON, whose shapes differ between pages and reality."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from include.errors import SourceDataError

Json = Mapping[str, Any]


def take_object(body: Json, key: str, asked: str) -> Json:
    """An object that the answer must hold.

    Args:
        body: the answer.
        key: its key.
        asked: what was asked, for the message.

    Returns:
        The object.

    Raises:
        SourceDataError: the answer holds no such object.
    """
    value = body.get(key)
    if not isinstance(value, Mapping):
        raise SourceDataError(f"Metrika's answer to {asked} lacks {key!r}; check METRIKA_API_URL.")
    return value


def iter_objects(body: Json, key: str) -> Iterator[Json]:
    """The objects of a list that may be missing or null.

    Args:
        body: the answer.
        key: key of the list.

    Yields:
        Its objects; anything else in it is passed over.
    """
    value = body.get(key)
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, Mapping):
            yield entry


def read_int(body: Json, key: str) -> int | None:
    """A whole number that may be missing, null, or written as text.

    Args:
        body: an object.
        key: its key.

    Returns:
        The number, or None.
    """
    value = body.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return int(value)
    except (ValueError, OverflowError):
        return None


def need_int(body: Json, key: str, asked: str) -> int:
    """A whole number without which the answer is useless.

    Args:
        body: an object.
        key: its key.
        asked: what was asked, for the message.

    Returns:
        The number.

    Raises:
        SourceDataError: there is none.
    """
    number = read_int(body, key)
    if number is None:
        raise SourceDataError(f"Metrika's answer to {asked} lacks the number {key!r}; check METRIKA_API_URL.")
    return number


def read_text(body: Json, key: str) -> str:
    """A text that may be missing; of a list, the first one.

    Args:
        body: an object.
        key: its key.

    Returns:
        The text, empty when there is none.
    """
    value = body.get(key)
    if isinstance(value, list):
        value = value[0] if value else ""
    return "" if value is None else str(value)


def read_date(body: Json, key: str) -> dt.date | None:
    """A day written as a date or as an ISO time stamp.

    Args:
        body: an object.
        key: its key.

    Returns:
        The day, or None when there is none.
    """
    try:
        return dt.date.fromisoformat(read_text(body, key)[:10])
    except ValueError:
        return None


def read_instant(body: Json, key: str) -> dt.datetime | None:
    """An instant in ISO form; without an offset it is UTC.

    Args:
        body: an object.
        key: its key.

    Returns:
        Aware UTC, or None when there is none.
    """
    try:
        instant = dt.datetime.fromisoformat(read_text(body, key))
    except ValueError:
        return None
    return (instant if instant.tzinfo else instant.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)


def read_names(body: Json, key: str) -> tuple[str, ...]:
    """A list of texts, or a comma list.

    Args:
        body: an object.
        key: its key.

    Returns:
        The texts in order.
    """
    value = body.get(key)
    if isinstance(value, str):
        value = value.split(",")
    return tuple(str(name) for name in value) if isinstance(value, list) else ()
