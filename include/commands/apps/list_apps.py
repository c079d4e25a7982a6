"""``apps list``: every app."""

from __future__ import annotations

from include.commands.apps.sharing import app_record
from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.events.apps import projects
from include.services.stores import open_stores

MOST_APPS = 100_000


@guarded
def list_apps(as_json: JsonOption = False) -> None:
    """List every app, the oldest first; the project default is always there.

    Args:
        as_json: print one line of JSON.
    """
    found, _ = projects.list_apps(open_stores(settings_here()).state, owner=None, limit=MOST_APPS, offset=0)
    rows = [app_record(app) for app in found]
    show({"apps": rows}, as_json=as_json, title="Apps", rows=rows)
