"""``events kafka consume``: what the topic holds goes into the inbox now."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from include.commands.events.kafka.broker import settings_with_broker
from include.commands.terminal import JsonOption, guarded, new_run_id, show, shown_progress
from include.events.kafka.consuming import consume_available
from include.services.stores import open_stores

BudgetOption = Annotated[
    float | None, typer.Option("--budget-seconds", min=0, help="Begin no block after that; without it, read it all.")
]


@guarded
def consume(budget_seconds: BudgetOption = None, as_json: JsonOption = False) -> None:
    """Take into the inbox what the topic holds now; safe to repeat at any time.

    Args:
        budget_seconds: begin no block after that.
        as_json: print one line of JSON.
    """
    settings = settings_with_broker()
    with shown_progress() as progress:
        report = consume_available(
            open_stores(settings).state,
            settings.intake,
            run_id=new_run_id("events_kafka"),
            budget_seconds=budget_seconds,
            progress=progress,
        )
    counts = asdict(report)
    show({**counts, **counts.pop("taken")}, as_json=as_json, title=f"Read from {report.topic}")
