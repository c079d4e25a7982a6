"""Asking a person about days that are unlike the days before them, and what becomes of the answer."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context

from dags.wiring.run_days import is_woken
from dags.wiring.runs import Run
from dags.wiring.units import Unit, days_of

if TYPE_CHECKING:
    from include.state.blocks import Block

log = logging.getLogger(__name__)

CHOICE, APPROVAL = "choose_approval", "approve_upload"
CLEAR, ALL = "send_clear_days", "send_conversions"
QUESTION, EVIDENCE = "question", "evidence"  # XCom keys of CHOICE
APPROVE = "Approve"


def report_unit(run: Run, unit: Unit) -> list[dict[str, Any]]:
    """Report on a counter's scored days; what is unchanged costs a look.

    Args:
        run: what the task works with.
        unit: counter and days.

    Returns:
        Counts per day, for XCom.
    """
    from include.visits.monitoring.report_day import report_day

    reports = [
        report_day(
            run.stores.warehouse,
            run.stores.state,
            counter_id=unit["counter_id"],
            day=day,
            settings=run.settings.drift,
            run_id=run.run_id,
        )
        for day in days_of(unit)
    ]
    return [{"day": str(one.day), **one.counts, "is_blocked": one.is_blocked} for one in reports]


def choose_next(run: Run, units: Sequence[Unit]) -> list[str]:
    """Decide what comes first: a person's answer, the days that need none, or everything.

    Args:
        run: what the task works with.
        units: counters and days.

    Returns:
        Ids of the tasks to go on with; what the person is to read is in XCom.
    """
    context = get_current_context()
    blocks = [] if run.params["single"] else [block for unit in units for block in _blocks_to_ask(run, unit)]
    context["ti"].xcom_push(EVIDENCE, [block.evidence_digest for block in blocks])
    context["ti"].xcom_push(QUESTION, _question(units, blocks, asks_always=run.params["approve"]))
    if run.params["approve"]:
        return [APPROVAL]
    return [CLEAR, APPROVAL] if blocks else [ALL]


def release_unit(run: Run, unit: Unit) -> None:
    """Let a counter's days pass when a person approved them; safe to repeat.

    Args:
        run: what the task works with.
        unit: counter and days.
    """
    from include.visits.monitoring.blocking import approve_drift

    task = get_current_context()["ti"]
    answer = task.xcom_pull(task_ids=APPROVAL, map_indexes=-1) or {}
    if APPROVE not in answer.get("chosen_options", ()):
        return
    person = (answer.get("responded_by_user") or {}).get("name") or "a person in Airflow"
    evidence = task.xcom_pull(task_ids=CHOICE, key=EVIDENCE, map_indexes=-1) or []
    approve_drift(run.stores.state, unit["counter_id"], days_of(unit), approved_by=person, evidence=evidence)


def _blocks_to_ask(run: Run, unit: Unit) -> list[Block]:
    """Blocked days of a unit that this run is to ask about: a person's run all, a woken one those no other run asks."""
    from include.state.blocks import claim_block, read_blocks
    from include.state.engine import reachable

    if run.settings.drift.blocks:
        report_unit(run, unit)  # nothing is sent unseen, also when the report of visit_scoring failed
    with reachable(run.stores.state), run.stores.state.begin() as connection:
        blocks = read_blocks(connection, unit["counter_id"], days_of(unit), is_open=True)
        asked = [block for block in blocks if claim_block(connection, block, run.run_id) or not is_woken()]
    for block in blocks:
        if block not in asked:
            log.info("day %s of counter %d is held, run %s asks about it", block.day, block.counter_id, block.asked_by)
    return asked


def _question(units: Sequence[Unit], blocks: Sequence[Block], *, asks_always: bool) -> str:
    from include.visits.monitoring.blocking import blocked_sentence

    found = [f"- {blocked_sentence(one.counter_id, one.day, one.details['findings'])}" for one in blocks]
    if asks_always:
        listed = "; ".join(f"{unit['counter_id']}: {', '.join(unit['days'])}" for unit in units)
        found = [f"Counters and days: {listed}. Their scores are in the logs of visit_scoring.", "", *found]
    if blocks:
        found += ["", "Approve lets these days pass and sends what is held; Reject leaves it held."]
    return "\n".join(found)
