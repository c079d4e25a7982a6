"""``accounts reset-password``: another password for somebody who forgot it."""

from __future__ import annotations

from include.accounts import signing_in
from include.accounts.actors import COMMAND
from include.commands.accounts.sharing import EmailOption, StdinOption, account_of, account_view, typed_password
from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.services.stores import open_stores


@guarded
def reset_password(email: EmailOption, from_stdin: StdinOption = False, as_json: JsonOption = False) -> None:
    """Give an account another password and end all its sessions.

    Args:
        email: the account.
        from_stdin: read the password from standard input.
        as_json: print one line of JSON.
    """
    state = open_stores(settings_here()).state
    user_id = account_of(state, email).user_id
    changed = signing_in.reset_password(state, user_id, typed_password(from_stdin=from_stdin), by=COMMAND)
    show(account_view(changed), as_json=as_json, title="New password set")
