"""The group ``events`` put together."""

from __future__ import annotations

import typer

from include.commands.events import load, status

app = typer.Typer(help="Events on their way into the warehouse, and whether all arrived.", no_args_is_help=True)
app.command("load")(load.load)
app.command("status")(status.status)
