"""
### Raw logs of Metrika, one day at a time

Loads the raw visits and hits of every counter for one calendar day and swaps the day in whole.

| | |
|---|---|
| Schedule | every day at local midnight of COUNTERFLOW_SCHEDULE_ZONE, for the day that has just ended; each counter waits, without a worker, until 03:00 of its own zone |
| Reads | Metrika's Logs API, connection `metrika_default` |
| Writes | ClickHouse tables `visits`, `hits`, `visits_quarantine`, `hits_quarantine`; the day manifest |
| Then | `visit_scoring` of the same day, and from there `conversion_upload`; a task of the API ends with the scores |
| Answers | analytics; limits of Metrika are kept by pool `metrika_api` and a quota shared by all tasks |

**Parameters.** `date`, or `date_from` with `date_to`: days to load by hand (default: the run's own day).
`counters`: counter ids (default: all). `refresh`: also load the days before whose visits may still change
(default true).

**Again.** Loading a day again is safe and changes nothing unless Metrika's data changed. For many days use a
backfill (Backfill button, or `airflow backfill create --dag-id metrika_logs --from-date D --to-date D`); scoring
and uploads follow day by day. A cancelled backfill leaves cleared runs queued for ever (Airflow issue 72337):
start a new backfill instead of clearing.

**Trouble.** The failed task's log ends with one sentence that says what to do. Log requests at Metrika are always
given back at the end of the run; `housekeeping` frees what a lost machine left behind. A counter that fails does not
hold up the others; the run is red, and clearing its failed tasks brings that counter in later.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.sdk import CronPartitionTimetable, Param, PokeReturnValue, TriggerRule, dag, task, task_group
from airflow.sdk.exceptions import AirflowFailException

from dags.wiring.assets import VISITS_LOADED
from dags.wiring.loading import load_unit, logs_are_ready, release_logs
from dags.wiring.policies import DAG_DEFAULTS, METRIKA_POOL, POKE_SECONDS, SCHEDULE_ZONE, day_params
from dags.wiring.run_days import publish_days, run_days
from dags.wiring.runs import failed_sentences, open_run
from dags.wiring.units import load_units

WAIT = dt.timedelta(hours=24)  # the day of a counter far to the west ends 15 hours later, and the queue adds hours


@dag(
    schedule=CronPartitionTimetable("0 0 * * *", timezone=SCHEDULE_ZONE, run_offset=-1, key_format="%Y-%m-%d"),
    doc_md=__doc__,
    tags=["metrika", "daily"],
    params={
        **day_params(),
        "refresh": Param(True, type="boolean", title="Refresh", description="Load late changes of the days before."),
    },
    **DAG_DEFAULTS,
)
def metrika_logs() -> None:
    """Request, wait, load, give back."""

    @task(pool=METRIKA_POOL)
    def plan_load() -> list[dict[str, Any]]:
        with open_run() as run:
            return load_units(run, run_days())

    @task.sensor(mode="reschedule", poke_interval=POKE_SECONDS, timeout=WAIT, pool=METRIKA_POOL)
    def wait_for_logs(unit: dict[str, Any]) -> PokeReturnValue:
        with open_run() as run:
            return PokeReturnValue(is_done=logs_are_ready(run, unit))

    @task(pool=METRIKA_POOL)
    def load_days(unit: dict[str, Any]) -> dict[str, Any]:
        with open_run() as run:
            return load_unit(run, unit)

    @task_group(prefix_group_id=False)
    def load_counter(unit: dict[str, Any]) -> None:
        wait_for_logs(unit) >> load_days(unit)

    @task(outlets=[VISITS_LOADED], trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS)
    def publish_day(outlet_events: Any = None) -> None:
        publish_days(outlet_events[VISITS_LOADED])

    @task(trigger_rule=TriggerRule.ONE_FAILED)
    def report_failure() -> None:
        raise AirflowFailException(failed_sentences("wait_for_logs", "load_days"))

    @task(pool=METRIKA_POOL)
    def give_logs_back() -> int:
        with open_run() as run:
            return release_logs(run)

    units = plan_load()
    loaded = load_counter.expand(unit=units)
    loaded >> [publish_day(), report_failure(), give_logs_back().as_teardown(setups=units)]


metrika_logs()
