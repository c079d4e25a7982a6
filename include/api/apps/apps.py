"""Routes of apps: create, list, show, change."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request

from include.accounts.keys import list_keys
from include.accounts.roles import ANYONE
from include.api.apps.access import app_unknown, require_app
from include.api.apps.shapes import AppBody, AppChangesBody, AppCreated, AppPage, AppView
from include.api.apps.views import app_row, app_view, listed
from include.api.context import ApiContext
from include.api.gate.callers import CallerKind
from include.api.gate.policies import EVENTS_ANCHOR, READ, Rules, write
from include.api.gate.routing import Routes
from include.api.tasks.shapes import DEFAULT_LIMIT, LARGEST_OFFSET, LimitQuery
from include.events.apps.projects import AppChanges, change_app, create_app, list_apps

OffsetQuery = Annotated[int, Query(ge=0, le=LARGEST_OFFSET)]


def add_routes(routes: Routes, context: ApiContext) -> None:
    """Register the routes of this module.

    Args:
        routes: where to.
        context: of the app.
    """
    apps = Apps(context)
    reading, writing = Rules(READ.also(roles=ANYONE)), Rules(write(EVENTS_ANCHOR).also(roles=ANYONE))
    options: dict[str, Any] = {"tags": ["apps"]}
    routes.add(
        "POST", "/app/create", apps.create, writing, response_model=AppCreated,
        summary="Create an app and its first key; the key is shown once", **options,
    )  # fmt: skip
    routes.add(
        "GET", "/apps", apps.page, reading, response_model=AppPage, summary="Own apps; operators see all", **options
    )
    one: dict[str, Any] = {"errors": (404,), "response_model": AppView, **options}
    routes.add("GET", "/apps/{app_code}", apps.show, reading, summary="An app; its key is masked", **one)
    one["errors"] = (404, 409)
    routes.add("PATCH", "/apps/{app_code}", apps.change, writing, summary="Change the rules of an app", **one)


class Apps:
    """Endpoints of apps.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def create(self, body: AppBody, request: Request) -> dict[str, Any]:
        """Create an app that belongs to the caller."""
        app, _, secret = create_app(
            self._context.stores.state, app_name=body.app_name, owner=request.state.caller.name,
            time_zone=body.timezone, mode=body.mode,
        )  # fmt: skip
        return {"api_token": secret.value, "app_code": app.app_code}

    def page(
        self, request: Request, limit: Annotated[LimitQuery, Query()] = DEFAULT_LIMIT, offset: OffsetQuery = 0
    ) -> dict[str, Any]:
        """List apps, the oldest first."""
        caller = request.state.caller
        owner = None if caller.kind is CallerKind.OPERATOR else caller.name
        found, total = list_apps(self._context.stores.state, owner=owner, limit=limit, offset=offset)
        return listed([app_row(app) for app in found], total=total, limit=limit, offset=offset)

    def show(self, app_code: str, request: Request) -> dict[str, Any]:
        """Show an app."""
        state = self._context.stores.state
        app = require_app(state, request.state.caller, app_code)
        return app_view(app, list_keys(state, app.app_code))

    def change(self, app_code: str, body: AppChangesBody, request: Request) -> dict[str, Any]:
        """Change what the body names; intake follows within two seconds."""
        state = self._context.stores.state
        app = require_app(state, request.state.caller, app_code)
        changes = AppChanges(body.mode, body.timezone, body.max_age_days, body.aliases)
        changed = change_app(state, app.app_code, changes)
        if changed is None:
            raise app_unknown()
        return app_view(changed, list_keys(state, app.app_code))
