"""
### Offline conversions of a scored day

Sends the level 4+ visits that have not been sent yet to Metrika and follows the upload to its end.

| | |
|---|---|
| Schedule | after `visit_scoring` has scored the same day |
| Reads | ClickHouse table `visit_scores`, the conversion ledger, the monitoring report |
| Writes | Metrika's offline conversions; the ledger; the day manifest |
| Answers | analytics |

**Parameters.** `date`, or `date_from` with `date_to`: days to send by hand (default: the day that was scored, and
the days before it whose scores changed). `counters`: counter ids (default: all). `target`: goal identifier
(default: CONVERSION_TARGET, `4plus`). `approve`: wait for a person's approval before anything is sent (default
false; page Required Actions). `include_old`: also send visits older than 21 days (default false). `single`, `upload_id`,
`task_id`: set by the API; a `single` run sends the one upload of that id (default false, empty, empty).

**Unusual days.** With COUNTERFLOW_DRIFT_ACTION=block a day unlike its reference waits: the others are sent, and
`approve_upload` asks, naming day, feature and numbers. Approve sends it, Reject leaves it held; `visits approve-drift`
lets it pass later. One woken run asks about a day, those of the next days hold it quietly; a run by hand always asks.

**Again.** Safe at any time: the ledger knows what was sent, and an upload whose answer was lost is looked up in
Metrika before anything is sent. What is held back has a reason and is looked at again by the next run.

**Trouble.** A missing goal fails before anything is sent; create it in Metrika, or set CONVERSION_CREATE_GOAL.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param, PartitionedAssetTimetable, PokeReturnValue, TriggerRule, dag, task

from dags.wiring.approving import choose_next, release_unit
from dags.wiring.assets import VISITS_SCORED
from dags.wiring.policies import ASKING_DEFAULTS, METRIKA_POOL, POKE_SECONDS, api_params, day_params
from dags.wiring.run_days import is_woken, run_days
from dags.wiring.runs import open_run
from dags.wiring.units import stage_units
from dags.wiring.uploading import follow_units, forget_run, upload_unit

FOLLOW = dt.timedelta(hours=26)  # an upload is given up after 24 hours
GO_ON = TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS


@dag(
    schedule=PartitionedAssetTimetable(assets=VISITS_SCORED),
    doc_md=__doc__,
    tags=["conversions", "daily"],
    params={
        **day_params(),
        "target": Param(None, type=["null", "string"], title="Target", description="Goal identifier."),
        "approve": Param(False, type="boolean", title="Approve first", description="Wait for a person's approval."),
        "include_old": Param(False, type="boolean", title="Include old", description="Also visits over 21 days old."),
        **api_params(),
    },
    **ASKING_DEFAULTS,
)
def conversion_upload() -> None:
    """Approve if asked, send, follow."""

    @task
    def plan_upload() -> list[dict[str, Any]]:
        with open_run() as run:
            return stage_units(run, run_days(), stage="scores", is_woken=is_woken())

    @task.branch
    def choose_approval(units: list[dict[str, Any]]) -> list[str]:
        with open_run() as run:
            return choose_next(run, units)

    @task(pool=METRIKA_POOL)
    def send_clear_days(unit: dict[str, Any]) -> list[dict[str, Any]]:
        with open_run() as run:
            return upload_unit(run, unit)

    @task(pool=METRIKA_POOL, trigger_rule=GO_ON)
    def send_conversions(unit: dict[str, Any]) -> list[dict[str, Any]]:
        with open_run() as run:
            release_unit(run, unit)
            return upload_unit(run, unit)

    @task.sensor(mode="reschedule", poke_interval=POKE_SECONDS, timeout=FOLLOW, pool=METRIKA_POOL, trigger_rule=GO_ON)
    def follow_uploads(units: list[dict[str, Any]]) -> PokeReturnValue:
        with open_run() as run:
            counts = follow_units(run, units)
        return PokeReturnValue(is_done=counts["pending"] == 0, xcom_value=counts)

    @task
    def forget_token() -> None:
        with open_run() as run:
            forget_run(run)

    approve_upload = ApprovalOperator(
        task_id="approve_upload",
        subject="Send the level 4+ visits of this run to Metrika?",
        body="{{ ti.xcom_pull(task_ids='choose_approval', key='question') }}",
        execution_timeout=None,  # a person may take days
    )
    units = plan_upload()
    clear, sent = send_clear_days.expand(unit=units), send_conversions.expand(unit=units)
    choose_approval(units) >> [clear, approve_upload, sent]
    approve_upload >> sent
    [clear, sent] >> follow_uploads(units) >> forget_token().as_teardown()


conversion_upload()
