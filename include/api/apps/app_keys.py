"""Routes of the keys of an app: make, list, replace, revoke."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import Query, Request, Response

from include.accounts.keys import ApiKey, create_key, list_keys, revoke_key, rotate_key
from include.accounts.roles import ANYONE
from include.api.apps.access import require_app
from include.api.apps.apps import OffsetQuery
from include.api.apps.shapes import KeyBody, KeyCreated, KeyPage, RotationBody
from include.api.apps.views import key_view, listed
from include.api.context import ApiContext
from include.api.gate.policies import EVENTS_ANCHOR, READ, Rules, write
from include.api.gate.problems import not_found
from include.api.gate.routing import Routes
from include.api.tasks.shapes import DEFAULT_LIMIT, LimitQuery
from include.secret import Secret


def add_routes(routes: Routes, context: ApiContext) -> None:
    """Register the routes of this module.

    Args:
        routes: where to.
        context: of the app.
    """
    keys = AppKeys(context)
    path = "/apps/{app_code}/keys"
    writing = Rules(write(EVENTS_ANCHOR).also(roles=ANYONE))
    making: dict[str, Any] = {"status_code": 201, "response_model": KeyCreated, "tags": ["apps"]}
    routes.add("POST", path, keys.create, writing, errors=(404, 409), summary="Make a key; it is shown once", **making)
    routes.add(
        "GET", path, keys.page, Rules(READ.also(roles=ANYONE)),
        errors=(404,), response_model=KeyPage, summary="Keys of an app, revoked ones too", tags=["apps"],
    )  # fmt: skip
    one = path + "/{key_id}"
    routes.add(
        "POST", one + "/rotate", keys.rotate, writing,
        errors=(404, 409), summary="Replace a key by one with the same scopes", **making,
    )  # fmt: skip
    routes.add(
        "DELETE", one, keys.revoke, writing,
        errors=(404,), status_code=204, response_class=Response, summary="Revoke a key; twice is once", tags=["apps"],
    )  # fmt: skip


class AppKeys:
    """Endpoints of the keys of an app.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def create(self, app_code: str, body: KeyBody, request: Request) -> dict[str, Any]:
        """Make a key."""
        state, caller = self._context.stores.state, request.state.caller
        app = require_app(state, caller, app_code)
        key, secret = create_key(
            state, project=app.app_code, scopes=body.scopes, label=body.label,
            created_by=caller.name, expires_at=body.expires_at,
        )  # fmt: skip
        return _created(key, secret)

    def page(
        self,
        app_code: str,
        request: Request,
        limit: Annotated[LimitQuery, Query()] = DEFAULT_LIMIT,
        offset: OffsetQuery = 0,
    ) -> dict[str, Any]:
        """List the keys of an app, the oldest first."""
        state = self._context.stores.state
        found = list_keys(state, require_app(state, request.state.caller, app_code).app_code)
        page = [key_view(key) for key in found[offset : offset + limit]]
        return listed(page, total=len(found), limit=limit, offset=offset)

    def rotate(self, app_code: str, key_id: str, body: RotationBody, request: Request) -> dict[str, Any]:
        """Replace an active key."""
        state, caller = self._context.stores.state, request.state.caller
        app = require_app(state, caller, app_code)
        key, secret = rotate_key(
            state, project=app.app_code, key_id=key_id, rotated_by=caller.name,
            expires_at=body.expires_at, overlap=dt.timedelta(seconds=body.overlap_seconds),
        )  # fmt: skip
        return _created(key, secret)

    def revoke(self, app_code: str, key_id: str, request: Request) -> Response:
        """Revoke a key; every process refuses it within five seconds."""
        state, caller = self._context.stores.state, request.state.caller
        app = require_app(state, caller, app_code)
        if revoke_key(state, project=app.app_code, key_id=key_id, revoked_by=caller.name) is None:
            raise not_found("This app has no such key.", "key_unknown")
        return Response(status_code=204)


def _created(key: ApiKey, secret: Secret) -> dict[str, Any]:
    return {"api_token": secret.value, "app_code": key.project, **key_view(key)}
