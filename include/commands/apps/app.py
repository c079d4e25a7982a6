"""The group ``apps`` put together."""

from __future__ import annotations

import typer

from include.commands.accounts import list_keys, revoke_key, rotate_key
from include.commands.apps import change, create, define, key, list_apps, schema

app = typer.Typer(help="Apps that send events: what they may send, and with which keys.", no_args_is_help=True)
app.command("create")(create.create)
app.command("list")(list_apps.list_apps)
app.command("change")(change.change)
app.command("define")(define.define)
app.command("schema")(schema.schema)
app.command("key")(key.key)
# The same commands as in the group accounts: whoever looks for the keys of an app looks here first.
app.command("keys")(list_keys.list_keys)
app.command("rotate-key")(rotate_key.rotate_key)
app.command("revoke-key")(revoke_key.revoke_key)
