"""Apps, events and keys as answers show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from include.accounts.keys import ApiKey
from include.accounts.scopes import INGEST
from include.api.tasks.visit_tasks import shown
from include.days import utc_now
from include.events.apps.projects import App
from include.events.apps.rules import STRICT
from include.events.schemas.documents import schema_document
from include.events.schemas.reading import EventHistory
from include.events.schemas.registering import RegisteredEvent


def listed(items: Sequence[Any], *, total: int, limit: int, offset: int) -> dict[str, Any]:
    """Build a page of a list.

    Args:
        items: of this page.
        total: of the whole list.
        limit: most items of a page.
        offset: items before it.

    Returns:
        ``items``, ``total``, ``limit``, ``offset``, ``has_more``.
    """
    has_more = offset + len(items) < total
    return {"items": list(items), "total": total, "limit": limit, "offset": offset, "has_more": has_more}


def app_row(app: App) -> dict[str, Any]:
    """Show an app.

    Args:
        app: the app.

    Returns:
        See :class:`include.api.apps.shapes.AppRow`.
    """
    return {
        "app_code": app.app_code,
        "app_name": app.app_name,
        "owner": app.owner,
        "mode": app.mode,
        "timezone": app.time_zone,
        "max_age_days": app.max_age_days,
        "aliases": dict(app.aliases),
        "schema_revision": app.schema_revision,
        "created_at": shown(app.created_at),
    }


def app_view(app: App, keys: Sequence[ApiKey]) -> dict[str, Any]:
    """Show an app with the key that its devices send with, masked.

    Args:
        app: the app.
        keys: its keys, the oldest first.

    Returns:
        See :class:`include.api.apps.shapes.AppView`.
    """
    now = utc_now()
    token = next((key.masked for key in keys if key.is_active(now) and INGEST in key.scopes), None)
    return {"api_token": token, **app_row(app)}


def registered_view(event: RegisteredEvent) -> dict[str, Any]:
    """Show what became of an event of a call.

    Args:
        event: the event.

    Returns:
        See :class:`include.api.apps.shapes.RegisteredView`.
    """
    return {
        "name": event.display_name,
        "event_name": event.event_name,
        "event_code": event.event_code,
        "version": event.version,
        "created": event.is_created,
    }


def event_view(event: EventHistory, mode: str) -> dict[str, Any]:
    """Show a registered event with its versions.

    Args:
        event: the event.
        mode: of its project; decides what the documents say of unknown attributes.

    Returns:
        See :class:`include.api.apps.shapes.EventView`.
    """
    versions = [
        {
            "version": found.schema.version,
            "attributes": [attribute.to_record() for attribute in found.schema.attributes],
            "created_by": found.created_by,
            "created_at": shown(found.created_at),
            "json_schema": schema_document(found.schema, is_strict=mode == STRICT),
        }
        for found in event.versions
    ]
    return {
        "name": event.display_name,
        "event_name": event.event_name,
        "event_code": event.event_code,
        "version": event.version,
        "versions": versions,
    }


def key_view(key: ApiKey) -> dict[str, Any]:
    """Show a key.

    Args:
        key: the key.

    Returns:
        See :class:`include.api.apps.shapes.KeyView`.
    """
    return {
        "key_id": key.key_id,
        "prefix": key.prefix,
        "scopes": list(key.scopes),
        "label": key.label,
        "created_by": key.created_by,
        "created_at": shown(key.created_at),
        "expires_at": shown(key.expires_at),
        "revoked_at": shown(key.revoked_at),
        "last_used_at": shown(key.last_used_at),
    }
