"""``accounts end-sessions``: sign somebody out everywhere."""

from __future__ import annotations

from include.accounts import signing_in
from include.accounts.actors import COMMAND
from include.commands.accounts.sharing import EmailOption, account_of
from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.services.stores import open_stores


@guarded
def end_sessions(email: EmailOption, as_json: JsonOption = False) -> None:
    """Sign an account out everywhere; its password stays.

    Args:
        email: the account.
        as_json: print one line of JSON.
    """
    state = open_stores(settings_here()).state
    account = account_of(state, email)
    count = signing_in.end_sessions(state, account.user_id, by=COMMAND)
    show({"email": account.email, "ended_sessions": count}, as_json=as_json, title="Signed out")
