"""What every task has in common: owner, tags, and retries by kind of error."""

from __future__ import annotations

import datetime as dt
import os
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, Param, RetryAction, RetryRule

from include.errors import (
    CounterflowError,
    QuotaExceeded,
    SourceRequestFailed,
    SourceUnavailable,
    StoreUnavailable,
)

OWNER = "analytics"
START_DATE = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
SCHEDULE_ZONE = os.environ.get("COUNTERFLOW_SCHEDULE_ZONE") or "Europe/Moscow"
POKE_SECONDS = float(os.environ.get("COUNTERFLOW_POKE_SECONDS") or 60)
METRIKA_POOL = "metrika_api"
UNAVAILABLE_WAIT = dt.timedelta(minutes=2)
QUOTA_WAIT = dt.timedelta(minutes=10)

RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(exception=QuotaExceeded, action=RetryAction.RETRY, retry_delay=QUOTA_WAIT),
        RetryRule(exception=SourceUnavailable, action=RetryAction.RETRY, retry_delay=UNAVAILABLE_WAIT),
        RetryRule(exception=SourceRequestFailed, action=RetryAction.RETRY, retry_delay=UNAVAILABLE_WAIT),
        RetryRule(exception=StoreUnavailable, action=RetryAction.RETRY, retry_delay=UNAVAILABLE_WAIT),
        RetryRule(exception=CounterflowError, action=RetryAction.FAIL),
    ]
)
DEFAULT_ARGS: dict[str, Any] = {
    "owner": OWNER,
    "retries": 3,
    "retry_delay": dt.timedelta(seconds=30),
    "retry_policy": RETRY_POLICY,
    "execution_timeout": dt.timedelta(hours=2),
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
