"""Whose app is it: the second half of every policy that says ``own``."""

from __future__ import annotations

from sqlalchemy import Engine

from include.accounts.roles import ADMIN
from include.api.gate.callers import Caller, CallerKind
from include.api.gate.problems import Refusal, not_found
from include.events.apps.projects import App, find_app


def require_app(engine: Engine, caller: Caller, app_code: str) -> App:
    """Find an app that the caller may know of; the gate has checked the rest of the policy.

    A key never comes here with the address of another app: the gate refuses that before it reads the body.

    Args:
        engine: the state engine.
        caller: who asks.
        app_code: the app of the address.

    Returns:
        The app.

    Raises:
        Refusal: there is none, or it is another account's (404, the same for both).
    """
    app = find_app(engine, app_code)
    if app is None or not _is_visible(caller, app):
        raise app_unknown()
    return app


def app_unknown() -> Refusal:
    """Refuse because there is no such app, or none the caller may know of."""
    return not_found("There is no such app.", "app_unknown")


def event_unknown() -> Refusal:
    """Refuse because the app knows no such event."""
    return not_found("This app has no such event.", "event_unknown")


def _is_visible(caller: Caller, app: App) -> bool:
    return caller.kind is not CallerKind.ACCOUNT or caller.role == ADMIN or app.owner == caller.name
