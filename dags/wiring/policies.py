"""What every task has in common: owner, tags, and retries by kind of error."""

from __future__ import annotations

import datetime as dt
import os
from typing import Any

from airflow.sdk import Param

from dags.wiring.retries import RetryByKind

OWNER = "analytics"
START_DATE = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)  # how far back a backfill may reach
SCHEDULE_ZONE = os.environ.get("COUNTERFLOW_SCHEDULE_ZONE") or "Europe/Moscow"
POKE_SECONDS = float(os.environ.get("COUNTERFLOW_POKE_SECONDS") or 60)
METRIKA_POOL = "metrika_api"
LONGEST_TASK = dt.timedelta(hours=2)  # a part of 1 GB downloads in minutes; the wait for logs is not counted
DEFAULT_ARGS: dict[str, Any] = {
    "owner": OWNER,
    "retries": 4,
    "retry_delay": dt.timedelta(seconds=10),  # after a killed worker; errors have their own waits
    "retry_policy": RetryByKind(),
    "execution_timeout": LONGEST_TASK,
}
DAG_DEFAULTS: dict[str, Any] = {
    "start_date": START_DATE,
    "catchup": False,
    "max_active_runs": 4,
    "default_args": DEFAULT_ARGS,
}
# A run a minute: the next run is the better retry, and one that hangs must not hold up the others.
EACH_MINUTE_ARGS: dict[str, Any] = {**DEFAULT_ARGS, "retries": 1, "execution_timeout": dt.timedelta(minutes=15)}
# A run that waits for a person takes no worker, and must not stop the runs of the next days.
ASKING_DEFAULTS: dict[str, Any] = {**DAG_DEFAULTS, "max_active_runs": 16}


def api_params() -> dict[str, Param]:
    """What the API says of a run that it starts; people leave it alone.

    Returns:
        ``single``, ``upload_id`` and ``task_id``.
    """
    text: dict[str, Any] = {"type": ["null", "string"], "description": "Set by the API."}
    return {
        "single": Param(False, type="boolean", title="Single", description="Set by the API."),
        "upload_id": Param(None, title="Upload", **text),
        "task_id": Param(None, title="API task", **text),
    }


def day_params() -> dict[str, Param]:
    """The form fields with which a person names days and counters.

    Returns:
        ``date``, ``date_from``, ``date_to`` and ``counters``.
    """
    day: dict[str, Any] = {"type": ["null", "string"], "format": "date"}
    return {
        "date": Param(None, title="Day", description="One day in the counter's time zone.", **day),
        "date_from": Param(None, title="First day", description="Start of a range, with Last day.", **day),
        "date_to": Param(None, title="Last day", description="End of a range, included.", **day),
        "counters": Param(
            [],
            type="array",
            items={"type": "integer", "minimum": 1},
            title="Counters",
            description="Counter ids; empty means every counter of the connection or METRIKA_COUNTER.",
            examples=[101, 202],
        ),
    }
