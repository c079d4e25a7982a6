"""The group ``visits`` put together."""

from __future__ import annotations

import typer

from include.commands.visits import import_model

app = typer.Typer(help="Labels of visits, and the models that learn from them.", no_args_is_help=True)
app.command("import-model")(import_model.import_model)
