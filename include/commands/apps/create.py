"""``apps create``: an app and its first key."""

from __future__ import annotations

from typing import Annotated

import typer

from include.accounts.actors import COMMAND, account_name
from include.commands.accounts.sharing import account_of
from include.commands.apps.sharing import ModeOption, ZoneOption, app_record
from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.events.apps.projects import create_app
from include.events.apps.rules import LENIENT
from include.services.stores import open_stores

NameOption = Annotated[str, typer.Option("--name", help="1 to 100 characters, once per owner.")]
OwnerOption = Annotated[
    str | None,
    typer.Option("--owner", help="Email address of the account it belongs to; without it only admins and operators."),
]


@guarded
def create(
    name: NameOption,
    time_zone: ZoneOption = None,
    mode: ModeOption = None,
    owner: OwnerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create an app with a key that may only send events; the key is shown this once.

    Args:
        name: what people call it.
        time_zone: zone of its days; UTC when absent.
        mode: lenient when absent.
        owner: address of its owner's account.
        as_json: print one line of JSON.
    """
    state = open_stores(settings_here()).state
    app, _, secret = create_app(
        state,
        app_name=name,
        owner=account_name(account_of(state, owner).user_id) if owner else COMMAND.name,
        time_zone=time_zone or "UTC",
        mode=mode or LENIENT,
    )
    show({"api_token": secret.value} | app_record(app), as_json=as_json, title="New app; its key is shown only now")
