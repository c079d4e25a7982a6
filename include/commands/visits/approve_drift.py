"""``visits approve-drift``: let the conversions of an unusual day pass."""

from __future__ import annotations

import getpass
from typing import Annotated, Any

import typer

from include.commands.terminal import CounterOption, DateOption, JsonOption, counters_of, guarded, settings_here, show
from include.days import parse_day
from include.services.stores import open_stores
from include.state.blocks import Block
from include.visits.monitoring.blocking import approve_drift as approve

ByOption = Annotated[str | None, typer.Option("--by", help="Who approves; the user of this machine when absent.")]


@guarded
def approve_drift(
    date: DateOption, counter: CounterOption = None, approved_by: ByOption = None, as_json: JsonOption = False
) -> None:
    """Approve what was found unusual on a day, so that its next upload sends what is held.

    Args:
        date: the day, YYYY-MM-DD.
        counter: one counter; all of METRIKA_COUNTER when absent.
        approved_by: who approves, kept with the day.
        as_json: print one line of JSON.
    """
    day, settings = parse_day(date), settings_here()
    state, name = open_stores(settings).state, approved_by or getpass.getuser()
    approved = [
        block
        for counter_id in counters_of(settings, counter)
        for block in approve(state, counter_id, [day], approved_by=name)
    ]
    rows = [row for block in approved for row in _rows(block)]
    result = {"approved": len(approved), "by": name, "findings": rows}
    show(result, as_json=as_json, title=f"Approved for {day}", rows=rows)


def _rows(block: Block) -> list[dict[str, Any]]:
    names = ("scope", "feature", "size", "mean", "reference_mean", "psi")
    return [
        {"counter_id": block.counter_id, **{name: finding[name] for name in names}}
        for finding in block.details["findings"]
    ]
