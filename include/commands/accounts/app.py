"""The group ``accounts`` put together."""

from __future__ import annotations

import typer

from include.commands.accounts import (
    create_admin,
    end_sessions,
    list_accounts,
    list_keys,
    reset_password,
    revoke_key,
    rotate_key,
    set_active,
    set_role,
)

app = typer.Typer(help="People who sign in, their roles, and the keys of apps.", no_args_is_help=True)
app.command("create-admin")(create_admin.create_admin)
app.command("list")(list_accounts.list_accounts)
app.command("set-role")(set_role.set_role)
app.command("set-active")(set_active.set_active)
app.command("reset-password")(reset_password.reset_password)
app.command("end-sessions")(end_sessions.end_sessions)
app.command("keys")(list_keys.list_keys)
app.command("rotate-key")(rotate_key.rotate_key)
app.command("revoke-key")(revoke_key.revoke_key)
