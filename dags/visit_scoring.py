"""
### Scores of a loaded day

Computes the slot features of each visit, decides with rule 180-5-5 and the device models, and writes
`level4_visits_<DATE>.json`.

| | |
|---|---|
| Schedule | after `metrika_logs` has loaded the same day |
| Reads | ClickHouse tables `visits` and `hits`; models in production |
| Writes | `visit_features`, `visit_scores`, the export folder, the day manifest, the monitoring report |
| Then | `conversion_upload` of the same day; a task of the API ends here |
| Answers | analytics |

**Parameters.** `date`, or `date_from` with `date_to`: days to score by hand, without downloading again (default:
the day that was loaded, and the days before it whose visits changed). `counters`: counter ids (default: all).

**Monitoring.** `report_drift` compares the scored days with the days before and with the labels that have come
(`visits report` shows it). It runs beside `publish_scores`: the scores do not wait for it, and when it fails the run
turns red while they are published all the same.

**Again.** A day whose input and models are unchanged is left as it is. Backfills belong to `metrika_logs`; to
score a range again, trigger this DAG with the range.

**Trouble.** A missing load, a damaged model or a missing feature fails at once and says what to do.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import PartitionedAssetTimetable, dag, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.wiring.approving import report_unit
from dags.wiring.assets import VISITS_LOADED, VISITS_SCORED
from dags.wiring.policies import DAG_DEFAULTS, day_params
from dags.wiring.run_days import is_from_api, is_woken, publish_days, run_days
from dags.wiring.runs import open_run
from dags.wiring.scoring import score_unit
from dags.wiring.units import stage_units


@dag(
    schedule=PartitionedAssetTimetable(assets=VISITS_LOADED),
    doc_md=__doc__,
    tags=["visits", "daily"],
    params=day_params(),
    **DAG_DEFAULTS,
)
def visit_scoring() -> None:
    """Score each counter's days."""

    @task
    def plan_scoring() -> list[dict[str, Any]]:
        with open_run() as run:
            return stage_units(run, run_days(), stage="visits", is_woken=is_woken())

    @task
    def score_days(unit: dict[str, Any]) -> list[dict[str, Any]]:
        with open_run() as run:
            return score_unit(run, unit)

    @task
    def report_drift(unit: dict[str, Any]) -> list[dict[str, Any]]:
        with open_run() as run:
            return report_unit(run, unit)

    @task(outlets=[VISITS_SCORED])
    def publish_scores(outlet_events: Any = None) -> None:
        if is_from_api():
            raise AirflowSkipException("The API asked for scores only; conversions are sent when it asks for them.")
        publish_days(outlet_events[VISITS_SCORED])

    units = plan_scoring()
    score_days.expand(unit=units) >> [publish_scores(), report_drift.expand(unit=units)]


visit_scoring()
