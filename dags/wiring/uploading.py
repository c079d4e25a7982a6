"""The steps of ``conversion_upload`` as one call each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from dags.wiring.connections import Run
from dags.wiring.units import Unit, days_of


def upload_unit(run: Run, unit: Unit, params: Mapping[str, Any], run_id: str) -> list[dict[str, Any]]:
    """Send what has not been sent of a counter's days.

    Args:
        run: what the task works with.
        unit: counter and days.
        params: ``target``, ``include_old``, and of an API task ``upload_id`` and ``task_id``.
        run_id: the run.

    Returns:
        A report per day, for XCom.
    """
    from include.conversions.upload_day import upload_day
    from include.metrika.conversions_api import ConversionsApi

    reports = [
        upload_day(
            run.stores.warehouse,
            run.stores.state,
            ConversionsApi(run.session),
            counter_id=unit["counter_id"],
            day=day,
            settings=run.settings.conversions,
            run_id=run_id,
            task_id=params.get("task_id") or "",
            target=params.get("target") or None,
            include_old=bool(params.get("include_old")),
            upload_id=params.get("upload_id") or None,
        )
        for day in days_of(unit)
    ]
    return [asdict(report) for report in reports]


def track_units(run: Run, units: Sequence[Unit]) -> dict[str, int]:
    """Ask Metrika once about the uploads of all units.

    Args:
        run: what the task works with.
        units: counters and days.

    Returns:
        ``processed``, ``pending`` and ``failed`` uploads.
    """
    from include.conversions.tracking import track
    from include.metrika.conversions_api import ConversionsApi

    counts = {"processed": 0, "pending": 0, "failed": 0}
    for unit in units:
        for day in days_of(unit):
            report = track(
                run.stores.state,
                ConversionsApi(run.session),
                counter_ids=[unit["counter_id"]],
                settings=run.settings.conversions,
                day=day,
            )
            counts = {name: count + getattr(report, name) for name, count in counts.items()}
    return counts


def finish_task(run: Run, params: Mapping[str, Any]) -> None:
    """Forget the token of an API task.

    Args:
        run: what the task works with.
        params: parameters of the run.
    """
    from include.state.api_tasks import forget_token

    if params.get("task_id"):
        forget_token(run.stores.state, params["task_id"])
