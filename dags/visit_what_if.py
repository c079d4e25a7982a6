"""
### What another model or threshold would have decided

Decides scored days in shadow with other models, shows what would be added and removed, and puts it in force once a
person approves.

| | |
|---|---|
| Schedule | none; triggered by hand |
| Reads | `visit_features`, `visit_scores`, `visits`; registered models; the conversion ledger |
| Writes | table `what_ifs`; after approval the models in production, `visit_scores`, the export folder, the day manifest |
| Then | `conversion_upload` of the same days, when `send` says so |
| Answers | analytics |

**Parameters.** `date`, or `date_from` with `date_to`: scored days. `counters`: counter ids (default: all).
`desktop_version`, `mobile_version`: registered versions to try (default: those in production). `desktop_threshold`,
`mobile_threshold`: thresholds to try, 0-1 (default: the versions' own); at least one of the four.
`value_per_visit`: value of a visit when visits carry no revenue and no goals (default: counts only). `send`: hand
the days on to `conversion_upload` after approval (default false: send them by triggering it with the same days).

**Again.** Asking changes nothing, and the same question has the same answer. What was approved is applied once; when
a day was loaded or scored otherwise meanwhile, it is refused, and this DAG is to be triggered again.

**Trouble.** Days that are not scored, unknown versions and thresholds outside 0-1 fail at once and are named. A
rejected approval (page Required Actions) ends as skipped, with nothing changed.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param, dag, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.wiring.assets import VISITS_SCORED
from dags.wiring.policies import DAG_DEFAULTS, day_params
from dags.wiring.run_days import publish_days, run_days
from dags.wiring.runs import open_run
from dags.wiring.what_if import apply_what_ifs, ask_what_ifs

THRESHOLD: dict[str, Any] = {"type": ["null", "number"], "minimum": 0, "maximum": 1}
VERSION: dict[str, Any] = {"type": ["null", "string"], "description": "As the list of models shows it."}


@dag(
    schedule=None,
    doc_md=__doc__,
    tags=["visits"],
    params={
        **day_params(),
        "desktop_version": Param(None, title="Desktop version", **VERSION),
        "mobile_version": Param(None, title="Phone version", **VERSION),
        "desktop_threshold": Param(None, title="Desktop threshold", description="0 to 1.", **THRESHOLD),
        "mobile_threshold": Param(None, title="Phone threshold", description="0 to 1.", **THRESHOLD),
        "value_per_visit": Param(
            None, type=["null", "number"], minimum=0, title="Value per visit", description="When visits carry none."
        ),
        "send": Param(False, type="boolean", title="Send afterwards", description="Hand the days on to the upload."),
    },
    **DAG_DEFAULTS,
)
def visit_what_if() -> None:
    """Ask, wait for a person, apply, hand on if asked."""

    @task
    def ask_what_if() -> dict[str, Any]:
        with open_run() as run:
            return ask_what_ifs(run, run_days())

    @task
    def apply_what_if(asked: dict[str, Any], ti: Any = None) -> list[dict[str, Any]]:
        answer = ti.xcom_pull(task_ids="approve_what_if") or {}
        with open_run() as run:
            return apply_what_ifs(run, asked["ids"], answer)

    @task(outlets=[VISITS_SCORED])
    def publish_scores(params: Any = None, outlet_events: Any = None) -> None:
        if not params["send"]:
            raise AirflowSkipException("Nothing is sent: trigger conversion_upload with the same days, or set send.")
        publish_days(outlet_events[VISITS_SCORED])

    approve_what_if = ApprovalOperator(
        task_id="approve_what_if",
        subject="Let the proposed models decide from now on, and score these days again?",
        body="{{ ti.xcom_pull(task_ids='ask_what_if')['table'] }}",
        execution_timeout=None,  # a person may take days
        fail_on_reject=False,
    )
    asked = ask_what_if()
    asked >> approve_what_if >> apply_what_if(asked) >> publish_scores()


visit_what_if()
