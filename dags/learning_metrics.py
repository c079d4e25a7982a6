"""
### Learning metrics of courses

Recalculates retention, engagement, completion, time on task, activity index and focus ratio per person, course and
period, where events came or a day has ended.

| | |
|---|---|
| Schedule | every day at local midnight of COUNTERFLOW_SCHEDULE_ZONE |
| Reads | ClickHouse table `events`; courses and their items |
| Writes | ClickHouse table `user_days`; `metric_values`, `metric_restatements` and what belongs to them |
| Then | nobody waits for it; people read over HTTP, or by `python -m include metrics show` |
| Answers | analytics |

**What a run does.** A run of the schedule, and one by hand without parameters, takes the loads that nobody took yet,
rebuilds the days of courses that their events touched, and every stored period that holds one; and values that waited
for a day to end. A backfill does the same, and calculates its days whether touched or not.

**Parameters.** `date`, or `date_from` with `date_to`: days to calculate in any case, with the weeks and months that hold
them; days of each course's own zone. `period_start` with `period_end`: one free period instead, half-open.
`project`: only courses of this app (default: any; needed when apps share an id). `courses`: ids of courses (default: all
that have events). For named days or a period only: `metrics` (default: all six), `version` (1, 2 or all;
default all), `cause`: what restatements give as their reason (default recalculation; also deletion, definition_change).
`task_id`: set by the API (default empty).

**Again.** Safe at any time: the same events give the same values, and what is the same is not written. For many days use
a backfill (Backfill button, or `airflow backfill create --dag-id learning_metrics --from-date D --to-date D`); runs
that meet in one course wait for each other. A cancelled backfill leaves cleared runs queued for ever (Airflow issue
72337): start a new one instead of clearing.

**Trouble.** Every run calculates 50 people of each course a second time with pandas, before it writes. When a value
differs the run fails, names metric, person and period, and goes no further in that course; `docs/learning_metrics.md`
says what to do. What was not calculated stays noted, and the next run does it.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import CronPartitionTimetable, dag, task

from dags.wiring.learning_metrics import metrics_params, recalculate_run
from dags.wiring.policies import DAG_DEFAULTS, SCHEDULE_ZONE
from dags.wiring.runs import open_run

TASKS_AT_ONCE = 2  # of all runs: those of one course wait for each other, and hold a worker while they do


@dag(
    schedule=CronPartitionTimetable("0 0 * * *", timezone=SCHEDULE_ZONE, run_offset=-1, key_format="%Y-%m-%d"),
    doc_md=__doc__,
    tags=["events", "metrics", "daily"],
    params=metrics_params(),
    **DAG_DEFAULTS,
)
def learning_metrics() -> None:
    """One task: parts, values and their check see the same events, under one lock per course."""

    @task(max_active_tis_per_dag=TASKS_AT_ONCE)
    def recalculate_metrics() -> dict[str, Any]:
        with open_run() as run:
            return recalculate_run(run)

    recalculate_metrics()


learning_metrics()
