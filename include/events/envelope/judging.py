"""Attributes, context and labels of an event: held against schema and limits, written as canonical JSON."""

from __future__ import annotations

from typing import Any, NamedTuple

from include.errors import InputError
from include.events.envelope.attrs import check_types, place_in_list
from include.events.envelope.canonical import canonical_json
from include.events.envelope.codes import CODES
from include.events.envelope.forms import Form
from include.events.envelope.limits import (
    LARGEST_CONTEXT_BYTES,
    LARGEST_PROPS_BYTES,
    check_props,
    check_size,
)
from include.events.schemas.compiled import EventSchema

NOTHING_JSON = b"{}"


class Judged(NamedTuple):
    """Attributes of an event that keep every rule.

    Attributes:
        json: the attributes as canonical JSON.
        warnings: codes.
    """

    json: bytes
    warnings: tuple[str, ...]


def judge_props(form: Form, schema: EventSchema | None, *, is_strict: bool) -> Judged:
    """Hold the attributes of an event against limits and schema.

    Args:
        form: the event.
        schema: of the event, None when it is not registered.
        is_strict: refuse attributes the schema does not know.

    Returns:
        The attributes without nulls, and what was odd.

    Raises:
        InputError: a limit or the schema is broken.
    """
    attrs = form.attrs
    if attrs is not None and attrs.types and schema is not None:
        check_types(attrs, schema.types)
    try:
        judged = _judge(form.props, schema, is_strict)
    except InputError as error:
        listed = None if attrs is None else attrs.positions
        below = error.pointer if listed is None else place_in_list(listed, error.pointer)
        raise InputError(error.message, code=error.code, pointer=form.places.props + below) from None
    if attrs is not None and attrs.has_valueless:
        return Judged(judged.json, (*judged.warnings, "attr_without_value"))
    return judged


def context_json_of(context: dict[str, Any]) -> bytes:
    """Write the context of an event.

    Args:
        context: as sent.

    Returns:
        Canonical JSON.

    Raises:
        InputError: larger than 8 KiB, or with a number or text that cannot be kept.
    """
    if not context:
        return NOTHING_JSON
    written = canonical_json(context, "/context")
    check_size(written, LARGEST_CONTEXT_BYTES, "/context", "The context")
    return written


def labels_json_of(labels: dict[str, Any] | None) -> bytes:
    """Write the labels of an event.

    Args:
        labels: as sent, None without.

    Returns:
        Canonical JSON, or nothing.

    Raises:
        InputError: a number or text that cannot be kept.
    """
    return b"" if labels is None else canonical_json(labels, "/labels")


def _judge(props: dict[str, Any], schema: EventSchema | None, is_strict: bool) -> Judged:
    check_props(props)
    if schema is None:
        kept = {name: value for name, value in props.items() if value is not None}
        warnings: tuple[str, ...] = ("unknown_event",)
    else:
        kept, warnings, fault = schema.check(props, is_strict=is_strict)
        if fault is not None:
            raise InputError(f"{fault.message} {CODES[fault.code]}", code=fault.code, pointer=fault.pointer)
    written = canonical_json(kept)
    check_size(written, LARGEST_PROPS_BYTES, "", "The object of attributes")
    return Judged(written, warnings)
