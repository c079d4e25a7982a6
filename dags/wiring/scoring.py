"""The step of ``visit_scoring`` as one call."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from dags.wiring.runs import Run
from dags.wiring.units import Unit, days_of


def score_unit(run: Run, unit: Unit) -> list[dict[str, Any]]:
    """Score a counter's days; unchanged ones stay as they are.

    Args:
        run: what the task works with.
        unit: counter and days.

    Returns:
        Counts per day, for XCom.
    """
    from include.visits.scoring.score_day import score_day

    reports = [
        score_day(
            run.stores.warehouse,
            run.stores.state,
            counter_id=unit["counter_id"],
            day=day,
            exports_dir=run.settings.exports_dir,
            models_dir=run.settings.models_dir,
            run_id=run.run_id,
        )
        for day in days_of(unit)
    ]
    return [{**asdict(report), "day": report.day.isoformat()} for report in reports]
