"""``apps schema``: what the events of an app look like."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from include.commands.apps.sharing import AppArgument, require_app
from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.events.apps.rules import STRICT
from include.events.schemas.attributes import Attribute, AttributeType
from include.events.schemas.documents import schema_document
from include.events.schemas.reading import EventHistory, read_events
from include.events.schemas.registering import MOST_EVENT_TYPES
from include.services.stores import open_stores

EventOption = Annotated[str | None, typer.Option("--event-code", help="One event; all without it.")]


@guarded
def schema(app_code: AppArgument, event_code: EventOption = None, as_json: JsonOption = False) -> None:
    """Show the events an app knows with their attributes, newest version; --json gives JSON Schema documents.

    Args:
        app_code: the app.
        event_code: one event only.
        as_json: print one line of JSON.
    """
    state = open_stores(settings_here()).state
    app = require_app(state, app_code)
    found, _ = read_events(state, app.app_code, event_code=event_code, limit=MOST_EVENT_TYPES, offset=0)
    is_strict = app.mode == STRICT
    events = [_record(event, is_strict=is_strict) for event in found] if as_json else "none registered"
    rows = [row for event in found for row in _rows(event)]
    show({"app_code": app.app_code, "events": events}, as_json=as_json, title=f"Events of {app.app_name}", rows=rows)


def _record(event: EventHistory, *, is_strict: bool) -> dict[str, Any]:
    document = schema_document(event.versions[0].schema, is_strict=is_strict)
    names = ("event_name", "event_code", "display_name", "version")
    return {name: getattr(event, name) for name in names} | {"json_schema": document}


def _rows(event: EventHistory) -> list[dict[str, Any]]:
    attributes = event.versions[0].schema.attributes
    return [_row(event, attribute) for attribute in attributes] or [_row(event, None)]


def _row(event: EventHistory, attribute: Attribute | None) -> dict[str, Any]:
    return {
        "event": event.event_name,
        "version": event.version,
        "attribute": attribute.name if attribute else "none",
        "type": attribute.type.value if attribute else "",
        "required": attribute.is_required if attribute else "",
        "limits": _limits(attribute) if attribute else "",
        "event_code": event.event_code,
    }


def _limits(attribute: Attribute) -> str:
    if attribute.type is AttributeType.ENUM:
        return ", ".join(attribute.values)
    return f"at most {attribute.max_length} characters" if attribute.type is AttributeType.STRING else ""
