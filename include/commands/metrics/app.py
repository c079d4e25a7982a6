"""The group ``metrics`` put together."""

from __future__ import annotations

import typer

from include.commands.metrics import card, compare, courses, recalculate, restatements, retention, show

app = typer.Typer(help="Learning metrics: calculate, read, compare, and what changed afterwards.", no_args_is_help=True)
app.command("recalculate")(recalculate.recalculate)
app.command("show")(show.show)
app.command("compare")(compare.compare)
app.command("restatements")(restatements.restatements)
app.command("retention")(retention.retention)
app.command("courses")(courses.courses)
app.command("card")(card.card)
