"""Tables a person can read: turned on its side where a terminal is too narrow, as wide as needed elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

WIDEST = 10_000  # characters; only to ask how wide a table would like to be
SHOWN_DIGITS = 4  # after the point


def print_rows(title: str, rows: Sequence[Mapping[str, Any]], console: Console | None = None) -> None:
    """Print rows on standard output.

    Args:
        title: heading.
        rows: at least one; all with the keys of the first.
        console: where to, instead of standard output.
    """
    console = console or Console()
    table = _upright(title, rows)
    wanted = console.measure(table, options=console.options.update(max_width=WIDEST)).maximum
    if wanted <= console.width:
        console.print(table)
    elif console.is_terminal:
        console.print(_turned(title, rows))
    else:
        console.width = wanted
        console.print(table)


def print_pairs(title: str, result: Mapping[str, Any]) -> None:
    """Print a line per key on standard output.

    Args:
        title: heading.
        result: what to print.
    """
    table = Table(title=escape(title), title_justify="left", show_header=False)
    for name, value in result.items():
        table.add_row(name.replace("_", " "), _cell(value))
    Console().print(table)


def text_of(value: Any) -> str:
    """A value as people read it.

    Args:
        value: anything.

    Returns:
        yes or no, comma lists, numbers with at most four digits after the point, nothing for None.

    >>> text_of([True, 0.123456, None])
    'yes, 0.1235, '
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(text_of(one) for one in value)
    if isinstance(value, float):
        return f"{round(value, SHOWN_DIGITS):.15g}"
    return "" if value is None else str(value)


def _cell(value: Any) -> str:
    return escape(text_of(value))  # names that people chose are text, not styles


def _upright(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title=escape(title), title_justify="left")
    for name in rows[0]:
        first = next((row[name] for row in rows if row[name] is not None), None)
        is_number = isinstance(first, int | float) and not isinstance(first, bool)
        table.add_column(name.replace("_", " "), justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    return table


def _turned(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    """A line per column and a column per row; the first column names the others."""
    table = Table(title=escape(title), title_justify="left")
    first, *others = rows[0]
    table.add_column(first.replace("_", " "))
    for row in rows:
        table.add_column(_cell(row[first]), justify="right", overflow="fold")
    for name in others:
        table.add_row(name.replace("_", " "), *(_cell(row[name]) for row in rows))
    return table
