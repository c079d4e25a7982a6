"""Attributes of a device message: an object, or a list of entries with name, type and value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from include.errors import InputError
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
    positions: dict[str, int] = {}
    found = Attrs({}, positions, {}, False)
    for position, entry in enumerate(value):
        _add(found, positions, position, entry)
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


def _add(found: Attrs, positions: dict[str, int], position: int, entry: Any) -> None:
    if entry.__class__ is not dict or not entry.keys() <= ENTRY_FIELDS or entry.get("name").__class__ is not str:
        raise _bad_entry(entry, f"/attrs/{position}")
    name, listed, value = entry["name"], entry.get("type"), entry.get("value")
    if name in positions:
        raise refusal("bad_name", f"/attrs/{position}/name", f"The attribute {shown(name)} is listed twice.")
    positions[name] = position
    if listed is not None:
        if listed.__class__ is not str or listed not in ATTRIBUTE_TYPES:
            raise _bad_type(listed, f"/attrs/{position}/type")
        found.types[name] = listed
    if value is None:
        found.has_valueless = True
    else:
        found.props[name] = value


def _bad_entry(entry: Any, pointer: str) -> InputError:
    if entry.__class__ is not dict:
        return refusal("not_object", pointer, "An entry of attrs is not a JSON object.")
    for key in entry:
        if key not in ENTRY_FIELDS:
            return refusal("unknown_field", pointer + step(key), f"{shown(key)} is none of name, type, value.")
    if entry.get("name") is None:
        return refusal("missing_field", f"{pointer}/name", "An entry of attrs has no name.")
    return refusal("bad_type", f"{pointer}/name", "The name of an attribute must be a text.")


def _bad_type(listed: Any, pointer: str) -> InputError:
    if listed.__class__ is not str:
        return refusal("bad_type", pointer, "The type of an attribute must be a text.")
    return refusal("enum_value", pointer, f"{shown(listed)} is none of {', '.join(sorted(ATTRIBUTE_TYPES))}.")
