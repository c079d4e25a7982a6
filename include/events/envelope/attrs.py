"""Attributes of a device message: an object, or a list of entries with name, type and value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from include.events.envelope.codes import refusal, shown, step
from include.events.envelope.limits import MOST_PROPS

ENTRY_FIELDS = frozenset(("name", "type", "value"))
ATTRIBUTE_TYPES = frozenset(("string", "integer", "number", "boolean", "datetime", "enum"))


@dataclass(slots=True)
class Attrs:
    """Attributes in the common form, with the places they came from.

    Attributes:
        props: value by name; entries without a value are not in it.
        positions: place in the list by name; None when they came as an object.
        types: type listed with an entry, by name.
        has_valueless: whether an entry had no value.
    """

    props: dict[str, Any]
    positions: dict[str, int] | None
    types: dict[str, str]
    has_valueless: bool


def attrs_of(value: Any) -> Attrs:
    """Read the attributes of a device message.

    Args:
        value: as sent; None without any.

    Returns:
        The attributes.

    Raises:
        InputError: neither object nor list, or an entry that is not one (``bad_type``, ``not_object``,
            ``missing_field``, ``unknown_field``, ``bad_name``, ``enum_value``, ``too_many_props``).

    >>> attrs_of([{"name": "quantity", "type": "integer", "value": 2}]).props
    {'quantity': 2}
    """
    if value is None:
        return Attrs({}, None, {}, False)
    if value.__class__ is dict:
        return Attrs(value, None, {}, False)
    if value.__class__ is not list:
        raise refusal("bad_type", "/attrs", "attrs must be a JSON object or a list.")
    if len(value) > MOST_PROPS:
        raise refusal("too_many_props", "/attrs", f"The event has {len(value)} attributes.")
    found = Attrs({}, {}, {}, False)
    for position, entry in enumerate(value):
        _add(found, position, entry)
    return found


def check_types(attrs: Attrs, known: Mapping[str, str]) -> None:
    """Hold the types listed in a message against those of the schema.

    Args:
        attrs: of the message.
        known: type by name in the schema.

    Raises:
        InputError: another type (``attr_type_mismatch``).
    """
    for name, listed in attrs.types.items():
        wanted = known.get(name)
        if wanted is not None and listed != wanted and attrs.positions is not None:
            pointer = f"/attrs/{attrs.positions[name]}/type"
            raise refusal(
                "attr_type_mismatch", pointer, f"{shown(name)} is listed as {listed}, its schema says {wanted}."
            )


def place_in_list(positions: Mapping[str, int], pointer: str) -> str:
    """Turn a pointer below an object of attributes into one below the list they were sent in.

    Args:
        positions: place in the list by name.
        pointer: for example ``/quantity``, or deeper.

    Returns:
        For example ``/1/value``; empty, the list itself, when the attribute is not in it.

    >>> place_in_list({"quantity": 1}, "/quantity/0"), place_in_list({}, "/quantity")
    ('/1/value/0', '')
    """
    first, slash, rest = pointer[1:].partition("/")
    position = positions.get(first.replace("~1", "/").replace("~0", "~"))
    return "" if position is None else f"/{position}/value{slash}{rest}"


def _add(found: Attrs, position: int, entry: Any) -> None:
    pointer = f"/attrs/{position}"
    if entry.__class__ is not dict:
        raise refusal("not_object", pointer, "An entry of attrs is not a JSON object.")
    for key in entry:
        if key not in ENTRY_FIELDS:
            raise refusal("unknown_field", pointer + step(key), f"{shown(key)} is none of name, type, value.")
    if entry.get("name") is None:
        raise refusal("missing_field", f"{pointer}/name", "An entry of attrs has no name.")
    name, listed = entry["name"], entry.get("type")
    if name.__class__ is not str:
        raise refusal("bad_type", f"{pointer}/name", "The name of an attribute must be a text.")
    assert found.positions is not None
    if name in found.positions:
        raise refusal("bad_name", f"{pointer}/name", f"The attribute {shown(name)} is listed twice.")
    found.positions[name] = position
    if listed is not None:
        found.types[name] = _attribute_type(listed, f"{pointer}/type")
    if entry.get("value") is None:
        found.has_valueless = True
    else:
        found.props[name] = entry["value"]


def _attribute_type(listed: Any, pointer: str) -> str:
    if listed.__class__ is not str:
        raise refusal("bad_type", pointer, "The type of an attribute must be a text.")
    if listed not in ATTRIBUTE_TYPES:
        raise refusal("enum_value", pointer, f"{shown(listed)} is none of {', '.join(sorted(ATTRIBUTE_TYPES))}.")
    name: str = listed
    return name
