"""
### Events into the warehouse

Moves accepted events from the inbox in PostgreSQL to ClickHouse, in large loads, each event once.

| | |
|---|---|
| Schedule | every minute, one run at a time |
| Reads | `inbox_batches`, `event_quarantine`; the topic, when `EVENTS_TRANSPORT` is `kafka` |
| Writes | ClickHouse tables `events` and `events_rejected`; `event_loads`, `receipts`, `persons`, `identities` |
| Then | whoever waits for the asset of landed events |
| Answers | analytics |

**Parameters.** `budget_seconds`: a run begins no load after that (default 50; the next run goes on). `load_max_events`:
events of one load (default: `EVENTS_LOAD_MAX_EVENTS`).

A run that finds nothing to do is shown as skipped, and wakes nobody.

**Again.** Safe at any time, by hand as well (`python -m include events load` does the same). A load that was begun and
did not end is repeated as it was: same events, same number. Two loaders never work at once; the second one ends.

**Trouble.** While ClickHouse is away, runs fail, the inbox keeps filling, and nothing is lost: the first run after its
return loads everything. A batch that ClickHouse cannot read waits, and all others are loaded.
`python -m include events status` shows what waits, for how long, and whether it adds up.
With `EVENTS_TRANSPORT=kafka` a run reads the topic first, within half of its budget. While the broker is away the inbox
is loaded all the same, and a run fails only when nothing landed; `python -m include events kafka status` shows the lag.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import CronTriggerTimetable, Param, dag, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.wiring.assets import EVENTS_LANDED
from dags.wiring.event_loading import load_inbox
from dags.wiring.policies import DAG_DEFAULTS, EACH_MINUTE_ARGS
from dags.wiring.runs import open_run


@dag(
    schedule=CronTriggerTimetable("* * * * *", timezone="UTC"),
    doc_md=__doc__,
    tags=["events"],
    params={
        "budget_seconds": Param(50, type="number", minimum=0, title="Budget", description="Seconds."),
        "load_max_events": Param(
            None, type=["null", "integer"], minimum=1, title="Load size", description="Events of one load."
        ),
    },
    **(DAG_DEFAULTS | {"max_active_runs": 1, "default_args": EACH_MINUTE_ARGS}),
)
def event_loading() -> None:
    """Load what waits; say that events landed."""

    @task(outlets=[EVENTS_LANDED])
    def load_events(params: Any = None, outlet_events: Any = None) -> dict[str, Any]:
        with open_run() as run:
            found = load_inbox(run, params["budget_seconds"], params["load_max_events"])
        if not found["load_ids"]:
            raise AirflowSkipException("No event was waiting.")
        outlet_events[EVENTS_LANDED].extra = {"load_ids": found["load_ids"]}
        return found

    load_events()


event_loading()
