"""The group ``events`` put together."""

from __future__ import annotations

import typer

from include.commands.events import load, quarantine, receipt, replay, statistics, status
from include.commands.events.kafka.app import app as kafka_app

app = typer.Typer(help="Events on their way into the warehouse, and whether all arrived.", no_args_is_help=True)
app.command("load")(load.load)
app.command("status")(status.status)
app.command("receipt")(receipt.receipt)
app.command("quarantine")(quarantine.quarantine)
app.command("replay")(replay.replay)
app.command("statistics")(statistics.statistics)
app.add_typer(kafka_app, name="kafka")
