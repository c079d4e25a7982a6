"""
### Offline conversions of a scored day

Sends the level 4+ visits that have not been sent yet to Metrika and follows the upload to its end.

| | |
|---|---|
| Schedule | after `visit_scoring` has scored the same day |
| Reads | ClickHouse table `visit_scores`, the conversion ledger |
| Writes | Metrika's offline conversions; the ledger; the day manifest |

**Parameters.** `date`, or `date_from` with `date_to`: days to send by hand (default: the day that was scored, and
the days before it whose scores changed). `counters`: counter ids (default: all). `target`: goal identifier
(default: CONVERSION_TARGET, `4plus`). `approve`: wait for a person's approval before anything is sent (default
false; page Required Actions). `include_old`: also send visits older than 21 days (default false).

**Again.** Safe at any time: the ledger knows what was sent, and an upload whose answer was lost is looked up in
Metrika before anything is sent. What is held back has a reason and is looked at again by the next run.

**Trouble.** A missing goal fails before anything is sent; create it in Metrika, or set CONVERSION_CREATE_GOAL.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param, PartitionedAssetTimetable, PokeReturnValue, TriggerRule, dag, task

from dags.wiring.assets import VISITS_SCORED
from dags.wiring.connections import open_run
from dags.wiring.policies import DEFAULT_ARGS, METRIKA_POOL, POKE_SECONDS, START_DATE, day_params
from dags.wiring.units import run_days, stage_units
from dags.wiring.uploading import finish_task, track_units, upload_unit

FOLLOW = dt.timedelta(hours=26)  # uploads are given up after 24 hours


@dag(
    schedule=PartitionedAssetTimetable(assets=VISITS_SCORED),
    start_date=START_DATE,
    catchup=False,
    max_active_runs=4,
    default_args=DEFAULT_ARGS,
    doc_md=__doc__,
    tags=["conversions", "daily"],
    params={
        **day_params(),
        "target": Param(None, type=["null", "string"], title="Target", description="Goal identifier."),
        "approve": Param(False, type="boolean", title="Approve first", description="Wait for a person's approval."),
        "include_old": Param(False, type="boolean", title="Include old", description="Also visits over 21 days old."),
        "upload_id": Param(None, type=["null", "string"], title="Upload", description="Set by the API."),
        "task_id": Param(None, type=["null", "string"], title="API task", description="Set by the API."),
    },
)
def conversion_upload() -> None:
    """Approve if asked, send, follow."""

    @task
    def plan_upload(
        params: Any = None, partition_key: Any = None, data_interval_start: Any = None
    ) -> list[dict[str, Any]]:
        with open_run(params) as run:
            days = run_days(params, partition_key, data_interval_start)
            return stage_units(run, params, days, stage="scores", asked_by_hand=not partition_key)

    @task.branch
    def choose_approval(params: Any = None) -> str:
        return "approve_upload" if params["approve"] else "send_conversions"

    approve_upload = ApprovalOperator(
        task_id="approve_upload",
        subject="Send the level 4+ visits of this run to Metrika?",
        body="Run {{ run_id }}. The counts are in the logs of visit_scoring.",
        fail_on_reject=False,
    )

    @task(pool=METRIKA_POOL, trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
    def send_conversions(unit: dict[str, Any], params: Any = None, run_id: Any = None) -> list[dict[str, Any]]:
        with open_run(params) as run:
            return upload_unit(run, unit, params, run_id)

    @task.sensor(mode="reschedule", poke_interval=POKE_SECONDS, timeout=FOLLOW, pool=METRIKA_POOL)
    def follow_uploads(units: list[dict[str, Any]], sent: Any, params: Any = None) -> PokeReturnValue:
        with open_run(params) as run:
            counts = track_units(run, units)
        return PokeReturnValue(is_done=counts["pending"] == 0, xcom_value=counts)

    @task(trigger_rule=TriggerRule.ALL_DONE)
    def close_task(followed: Any, params: Any = None) -> None:
        with open_run(params) as run:
            finish_task(run, params)

    units = plan_upload()
    sent = send_conversions.expand(unit=units)
    units >> choose_approval() >> [approve_upload, sent]
    approve_upload >> sent
    followed = follow_uploads(units, sent)
    close_task(followed)


conversion_upload()
