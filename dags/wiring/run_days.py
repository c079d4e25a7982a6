"""Days of the running run, who started it, and how its days wake the next DAG."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException

from dags.wiring.policies import SCHEDULE_ZONE
from include.days import resolve_run_days
from include.errors import InputError

if TYPE_CHECKING:
    from airflow.sdk.execution_time.context import OutletEventAccessor

API_RUN = "api__"  # how the ids of runs begin that the API starts


def run_days() -> tuple[dt.date, ...]:
    """Days of the running run, decided by the one function that does.

    Returns:
        The days in order.

    Raises:
        AirflowFailException: nothing names a day, or what names it is malformed.
    """
    context = get_current_context()
    try:
        return resolve_run_days(
            context["params"],
            context.get("partition_key"),
            context.get("data_interval_start"),
            ZoneInfo(SCHEDULE_ZONE),
        )
    except InputError as error:
        raise AirflowFailException(error.message) from None


def is_woken() -> bool:
    """Whether an earlier DAG started the running run, not a person."""
    return bool(get_current_context().get("triggering_asset_events"))


def is_from_api() -> bool:
    """Whether the running run belongs to a task of the API, which sends conversions only when asked to."""
    context = get_current_context()
    if str(context["run_id"]).startswith(API_RUN):
        return True
    events = [event for events in (context.get("triggering_asset_events") or {}).values() for event in events]
    return bool(events) and all((event.source_run_id or "").startswith(API_RUN) for event in events)


def publish_days(event: OutletEventAccessor) -> None:
    """Wake the next DAG for each day of the running run, also when the run has no partition of its own.

    Args:
        event: the outlet event of the asset.
    """
    if not get_current_context().get("partition_key"):
        event.add_partitions([day.isoformat() for day in run_days()])
