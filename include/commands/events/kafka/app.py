"""The group ``events kafka`` put together."""

from __future__ import annotations

import typer

from include.commands.events.kafka import consume, replay, status

app = typer.Typer(help="The Kafka topic of raw events: how far it was read, and reading it.", no_args_is_help=True)
app.command("status")(status.status)
app.command("consume")(consume.consume)
app.command("replay")(replay.replay)
