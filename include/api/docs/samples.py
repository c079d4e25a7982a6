"""Examples out of the OpenAPI document: bodies as it shows them, and a line for the shell."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

JSON_TYPE = "application/json"
PLACE = re.compile(r"\{(\w+)\}")
NOTHING = object()


def resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow the reference of a schema.

    Args:
        document: the OpenAPI document.
        schema: a schema, or a reference to one.

    Returns:
        The schema itself.
    """
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    found: Mapping[str, Any] = document["components"]["schemas"][name] if name else schema
    return found


def example_of(document: Mapping[str, Any], content: Mapping[str, Any]) -> Any:
    """Find the example of a JSON content.

    Args:
        document: the OpenAPI document.
        content: contents by type.

    Returns:
        The example; ``NOTHING`` when the document shows none.
    """
    media = content.get(JSON_TYPE) or {}
    if "example" in media:
        return media["example"]
    if media.get("examples"):
        return next(iter(media["examples"].values()))["value"]
    return _of_schema(document, media.get("schema") or {})


def _of_schema(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    found = resolved(document, schema)
    if found.get("examples"):
        return found["examples"][0]
    if found.get("type") == "array":
        item = _of_schema(document, found.get("items") or {})
        return NOTHING if item is NOTHING else [item]
    return _of_fields(document, found)


def _of_fields(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    """Put the example of an object together from those of its fields."""
    fields = schema.get("properties") or {}
    found = {name: _of_schema(document, field) for name, field in fields.items()}
    if any(found[name] is NOTHING for name in schema.get("required", ()) if name in found):
        return NOTHING
    shown = {name: value for name, value in found.items() if value is not NOTHING}
    return shown or NOTHING


def curl_of(method: str, path: str, operation: Mapping[str, Any], body: Any) -> str:
    """Write a request as a line for the shell.

    Args:
        method: HTTP method.
        path: path with its places in braces.
        operation: its part of the document.
        body: example of its body, or ``NOTHING``.

    Returns:
        The line; places and credentials are variables of the shell.
    """
    parts = ["curl -s" if method == "GET" else f"curl -s -X {method}"]
    parts.append(f'"$API{PLACE.sub(lambda found: "$" + found[1].upper(), path)}"')
    names = {name for way in operation.get("security", ()) for name in way}
    if names:
        parts.append('-H "X-API-Key: $KEY"' if operation["x-callers"][0].startswith("keys") else '-H "$AUTH"')
    if body is not NOTHING:
        shown = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
        parts += ["-H 'Content-Type: application/json'", f"-d '{shown}'"]
    return " ".join(parts)
