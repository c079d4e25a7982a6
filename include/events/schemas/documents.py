"""Schemas of events as JSON Schema 2020-12, for whoever wants to check events before sending them.

They say what ``compiled.py`` decides, with two rules that JSON Schema has no word for: a null counts as absent, so
an optional attribute may also be null; and the calendar inside ``date-time`` is left to the reader's ``format``.
"""

from __future__ import annotations

from typing import Any

from include.events.schemas.attributes import Attribute, AttributeType
from include.events.schemas.compiled import EventSchema
from include.events.schemas.judges import DATETIME_PATTERN, LARGEST_INTEGER, LARGEST_NUMBER, SMALLEST_INTEGER

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PLAIN: dict[AttributeType, dict[str, Any]] = {
    AttributeType.INTEGER: {"type": "integer", "minimum": SMALLEST_INTEGER, "maximum": LARGEST_INTEGER},
    AttributeType.NUMBER: {"type": "number", "minimum": -LARGEST_NUMBER, "maximum": LARGEST_NUMBER},
    AttributeType.BOOLEAN: {"type": "boolean"},
    AttributeType.DATETIME: {"type": "string", "format": "date-time", "pattern": DATETIME_PATTERN},
}


def schema_document(schema: EventSchema, *, is_strict: bool) -> dict[str, Any]:
    """Write a version of a schema as JSON Schema of the event's properties.

    Args:
        schema: the version.
        is_strict: attributes it does not know are refused.

    Returns:
        The document.
    """
    return {
        "$schema": DIALECT,
        "$id": f"urn:counterflow:{schema.event_code}:{schema.version}",
        "title": schema.event_name,
        "type": "object",
        "properties": {attribute.name: _property(attribute) for attribute in schema.attributes},
        "required": [attribute.name for attribute in schema.attributes if attribute.is_required],
        "additionalProperties": {"type": "null"} if is_strict else True,
    }


def _property(attribute: Attribute) -> dict[str, Any]:
    if attribute.type is AttributeType.ENUM:
        return {"enum": [*attribute.values, *([] if attribute.is_required else [None])]}
    plain = _PLAIN.get(attribute.type) or {"type": "string", "maxLength": attribute.max_length}
    return plain if attribute.is_required else {**plain, "type": [plain["type"], "null"]}
