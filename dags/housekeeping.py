"""
### Housekeeping

Frees what lost machines and killed runs left behind. Nothing here touches a loaded day or the ledger.

| | |
|---|---|
| Schedule | every day at 05:30 UTC |
| Forgets | sign-ins that have ended, expired refresh tokens, failed sign-ins older than 15 minutes |
| Frees | log requests of ours that Metrika still stores; staging tables; tokens of API tasks that never ended; stored answers of repeated API requests; exported lists older than `keep_days` |
| Forgets | ids and answers of events after `EVENTS_SEEN_DAYS`, receipts after `EVENTS_RECEIPT_DAYS`; discards rejected events after `EVENTS_QUARANTINE_DAYS`; their counts are kept |
| Sends | conversions that Metrika could not link, once their waiting time is over, while they are inside the 21 days |
| Answers | analytics |

**Parameters.** `keep_days`: how long exported lists are kept (default 400). `stale_hours`: how old a left-over log
request or staging table must be (default 24).

**Again.** Safe at any time.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.sdk import CronTriggerTimetable, Param, dag, task

from dags.wiring.keeping import drop_leftovers, forget_tokens, free_logs, retry_unlinked
from dags.wiring.policies import DAG_DEFAULTS, METRIKA_POOL
from dags.wiring.runs import open_run


@dag(
    schedule=CronTriggerTimetable("30 5 * * *", timezone="UTC"),
    doc_md=__doc__,
    tags=["upkeep", "daily"],
    params={
        "keep_days": Param(400, type="integer", minimum=1, title="Keep exports", description="Days."),
        "stale_hours": Param(24, type="integer", minimum=1, title="Stale after", description="Hours."),
    },
    **(DAG_DEFAULTS | {"max_active_runs": 1}),
)
def housekeeping() -> None:
    """Free logs, tables, tokens and files; send again what was not linked. No step waits for another."""

    @task(pool=METRIKA_POOL)
    def free_log_requests(params: Any = None) -> dict[str, int]:
        with open_run() as run:
            return free_logs(run, dt.timedelta(hours=params["stale_hours"]))

    @task
    def free_tables_and_files(params: Any = None) -> dict[str, int]:
        with open_run() as run:
            return drop_leftovers(run, dt.timedelta(hours=params["stale_hours"]), params["keep_days"])

    @task(pool=METRIKA_POOL)
    def send_unlinked_again() -> int:
        with open_run() as run:
            return retry_unlinked(run)

    @task
    def purge_tokens() -> dict[str, int]:
        with open_run() as run:
            return forget_tokens(run)

    free_log_requests()
    free_tables_and_files()
    send_unlinked_again()
    purge_tokens()


housekeeping()
