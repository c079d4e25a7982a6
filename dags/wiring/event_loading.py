"""The step of ``event_loading`` as one call."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from typing import Any

from dags.wiring.runs import Run
from include.errors import CounterflowError, RowsRefused
from include.settings.intake import KAFKA

READING_SHARE = 0.5  # of the budget; the rest is for loading what was read

logger = logging.getLogger(__name__)


def load_inbox(run: Run, budget_seconds: float, load_max_events: int | None) -> dict[str, Any]:
    """Move what waits in the inbox to the warehouse; with the transport kafka, what waits in the topic as well.

    Args:
        run: what the task works with.
        budget_seconds: no load is begun after that.
        load_max_events: events of one load; None for the setting.

    Returns:
        Counts, for XCom.

    Raises:
        CounterflowError: a store or the broker is away, or ClickHouse cannot read a batch; what can be loaded is.
    """
    from include.events.loading.load_events import load_events

    intake = run.settings.intake
    trouble = _read_topic(run, budget_seconds * READING_SHARE)
    report = load_events(
        run.stores.warehouse,
        run.stores.state,
        replace(intake, load_max_events=load_max_events or intake.load_max_events),
        run_id=run.run_id,
        budget_seconds=budget_seconds,
    )
    if report.refused:
        trouble = RowsRefused(" ".join(report.refused))
    if trouble is not None and not report.load_ids:  # else the run stands for what landed; the log has the trouble
        raise trouble
    return {**asdict(report), "load_ids": list(report.load_ids)}


def _read_topic(run: Run, budget_seconds: float) -> CounterflowError | None:
    """Take what the topic holds into the inbox; give what went wrong, so that loading goes on without it."""
    from include.events.kafka.consuming import consume_available

    intake = run.settings.intake
    if intake.transport != KAFKA:
        return None
    try:
        consume_available(run.stores.state, intake, run_id=run.run_id, budget_seconds=budget_seconds)
    except CounterflowError as error:
        logger.warning("the topic was not read to its end: %s", error.message)
        return error
    return None
