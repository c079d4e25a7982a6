"""``apps key``: one more key for an app."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from include.accounts.actors import COMMAND
from include.accounts.keys import create_key
from include.accounts.scopes import SCOPES
from include.commands.accounts.sharing import key_view
from include.commands.apps.sharing import AppArgument, require_app
from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.days import utc_now
from include.services.stores import open_stores

LONGEST_DAYS = 36_500
ScopesOption = Annotated[str, typer.Option("--scopes", help=f"Comma list of {', '.join(SCOPES)}.")]
LabelOption = Annotated[str, typer.Option("--label", help="What the key is for.")]
DaysOption = Annotated[
    int | None, typer.Option("--days", min=1, max=LONGEST_DAYS, help="Days until it expires; never without it.")
]


@guarded
def key(
    app_code: AppArgument,
    scopes: ScopesOption,
    label: LabelOption = "",
    days: DaysOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key of an app; it is shown this once.

    Args:
        app_code: the app.
        scopes: what it may do, a comma list.
        label: what it is for.
        days: days until it expires.
        as_json: print one line of JSON.
    """
    state = open_stores(settings_here()).state
    made, secret = create_key(
        state,
        project=require_app(state, app_code).app_code,
        scopes=[scope.strip() for scope in scopes.split(",")],
        label=label,
        created_by=COMMAND.name,
        expires_at=utc_now() + dt.timedelta(days=days) if days else None,
    )
    show(key_view(made) | {"key": secret.value}, as_json=as_json, title="New key, shown only now")
