"""Which changes of an event's attributes keep every event that fitted before fitting.

Compatible: a new optional attribute; integer to number; required to optional; more values of an enum; a longer
string. Nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from include.events.schemas.attributes import Attribute, AttributeType

WIDENED = {(AttributeType.INTEGER, AttributeType.NUMBER)}


def are_equal(old: Sequence[Attribute], new: Sequence[Attribute]) -> bool:
    """Tell whether two lists of attributes say the same; their order and that of enum values say nothing.

    Args:
        old: with distinct names.
        new: with distinct names.

    Returns:
        True when they do.
    """
    return _by_name(old) == _by_name(new)


def find_conflicts(old: Sequence[Attribute], new: Sequence[Attribute]) -> dict[str, str]:
    """Find what stands against replacing one list of attributes by another.

    Args:
        old: what is registered.
        new: what is wanted.

    Returns:
        Reason by name of attribute, first those of the old list; empty when the change is compatible.
    """
    wanted = {attribute.name: attribute for attribute in new}
    known = {attribute.name for attribute in old}
    found = {attribute.name: _conflict(attribute, wanted.get(attribute.name)) for attribute in old}
    found |= {
        attribute.name: "a new attribute must be optional"
        for attribute in new
        if attribute.name not in known and attribute.is_required
    }
    return {name: reason for name, reason in found.items() if reason}


def merge(old: Sequence[Attribute], new: Sequence[Attribute]) -> tuple[Attribute, ...]:
    """Put a compatible change together: what was there keeps its place, what is new follows.

    Statistics take the first fitting attribute when none is named, so a change must not reorder them.

    Args:
        old: what is registered.
        new: what is wanted, compatible with it.

    Returns:
        The attributes of the next version.
    """
    wanted = {attribute.name: attribute for attribute in new}
    kept = [_in_old_order(attribute, wanted.pop(attribute.name)) for attribute in old]
    return (*kept, *wanted.values())


def _conflict(old: Attribute, new: Attribute | None) -> str:
    if new is None:
        return "it is registered and may not be left out"
    if old.type is not new.type and (old.type, new.type) not in WIDENED:
        return f"its type cannot change from {old.type} to {new.type}"
    if new.is_required and not old.is_required:
        return "it is optional and cannot become required"
    gone = [value for value in old.values if value not in set(new.values)]
    if gone:
        return f"its value {gone[0]!r} may not be left out"
    if old.type is AttributeType.STRING and new.max_length < old.max_length:
        return f"its max_length cannot shrink from {old.max_length} to {new.max_length}"
    return ""


def _in_old_order(old: Attribute, new: Attribute) -> Attribute:
    known = set(old.values)
    return replace(new, values=(*old.values, *(value for value in new.values if value not in known)))


def _by_name(attributes: Sequence[Attribute]) -> dict[str, tuple[object, ...]]:
    return {
        found.name: (found.type, found.is_required, frozenset(found.values), found.max_length) for found in attributes
    }
