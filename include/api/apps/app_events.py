"""Routes of the events an app knows: register, and show every version."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request

from include.accounts.roles import ANYONE
from include.accounts.scopes import INGEST
from include.api.apps.access import app_unknown, event_unknown, require_app
from include.api.apps.apps import OffsetQuery
from include.api.apps.shapes import RegistrationView, SchemaPage
from include.api.apps.views import event_view, listed, registered_view
from include.api.context import ApiContext
from include.api.gate.policies import EVENTS_ANCHOR, READ, Rules, write
from include.api.gate.routing import Routes
from include.api.tasks.shapes import DEFAULT_LIMIT, LimitQuery, TextField
from include.events.schemas.definitions import EventDefinitions
from include.events.schemas.names import is_code
from include.events.schemas.reading import read_events
from include.events.schemas.registering import register_events


def add_routes(routes: Routes, context: ApiContext) -> None:
    """Register the routes of this module.

    Args:
        routes: where to.
        context: of the app.
    """
    events = AppEvents(context)
    options: dict[str, Any] = {"tags": ["apps"]}
    routes.add(
        "POST", "/app/create_event/{app_code}", events.register, Rules(write(EVENTS_ANCHOR).also(roles=ANYONE)),
        errors=(404, 409), response_model=RegistrationView, summary="Register events, or widen them", **options,
    )  # fmt: skip
    routes.add(
        "GET", "/apps/{app_code}/schema", events.schema, Rules(READ.also(roles=ANYONE, scope=INGEST)),
        errors=(404,), response_model=SchemaPage, summary="Registered events with all versions", **options,
    )  # fmt: skip


class AppEvents:
    """Endpoints of the events of an app.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def register(self, app_code: str, body: EventDefinitions, request: Request) -> dict[str, Any]:
        """Register all events of the call, or none."""
        state, caller = self._context.stores.state, request.state.caller
        app = require_app(state, caller, app_code)
        found = register_events(state, app.app_code, body.events, created_by=caller.name)
        if found is None:
            raise app_unknown()
        events = [registered_view(event) for event in found]
        return {"event_code": found[0].event_code, "app_code": app.app_code, "events": events}

    def schema(
        self,
        app_code: str,
        request: Request,
        event_code: Annotated[TextField | None, Query(description="This event only.")] = None,
        limit: Annotated[LimitQuery, Query()] = DEFAULT_LIMIT,
        offset: OffsetQuery = 0,
    ) -> dict[str, Any]:
        """Show registered events by name."""
        state = self._context.stores.state
        app = require_app(state, request.state.caller, app_code)
        if event_code is not None and not is_code(event_code):
            raise event_unknown()
        found, total = read_events(state, app.app_code, event_code=event_code, limit=limit, offset=offset)
        if event_code is not None and not total:
            raise event_unknown()
        page = listed([event_view(event, app.mode) for event in found], total=total, limit=limit, offset=offset)
        return {"app_code": app.app_code, "mode": app.mode, "schema_revision": app.schema_revision, **page}
