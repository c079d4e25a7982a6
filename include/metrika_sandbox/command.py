"""The command line of the sandbox: ``sandbox serve`` and ``sandbox labels``."""

from __future__ import annotations

import csv
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from include.days import parse_day
from include.errors import CounterflowError, InputError
from include.metrika_sandbox.behaviour.config import DEMO_TOKEN, SandboxConfig, parse_counters
from include.metrika_sandbox.behaviour.faults import FAULTS, Faults, parse_faults
from include.metrika_sandbox.serving.server import serve as serve_forever
from include.metrika_sandbox.traffic.choosing import open_traffic

DEFAULTS = SandboxConfig()
DEFAULT_PORT = 8085
COUNTERS = "101:Europe/Moscow,202:America/New_York"

app = typer.Typer(help="The local Metrika.", no_args_is_help=True)

CountersOption = Annotated[str, typer.Option("--counters", help="NUMBER:ZONE, comma separated.")]
VisitsOption = Annotated[int, typer.Option("--visits", min=0, help="Visits of each counter-day.")]
RowsOption = Annotated[int, typer.Option("--rows-per-part", min=1, help="Rows of a part without --parts.")]
QueueOption = Annotated[float, typer.Option("--queue-seconds", min=0, help="Time until a log is ready.")]
StatusOption = Annotated[float, typer.Option("--status-seconds", min=0, help="Time an upload takes.")]
SeedOption = Annotated[int, typer.Option("--seed", help="The same seed gives the same traffic.")]
VisitsFileOption = Annotated[Path | None, typer.Option("--visits-file", help="Serve these visits (TSV or CSV).")]
HitsFileOption = Annotated[Path | None, typer.Option("--hits-file", help="The hits of --visits-file.")]


@app.command()
def serve(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = DEFAULT_PORT,
    visits: VisitsOption = DEFAULTS.visits_per_day,
    parts: Annotated[int | None, typer.Option("--parts", min=1, help="Parts of each prepared log.")] = None,
    rows_per_part: RowsOption = DEFAULTS.rows_per_part,
    faults: Annotated[str, typer.Option("--faults", help="NAME or NAME=VALUE, comma separated.")] = "",
    counters: CountersOption = COUNTERS,
    seed: SeedOption = DEFAULTS.seed,
    token: Annotated[str, typer.Option("--token", help="The demo token clients must send.")] = DEMO_TOKEN,
    queue_seconds: QueueOption = DEFAULTS.queue_seconds,
    status_seconds: StatusOption = DEFAULTS.status_seconds,
    state_dir: Annotated[Path | None, typer.Option("--state-dir", help="Keep uploads and goals here.")] = None,
    empty_dates: Annotated[str, typer.Option("--empty-dates", help="Days without a visit, comma separated.")] = "",
    visits_file: VisitsFileOption = None,
    hits_file: HitsFileOption = None,
) -> None:
    """Serve a local Metrika on 127.0.0.1 until it is stopped."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        config = SandboxConfig(
            counters=parse_counters(counters),
            token=token,
            visits_per_day=visits,
            rows_per_part=rows_per_part,
            parts=parts,
            seed=seed,
            queue_seconds=queue_seconds,
            status_seconds=status_seconds,
            faults=parse_faults(faults),
            state_dir=state_dir,
            empty_dates=frozenset(parse_day(day.strip()) for day in empty_dates.split(",") if day.strip()),
            visits_file=visits_file,
            hits_file=hits_file,
        )
        serve_forever(config, port)
    except CounterflowError as error:
        raise _stop(error) from None


@app.command()
def labels(
    date: Annotated[str, typer.Option("--date", help="Local day, YYYY-MM-DD.")],
    counter: Annotated[int, typer.Option("--counter", help="Whose visits.")],
    visits: VisitsOption = DEFAULTS.visits_per_day,
    counters: CountersOption = COUNTERS,
    seed: SeedOption = DEFAULTS.seed,
    visits_file: VisitsFileOption = None,
    hits_file: HitsFileOption = None,
) -> None:
    """Print which visits of a day belong to high-activity visitors, as CSV: visit_id,label."""
    try:
        config = SandboxConfig(
            counters=parse_counters(counters),
            visits_per_day=visits,
            seed=seed,
            visits_file=visits_file,
            hits_file=hits_file,
        )
        if config.counter(counter) is None:
            raise InputError(f"--counter: {counter} is not among {counters}; add it with --counters.")
        day = parse_day(date)
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(["visit_id", "label"])
        for one in open_traffic(config, Faults).iter_labels(counter, day):
            writer.writerow([one.visit_id, one.label])
    except CounterflowError as error:
        raise _stop(error) from None


@app.command()
def faults() -> None:
    """Print every fault that --faults knows."""
    for name, switch in sorted(FAULTS.items()):
        value = "=VALUE" if switch.value_field else ""
        typer.echo(f"{name + value:32} {switch.meaning}")


def _stop(error: CounterflowError) -> typer.Exit:
    typer.echo(f"Error: {error.message}", err=True)
    return typer.Exit(2)
