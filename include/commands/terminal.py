"""What every command shares: progress, one JSON line or a table, errors as one sentence."""

from __future__ import annotations

import functools
import json
import logging
import os
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

import typer
from dotenv import dotenv_values
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from include.commands.tables import print_pairs, print_rows
from include.errors import ConfigError, CounterflowError, InputError
from include.progress import Progress
from include.services.stores import read_settings
from include.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")

INPUT_EXIT, FAILURE_EXIT = 2, 1

JsonOption = Annotated[bool, typer.Option("--json", help="Print one machine-readable line instead of a table.")]
DateOption = Annotated[str, typer.Option("--date", help="Day in the counter's time zone, YYYY-MM-DD.")]
CounterOption = Annotated[
    int | None, typer.Option("--counter", min=1, help="One counter; without it every counter of METRIKA_COUNTER.")
]


def environ() -> dict[str, str]:
    """Settings by name: ``.env`` of the current folder, and the environment, which wins."""
    known = {name: value for name, value in dotenv_values(Path(".env")).items() if value is not None}
    return {**known, **os.environ}


def settings_here() -> Settings:
    """Read the settings of this process.

    Returns:
        The settings.

    Raises:
        ConfigError: a setting cannot be read.
    """
    return read_settings(environ())


def counters_of(settings: Settings, counter_id: int | None) -> tuple[int, ...]:
    """Counters a command is for.

    Args:
        settings: the settings.
        counter_id: the one named on the command line, or None.

    Returns:
        At least one counter.

    Raises:
        ConfigError: no counter is named anywhere.
    """
    found = (counter_id,) if counter_id else settings.metrika.counter_ids
    if not found:
        raise ConfigError("No counter is named; give --counter, or set METRIKA_COUNTER to an id or a comma list.")
    return found


def new_run_id(command: str) -> str:
    """Name a run of a command.

    Args:
        command: the command's name.

    Returns:
        ``command_<name>_<12 hex>``.
    """
    return f"command_{command}_{uuid.uuid4().hex[:12]}"


def guarded(function: Callable[P, R]) -> Callable[P, R]:
    """Make a command end with one sentence instead of a traceback.

    Args:
        function: the command.

    Returns:
        The command; exit status 2 for wrong input, 1 for other product errors.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        """The command, with its errors as sentences."""
        logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)
        logging.getLogger("clickhouse_driver").setLevel(logging.ERROR)  # it tells a refused connection by traceback
        try:
            return function(*args, **kwargs)
        except CounterflowError as error:
            Console(stderr=True).print(f"[bold red]Error:[/] {escape(error.message)}", highlight=False, soft_wrap=True)
            status = INPUT_EXIT if isinstance(error, InputError | ConfigError) else FAILURE_EXIT
            raise typer.Exit(status) from None

    run.__doc__ = (function.__doc__ or "").split("\n\n")[0]  # what --help shows
    return run


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """Show progress on standard error: a bar on a terminal, plain lines elsewhere.

    Yields:
        What to hand to a job.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _plain_lines()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def update(message: str, done: int, total: int) -> None:
            """Move the bar."""
            bar.update(task, description=message, completed=done, total=total or None)

        yield update


def _plain_lines() -> Progress:
    seen: set[str] = set()

    def line(message: str, done: int, total: int) -> None:
        """Print a message the first time it comes."""
        if message not in seen:
            seen.add(message)
            print(f"{message} ({done}/{total})" if total else message, file=sys.stderr, flush=True)

    return line


def show(result: Mapping[str, Any], *, as_json: bool, title: str, rows: Sequence[Mapping[str, Any]] = ()) -> None:
    """Print the outcome of a command on standard output.

    Args:
        result: everything, for ``--json``.
        as_json: one machine-readable line instead of a table.
        title: heading of the table.
        rows: rows of the table; without rows the result itself, a line per key.
    """
    if as_json:
        print(json.dumps(result, default=str, ensure_ascii=False))
        return
    if rows:
        print_rows(title, rows)
    else:
        print_pairs(title, result)
