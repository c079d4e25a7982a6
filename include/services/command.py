"""The command line of the services: ``services up | down | status | env`` and ``doctor``."""

from __future__ import annotations

import functools
import json
import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, ParamSpec

import typer
from dotenv import dotenv_values
from rich.console import Console
from rich.table import Table

from include.errors import CounterflowError, ServiceError
from include.secret import Secret
from include.services import stack
from include.services.airflow.running import GROUP as AIRFLOW_GROUP
from include.services.airflow.running import access_of, stop_airflow
from include.services.doctor import check_installation
from include.services.engines.endpoints import Endpoints
from include.services.engines.starting import EnginePlan, EnginePorts
from include.services.processes.group import group_record
from include.services.stack import ServiceState
from include.settings import Settings
from include.state.engine import connect_state, migrate

app = typer.Typer(help="The ClickHouse, PostgreSQL and Airflow of this machine.", no_args_is_help=True)
P = ParamSpec("P")

JsonOption = Annotated[bool, typer.Option("--json", help="One machine-readable line.")]


def service_environ() -> dict[str, str]:
    """Give the settings by name: ``.env`` of the current folder, and the environment, which wins."""
    known = {name: value for name, value in dotenv_values(Path(".env")).items() if value is not None}
    return {**known, **os.environ}


def start_services(local_dir: Path, environ: Mapping[str, str]) -> Endpoints:
    """Start the engines, leave them running, and bring the product's database up to date.

    Args:
        local_dir: folder of this machine's services.
        environ: settings by name; an engine given by address is not started.

    Returns:
        Their addresses.
    """
    endpoints = stack.up(local_dir, environ)
    engine = connect_state(Secret(endpoints.database_url))
    try:
        migrate(engine)
    finally:
        engine.dispose()
    return endpoints


def stop_services(local_dir: Path) -> bool:
    """Stop Airflow, then the engines.

    Args:
        local_dir: folder of this machine's services.

    Returns:
        True when something was running.
    """
    had_airflow = stop_airflow(local_dir)
    return stack.down(local_dir) or had_airflow


def service_states(local_dir: Path) -> list[ServiceState]:
    """Show the engines and Airflow's processes.

    Args:
        local_dir: folder of this machine's services.

    Returns:
        One entry each.
    """
    parts = group_record(local_dir, AIRFLOW_GROUP).parts() if local_dir.exists() else {}
    airflow = [stack.state_of(name, report, None) for name, report in parts.items()]
    return [*stack.status(local_dir), *airflow]


def current_endpoints(local_dir: Path, environ: Mapping[str, str]) -> Endpoints:
    """Give the addresses of the engines in use, run here or given by address.

    Args:
        local_dir: folder of this machine's services.
        environ: settings by name.

    Returns:
        The endpoints.

    Raises:
        ServiceError: they are not given and do not run.
    """
    plan = EnginePlan.from_env(local_dir, environ)
    endpoints = stack.endpoints_of(local_dir) if plan.part_names else plan.endpoints(EnginePorts(0, 0, 0))
    if endpoints is None:
        raise ServiceError("The engines do not run; start them with `python -m include services up`.")
    return endpoints


def guarded(function: Callable[P, None]) -> Callable[P, None]:
    """Make a command end with one sentence instead of a traceback.

    Args:
        function: the command.

    Returns:
        The same command; an error of the product is printed and the exit status is 1.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        """The command, with its errors as sentences."""
        try:
            function(*args, **kwargs)
        except CounterflowError as error:
            typer.echo(f"Error: {error.message}", err=True)
            raise typer.Exit(1) from None

    return run


@app.command()
@guarded
def up(as_json: JsonOption = False) -> None:
    """Start ClickHouse and PostgreSQL, except those given by address, and leave them running."""
    environ = service_environ()
    local_dir = Settings.from_env(environ).local_dir
    start_services(local_dir, environ)
    _show_states(local_dir, as_json=as_json)


@app.command()
@guarded
def down(as_json: JsonOption = False) -> None:
    """Stop Airflow, ClickHouse and PostgreSQL; their data stays."""
    was_running = stop_services(Settings.from_env(service_environ()).local_dir)
    if as_json:
        typer.echo(json.dumps({"stopped": was_running}))
    else:
        typer.echo("Stopped." if was_running else "Nothing was running.")


@app.command()
@guarded
def status(as_json: JsonOption = False) -> None:
    """Show what runs."""
    _show_states(Settings.from_env(service_environ()).local_dir, as_json=as_json)


@app.command()
@guarded
def env(as_json: JsonOption = False) -> None:
    """Print the settings with which any client reaches the engines, secrets included."""
    environ = service_environ()
    values = current_endpoints(Settings.from_env(environ).local_dir, environ).environment()
    if as_json:
        typer.echo(json.dumps(values))
        return
    for name, value in values.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@guarded
def doctor(as_json: JsonOption = False) -> None:
    """Check this installation and say what to do about each thing that is wrong."""
    environ = service_environ()
    checks = check_installation(Settings.from_env(environ).local_dir, environ)
    is_healthy = all(check.is_ok for check in checks)
    if as_json:
        typer.echo(json.dumps({"healthy": is_healthy, "checks": [asdict(check) for check in checks]}))
    else:
        table = Table("Check", "Result", "Found", "What to do", title="Installation")
        for check in checks:
            table.add_row(check.name, "ok" if check.is_ok else "wrong", check.detail, check.next_step)
        Console().print(table)
    if not is_healthy:
        raise typer.Exit(1)


def _show_states(local_dir: Path, *, as_json: bool) -> None:
    states = service_states(local_dir)
    access = access_of(local_dir)
    if as_json:
        ui_url = access.ui_url if access else None
        typer.echo(json.dumps({"services": [asdict(one) for one in states], "ui_url": ui_url}))
        return
    table = Table("Service", "State", "Port", "Process", "Restarts", title=f"Services below {local_dir}")
    for one in states:
        table.add_row(one.name, one.state, str(one.port or "-"), str(one.pid or "-"), str(one.restart_count))
    Console().print(table)
    if access:
        typer.echo(f"Airflow: {access.ui_url}")
