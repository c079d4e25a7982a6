"""``apps define``: register the events of a file."""

from __future__ import annotations

from typing import Annotated

import typer

from include.accounts.actors import COMMAND
from include.commands.apps.sharing import AppArgument, require_app, unknown_app
from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.events.schemas.definitions import read_definitions
from include.events.schemas.registering import register_events
from include.services.stores import open_stores

FileOption = Annotated[
    typer.FileBinaryRead,
    typer.Option("--file", help="JSON as POST /app/create_event takes it; - reads standard input."),
]


@guarded
def define(app_code: AppArgument, file: FileOption, as_json: JsonOption = False) -> None:
    """Register the events of a file, or widen those the app knows; all of them, or none.

    Args:
        app_code: the app.
        file: definitions of 1 to 100 events.
        as_json: print one line of JSON.
    """
    definitions = read_definitions(file.read())
    state = open_stores(settings_here()).state
    app = require_app(state, app_code)
    found = register_events(state, app.app_code, definitions.events, created_by=COMMAND.name)
    if found is None:
        raise unknown_app(app_code)
    rows = [
        {
            "event_name": event.event_name,
            "version": event.version,
            "changed": event.is_changed,
            "created": event.is_created,
            "event_code": event.event_code,
        }
        for event in found
    ]
    show({"app_code": app_code, "events": rows}, as_json=as_json, title=f"Events of {app.app_name}", rows=rows)
