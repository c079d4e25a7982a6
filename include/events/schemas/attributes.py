"""Typed attributes of events, and the form they are stored in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

DEFAULT_MAX_LENGTH = 1024  # characters of a string when the schema names no other number


class AttributeType(StrEnum):
    """Types an attribute may have."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    ENUM = "enum"


@dataclass(frozen=True)
class Attribute:
    """One attribute of an event.

    Attributes:
        name: its key among the event's properties.
        type: what its values must be.
        is_required: an event without it is refused.
        values: what an enum may be, in the order given; empty for other types.
        max_length: characters a string may have; without meaning for other types.
    """

    name: str
    type: AttributeType
    is_required: bool = False
    values: tuple[str, ...] = ()
    max_length: int = DEFAULT_MAX_LENGTH

    def to_record(self) -> dict[str, Any]:
        """Give the form it is stored and shown in."""
        record: dict[str, Any] = {"name": self.name, "type": self.type.value, "required": self.is_required}
        if self.type is AttributeType.ENUM:
            record["values"] = list(self.values)
        if self.type is AttributeType.STRING:
            record["max_length"] = self.max_length
        return record


def attribute_from(record: Mapping[str, Any]) -> Attribute:
    """Read an attribute back from its stored form.

    Args:
        record: what :meth:`Attribute.to_record` gave.

    Returns:
        The attribute.
    """
    return Attribute(
        name=record["name"],
        type=AttributeType(record["type"]),
        is_required=bool(record.get("required", False)),
        values=tuple(record.get("values") or ()),
        max_length=record.get("max_length") or DEFAULT_MAX_LENGTH,
    )
