"""Limits of one event: its size, and the number and depth of its attributes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from include.events.envelope.canonical import canonical_json
from include.events.envelope.codes import refusal, step

LARGEST_EVENT_BYTES = 64 * 1024
LARGEST_PROPS_BYTES = 32 * 1024
LARGEST_CONTEXT_BYTES = 8 * 1024
MOST_PROPS = 200
DEEPEST_PROPS = 5  # levels of objects and lists, the object of attributes itself counted
DEEPEST_EVENT = 32


def check_event(event: Any) -> None:
    """Refuse what is no event at all: no object, too large, or with values no store can keep.

    Args:
        event: as parsed.

    Raises:
        InputError: ``not_object``, ``event_too_large``, ``out_of_range``, ``bad_string`` or ``props_too_deep``.
    """
    if event.__class__ is not dict:
        raise refusal("not_object", "", "The event is not a JSON object.")
    try:
        written = orjson.dumps(event)
    except TypeError:
        written = _written_slowly(event)
    if len(written) > LARGEST_EVENT_BYTES:
        raise refusal("event_too_large", "", f"The event has {len(written)} bytes of JSON.")
    if b"\\u0000" in written:
        canonical_json(event)


def check_props(props: dict[str, Any]) -> None:
    """Refuse too many attributes and too deep ones.

    Args:
        props: attributes as sent.

    Raises:
        InputError: ``too_many_props`` or ``props_too_deep``; the pointer starts at the attributes.
    """
    if len(props) > MOST_PROPS:
        raise refusal("too_many_props", "", f"The event has {len(props)} attributes.")
    for key, value in props.items():
        if value.__class__ is dict or value.__class__ is list:
            _check_depth(value, step(key), DEEPEST_PROPS)


def check_size(written: bytes, most_bytes: int, pointer: str, what: str) -> None:
    """Refuse a part of an event that is too large.

    Args:
        written: the part as canonical JSON.
        most_bytes: what it may have.
        pointer: JSON pointer of the part.
        what: name of the part, for the message.

    Raises:
        InputError: ``event_too_large``.
    """
    if len(written) > most_bytes:
        raise refusal("event_too_large", pointer, f"{what} has {len(written)} bytes of JSON.")


def _written_slowly(event: dict[str, Any]) -> bytes:
    """Find out why the fast writer refused: some place is too deep, or holds what no store can keep."""
    _check_depth(event, "", DEEPEST_EVENT + 1)
    return canonical_json(event)


def _check_depth(value: Any, pointer: str, most_levels: int) -> None:
    waiting, item_count = [(value, pointer, 2)], 0  # the object around is the first level
    while waiting:
        around, place, level = waiting.pop()
        item_count += len(around)
        if item_count * 2 > LARGEST_EVENT_BYTES:  # an item takes two bytes and more; a bomb is not walked to its end
            raise refusal("event_too_large", "", f"The event has more than {LARGEST_EVENT_BYTES} bytes of JSON.")
        if level > most_levels:
            raise refusal("props_too_deep", place, "The value is nested too deep.")
        waiting.extend((inner, way, level + 1) for inner, way in _containers(around, place))


def _containers(around: Any, place: str) -> Iterator[tuple[Any, str]]:
    if around.__class__ is dict:
        found = ((item, place + step(key)) for key, item in around.items())
    else:
        found = ((item, f"{place}/{index}") for index, item in enumerate(around))
    return ((item, way) for item, way in found if item.__class__ is dict or item.__class__ is list)
