"""``accounts list``: who may sign in."""

from __future__ import annotations

from typing import Annotated

import typer

from include.accounts import people
from include.commands.accounts.sharing import account_view
from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.services.stores import open_stores

MOST_SHOWN = 100

PartOption = Annotated[str, typer.Option("--email", help="Only addresses that contain this, in any case.")]
RoleOption = Annotated[str | None, typer.Option("--role", help="Only this role: student, teacher or admin.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=1000, help="Most accounts to show.")]
OffsetOption = Annotated[int, typer.Option("--offset", min=0, help="How many to leave out from the start.")]


@guarded
def list_accounts(
    email: PartOption = "",
    role: RoleOption = None,
    limit: LimitOption = MOST_SHOWN,
    offset: OffsetOption = 0,
    as_json: JsonOption = False,
) -> None:
    """List accounts, oldest first.

    Args:
        email: only addresses that contain this.
        role: only this role.
        limit: most accounts.
        offset: how many to leave out.
        as_json: print one line of JSON.
    """
    page = people.list_accounts(open_stores(settings_here()).state, email=email, role=role, limit=limit, offset=offset)
    rows = [account_view(account) for account in page.items]
    title = f"Accounts {offset + 1} to {offset + len(rows)} of {page.total}" if rows else "Accounts"
    show(
        {"items": rows, "total": page.total} if as_json else {"total": page.total},
        as_json=as_json,
        title=title,
        rows=rows,
    )
