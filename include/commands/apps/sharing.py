"""What the commands of this group share: naming an app, showing one."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from sqlalchemy import Engine

from include.errors import InputError
from include.events.apps.projects import App, find_app

AppArgument = Annotated[str, typer.Argument(metavar="APP_CODE", help="Code of the app, or default.")]
ModeOption = Annotated[
    str | None, typer.Option("--mode", help="lenient takes events nobody registered, strict refuses them.")
]
ZoneOption = Annotated[
    str | None, typer.Option("--time-zone", help="IANA zone of the app's days, for example Europe/Moscow.")
]


def unknown_app(app_code: str) -> InputError:
    """Say that there is no such app.

    Args:
        app_code: as given.

    Returns:
        The error (code ``app_unknown``).
    """
    return InputError(
        f"There is no app {app_code!r}; see 'python -m include apps list'.", code="app_unknown", pointer="APP_CODE"
    )


def require_app(engine: Engine, app_code: str) -> App:
    """Find the app a command is for.

    Args:
        engine: the state engine.
        app_code: as given.

    Returns:
        The app.

    Raises:
        InputError: there is none (code ``app_unknown``).
    """
    app = find_app(engine, app_code)
    if app is None:
        raise unknown_app(app_code)
    return app


def app_record(app: App) -> dict[str, Any]:
    """An app as commands print it.

    Args:
        app: the app.

    Returns:
        Its fields by name.
    """
    names = ("app_code", "app_name", "owner", "mode", "time_zone", "max_age_days")
    aliases = [f"{alias} = {event}" for alias, event in sorted(app.aliases.items())]
    return {name: getattr(app, name) for name in names} | {"aliases": aliases, "created_at": app.created_at}
