"""``accounts set-role``: what somebody may do from now on."""

from __future__ import annotations

from typing import Annotated

import typer

from include.accounts.actors import COMMAND
from include.accounts.people import change_role
from include.commands.accounts.sharing import EmailOption, account_of, account_view
from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.services.stores import open_stores

RoleOption = Annotated[str, typer.Option("--role", help="student, teacher or admin.")]


@guarded
def set_role(email: EmailOption, role: RoleOption, as_json: JsonOption = False) -> None:
    """Give an account another role; its access tokens end at once.

    Args:
        email: the account.
        role: its new role.
        as_json: print one line of JSON.
    """
    state = open_stores(settings_here()).state
    changed = change_role(state, account_of(state, email).user_id, role, by=COMMAND)
    show(account_view(changed), as_json=as_json, title="Role")
