"""The command line: ``python -m include <command>``."""

from __future__ import annotations

import typer

from include.commands import conversions, daily_run, load, models, plan, score, verify
from include.commands.accounts import app as accounts
from include.commands.apps import app as apps
from include.commands.events import app as events
from include.commands.metrics import app as metrics
from include.commands.visits import app as visits
from include.metrika_sandbox import command as sandbox
from include.services import command as services

app = typer.Typer(
    help="Counterflow: raw Yandex Metrika logs to scored visits and offline conversions; events and learning metrics.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("load")(load.load)
app.command("plan")(plan.plan)
app.command("score")(score.score)
app.add_typer(conversions.app, name="conversions")
app.add_typer(visits.app, name="visits")
app.add_typer(models.app, name="models")
app.add_typer(events.app, name="events")
app.add_typer(metrics.app, name="metrics")
app.add_typer(accounts.app, name="accounts")
app.add_typer(apps.app, name="apps")
app.command("run")(daily_run.run)
app.command("up")(daily_run.up)
app.command("down")(daily_run.down)
app.command("verify-day")(verify.verify_day)
app.command("doctor")(services.doctor)
app.add_typer(services.app, name="services")
app.add_typer(sandbox.app, name="sandbox")

if __name__ == "__main__":
    app()
