"""The step of ``event_loading`` as one call."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from dags.wiring.runs import Run


def load_inbox(run: Run, budget_seconds: float, load_max_events: int | None) -> dict[str, Any]:
    """Move what waits in the inbox to the warehouse.

    Args:
        run: what the task works with.
        budget_seconds: no load is begun after that.
        load_max_events: events of one load; None for the setting.

    Returns:
        Counts, for XCom.
    """
    from include.events.loading.load_events import load_events

    intake = run.settings.intake
    report = load_events(
        run.stores.warehouse,
        run.stores.state,
        replace(intake, load_max_events=load_max_events or intake.load_max_events),
        run_id=run.run_id,
        budget_seconds=budget_seconds,
    )
    return {**asdict(report), "load_ids": list(report.load_ids)}
