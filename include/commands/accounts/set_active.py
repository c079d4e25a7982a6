"""``accounts set-active``: switch an account off, or on again."""

from __future__ import annotations

from typing import Annotated

import typer

from include.accounts import people
from include.accounts.actors import COMMAND
from include.commands.accounts.sharing import EmailOption, account_of, account_view
from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.services.stores import open_stores

ActiveOption = Annotated[bool, typer.Option("--active/--inactive", help="Whether the account may sign in.")]


@guarded
def set_active(email: EmailOption, is_active: ActiveOption, as_json: JsonOption = False) -> None:
    """Switch an account off, which ends all its sessions, or on again.

    Args:
        email: the account.
        is_active: whether it may sign in.
        as_json: print one line of JSON.
    """
    state = open_stores(settings_here()).state
    changed = people.set_active(state, account_of(state, email).user_id, is_active, by=COMMAND)
    show(account_view(changed), as_json=as_json, title="Account")
