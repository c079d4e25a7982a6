"""
### Scores of a loaded day

Computes the slot features of each visit, decides with rule 180-5-5 and the device models, and writes
`level4_visits_<DATE>.json`.

| | |
|---|---|
| Schedule | after `metrika_logs` has loaded the same day |
| Reads | ClickHouse tables `visits` and `hits`; models in production |
| Writes | `visit_features`, `visit_scores`, the export folder, the day manifest |
| Then | `conversion_upload` of the same day |

**Parameters.** `date`, or `date_from` with `date_to`: days to score by hand, without downloading again (default:
the day that was loaded, and the days before it whose visits changed). `counters`: counter ids (default: all).

**Again.** A day whose input and models are unchanged is left as it is. Backfills belong to `metrika_logs`; to
score a range again, trigger this DAG with the range.

**Trouble.** A missing load, a damaged model or a missing feature fails at once and says what to do.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from airflow.sdk import PartitionedAssetTimetable, dag, task

from dags.wiring.assets import VISITS_LOADED, VISITS_SCORED
from dags.wiring.connections import open_run
from dags.wiring.policies import DEFAULT_ARGS, START_DATE, day_params
from dags.wiring.units import days_of, run_days, stage_units


@dag(
    schedule=PartitionedAssetTimetable(assets=VISITS_LOADED),
    start_date=START_DATE,
    catchup=False,
    max_active_runs=4,
    default_args=DEFAULT_ARGS,
    doc_md=__doc__,
    tags=["visits", "daily"],
    params=day_params(),
)
def visit_scoring() -> None:
    """Score each counter's days."""

    @task
    def plan_scoring(
        params: Any = None, partition_key: Any = None, data_interval_start: Any = None
    ) -> list[dict[str, Any]]:
        with open_run(params) as run:
            days = run_days(params, partition_key, data_interval_start)
            return stage_units(run, params, days, stage="visits", asked_by_hand=not partition_key)

    @task
    def score_days(unit: dict[str, Any], params: Any = None, run_id: Any = None) -> list[dict[str, Any]]:
        from include.visits.score_day import score_day

        with open_run(params) as run:
            reports = [
                score_day(
                    run.stores.warehouse,
                    run.stores.state,
                    counter_id=unit["counter_id"],
                    day=day,
                    exports_dir=run.settings.exports_dir,
                    models_dir=run.settings.models_dir,
                    run_id=run_id,
                )
                for day in days_of(unit)
            ]
        return [{**asdict(report), "day": str(report.day), "path": str(report.path)} for report in reports]

    @task(outlets=[VISITS_SCORED])
    def publish_scores(scored: Any, outlet_events: Any = None) -> None:
        outlet_events[VISITS_SCORED].extra = {"counters": len(list(scored))}

    publish_scores(score_days.expand(unit=plan_scoring()))


visit_scoring()
