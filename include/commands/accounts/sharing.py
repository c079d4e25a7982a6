"""What the commands of this group share: naming an account, typing a password, showing both sorts of rows."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from sqlalchemy import Engine

from include.accounts.keys import ApiKey
from include.accounts.people import Account, find_by_email
from include.errors import InputError
from include.secret import Secret

EmailOption = Annotated[str, typer.Option("--email", help="Email address of the account, in any case.")]
ProjectOption = Annotated[str, typer.Option("--project", help="Code of the app, or default.")]
KeyIdOption = Annotated[str, typer.Option("--key-id", help="Id of the key, as accounts keys shows it.")]
StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of standard input.")
]


def account_of(engine: Engine, email: str) -> Account:
    """Find the account a command is for.

    Args:
        engine: the state engine.
        email: its address.

    Returns:
        The account.

    Raises:
        InputError: no account has this address (code ``account_unknown``).
    """
    found = find_by_email(engine, email)
    if found is None:
        raise InputError(
            f"No account has the address {email!r}; see 'python -m include accounts list'.",
            code="account_unknown",
            pointer="--email",
        )
    return found


def typed_password(*, from_stdin: bool) -> Secret:
    """Ask for a password twice without showing it, or read it from standard input.

    Args:
        from_stdin: read one line instead of asking.

    Returns:
        The password.

    Raises:
        InputError: standard input is empty, is not text, or there is no terminal to ask on.
    """
    if from_stdin:
        try:
            line = sys.stdin.readline()
        except UnicodeDecodeError:
            raise InputError("The password on standard input is not UTF-8 text.", pointer="--password-stdin") from None
        if not line:
            raise InputError("Standard input holds no password; pipe one line into it.", pointer="--password-stdin")
        return Secret(line.rstrip("\r\n"))
    if not sys.stdin.isatty():
        raise InputError(
            "There is no terminal to ask for the password; pipe it in and add --password-stdin.",
            pointer="--password-stdin",
        )
    return Secret(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def account_view(account: Account) -> dict[str, Any]:
    """An account as commands print it.

    Args:
        account: the account.

    Returns:
        Its fields by name.
    """
    names = ("user_id", "email", "name", "surname", "role", "is_active", "created_at")
    return {name: getattr(account, name) for name in names}


def key_view(key: ApiKey) -> dict[str, Any]:
    """A key as commands print it: masked.

    Args:
        key: the key.

    Returns:
        Its fields by name.
    """
    names = ("label", "created_by", "created_at", "expires_at", "revoked_at", "last_used_at")
    shown = {"key_id": key.key_id, "key": key.masked, "scopes": list(key.scopes)}
    return shown | {name: getattr(key, name) for name in names}
