"""Fields of an event that are more than a text: objects, choices, the subject and the scope."""

from __future__ import annotations

from typing import Any

from include.events.envelope.codes import refusal, shown, step
from include.events.envelope.identities import NAMESPACES
from include.events.envelope.texts import short_id, short_text

SCOPE_TYPES = frozenset(("course", "order", "product", "page", "segment"))
ENVELOPE_VERSION = 1
NOTHING: dict[str, Any] = {}


def object_in(event: dict[str, Any], key: str) -> dict[str, Any]:
    """Read an optional JSON object.

    Args:
        event: as parsed.
        key: the field.

    Returns:
        The object, empty when the field is absent or null; not to be changed.

    Raises:
        InputError: something else (``bad_type``).
    """
    value = event.get(key)
    if value is None:
        return NOTHING
    if value.__class__ is not dict:
        raise refusal("bad_type", f"/{key}", f"{key} must be a JSON object.")
    found: dict[str, Any] = value
    return found


def text_in(event: dict[str, Any], key: str) -> str:
    """Read an optional text of at most 128 characters.

    Args:
        event: as parsed.
        key: the field.

    Returns:
        The text, trimmed; empty when the field is absent or null.

    Raises:
        InputError: ``bad_type`` or ``bad_string``.
    """
    value = event.get(key)
    return "" if value is None else short_text(value, f"/{key}")


def one_of(value: Any, allowed: frozenset[str], pointer: str) -> str:
    """Read an optional choice.

    Args:
        value: as sent, None without.
        allowed: what it may be.
        pointer: JSON pointer of the value, from the event on.

    Returns:
        The choice, empty without one.

    Raises:
        InputError: ``bad_type`` or ``enum_value``.
    """
    if value is None:
        return ""
    if value.__class__ is not str:
        raise refusal("bad_type", pointer, f"{pointer[1:]} must be a text.")
    if value not in allowed:
        raise refusal("enum_value", pointer, f"{shown(value)} is none of {', '.join(sorted(allowed))}.")
    text: str = value
    return text


def check_version(version: Any) -> None:
    """Refuse envelopes of a version that does not exist.

    Args:
        version: as sent, None without.

    Raises:
        InputError: ``bad_type`` or ``out_of_range``.
    """
    if version is None:
        return
    if version.__class__ is not int:
        raise refusal("bad_type", "/schema_version", "schema_version must be the integer 1.")
    if version != ENVELOPE_VERSION:
        raise refusal("out_of_range", "/schema_version", "schema_version must be 1, the only one there is.")


def subject_of(value: Any) -> tuple[str, ...]:
    """Read the subject of an envelope.

    Args:
        value: as sent, None without.

    Returns:
        External ids in the order of ``NAMESPACES``, empty texts for those not given; at least one is given.

    Raises:
        InputError: ``no_subject``, ``bad_type``, ``unknown_field``, ``out_of_range`` or ``bad_string``.

    >>> subject_of({"device_id": "d", "user_id": 7})
    ('7', '', '', '', 'd', '')
    """
    if value is None:
        raise refusal("no_subject", "/subject", "subject is missing.")
    if value.__class__ is not dict:
        raise refusal("bad_type", "/subject", "subject must be a JSON object.")
    if not value:
        raise refusal("no_subject", "/subject", "subject is empty.")
    for key in value:
        if key not in NAMESPACES:
            raise refusal("unknown_field", f"/subject{step(key)}", f"{shown(key)} is none of {', '.join(NAMESPACES)}.")
    return tuple(short_id(value[name], f"/subject/{name}") if name in value else "" for name in NAMESPACES)


def scope_of(value: Any) -> tuple[str, str, str]:
    """Read the scope of an envelope.

    Args:
        value: as sent, None without.

    Returns:
        Type, id and module; empty texts for those not given.

    Raises:
        InputError: ``bad_type``, ``unknown_field``, ``missing_field``, ``enum_value``, ``out_of_range`` or
            ``bad_string``.
    """
    if value is None:
        return "", "", ""
    if value.__class__ is not dict:
        raise refusal("bad_type", "/scope", "scope must be a JSON object.")
    for key in value:
        if key not in ("type", "id", "module_id"):
            raise refusal("unknown_field", f"/scope{step(key)}", f"{shown(key)} is none of type, id, module_id.")
    for key in ("type", "id"):
        if value.get(key) is None:
            raise refusal("missing_field", f"/scope/{key}", f"scope has no {key}.")
    module = value.get("module_id")
    return (
        one_of(value["type"], SCOPE_TYPES, "/scope/type"),
        short_id(value["id"], "/scope/id"),
        "" if module is None else short_id(module, "/scope/module_id"),
    )
