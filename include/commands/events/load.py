"""``events load``: what waits in the inbox goes into ClickHouse now."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from include.commands.terminal import JsonOption, guarded, new_run_id, settings_here, show, shown_progress
from include.errors import RowsRefused
from include.events.loading.load_events import load_events
from include.services.stores import open_stores

BudgetOption = Annotated[
    float | None, typer.Option("--budget-seconds", min=0, help="Begin no load after that; without it, load everything.")
]


@guarded
def load(budget_seconds: BudgetOption = None, as_json: JsonOption = False) -> None:
    """Move waiting events from the inbox to ClickHouse; safe to repeat at any time.

    Args:
        budget_seconds: begin no load after that.
        as_json: print one line of JSON.
    """
    settings = settings_here()
    stores = open_stores(settings)
    with shown_progress() as progress:
        report = load_events(
            stores.warehouse,
            stores.state,
            settings.intake,
            run_id=new_run_id("events_load"),
            progress=progress,
            budget_seconds=budget_seconds,
        )
    if report.is_busy and not as_json:
        show({"loaded": "nothing, for another loader is at work"}, as_json=False, title="Events loaded")
        return
    show(asdict(report), as_json=as_json, title="Events loaded")
    if report.refused:
        raise RowsRefused(" ".join(report.refused))
