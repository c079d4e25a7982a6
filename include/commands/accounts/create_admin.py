"""``accounts create-admin``: the first admin, or another one."""

from __future__ import annotations

from typing import Annotated

import typer

from include.accounts.actors import COMMAND
from include.accounts.people import NewPerson, find_by_email, register
from include.accounts.roles import ADMIN
from include.commands.accounts.sharing import EmailOption, StdinOption, account_view, typed_password
from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.errors import InputError
from include.services.stores import open_stores

NameOption = Annotated[str, typer.Option("--name", help="First name.")]
SurnameOption = Annotated[str, typer.Option("--surname", help="Last name.")]


@guarded
def create_admin(
    email: EmailOption,
    name: NameOption = "",
    surname: SurnameOption = "",
    from_stdin: StdinOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make an account that may give roles; the password is asked for, or read from standard input.

    Args:
        email: its address.
        name: first name.
        surname: last name.
        from_stdin: read the password from standard input.
        as_json: print one line of JSON.
    """
    settings = settings_here()
    state = open_stores(settings).state
    if find_by_email(state, email):
        raise InputError(
            f"{email!r} has an account already; 'python -m include accounts set-role' makes it an admin.",
            code="email_taken",
            pointer="--email",
        )
    password = typed_password(from_stdin=from_stdin)
    person = NewPerson(email, password, name, surname, role=ADMIN)
    account = register(state, settings.accounts, person, by=COMMAND)
    show(account_view(account), as_json=as_json, title="New admin")
