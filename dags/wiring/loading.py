"""The steps of ``metrika_logs`` as one call each."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import Any

from dags.wiring.connections import Run
from dags.wiring.units import Unit, days_of
from include.days import utc_now

SETTLE_HOUR = 3  # local hour of the next day from which Metrika's data of a day is asked for


def logs_are_ready(run: Run, unit: Unit, run_id: str) -> bool:
    """Order the logs of a unit once its last day is over, and look whether they are prepared.

    Args:
        run: what the task works with.
        unit: counter and days.
        run_id: the run.

    Returns:
        True when every log can be downloaded; used-up daily quota only means waiting on.
    """
    from include.errors import QuotaExceeded
    from include.metrika.load_job import order_days
    from include.metrika.requests import refresh

    try:
        job = _job(run, unit, run_id)
        last = days_of(unit)[-1] + dt.timedelta(days=1)
        if utc_now() < dt.datetime.combine(last, dt.time(SETTLE_HOUR), tzinfo=job.counter.zone):
            return False
        owned = order_days(job, days_of(unit))
        seen = [refresh(job.api, job.state, own) for own in owned]
        return all(own.is_ready for own in seen)
    except QuotaExceeded as error:
        if not error.is_daily:
            raise
        return False


def load_unit(run: Run, unit: Unit, run_id: str) -> dict[str, Any]:
    """Load a unit; a used-up daily quota puts the task off until it is renewed.

    Args:
        run: what the task works with.
        unit: counter and days.
        run_id: the run.

    Returns:
        Counts for XCom.
    """
    from airflow.sdk.exceptions import AirflowRescheduleException

    from include.errors import QuotaExceeded
    from include.metrika.load_day import load_days

    try:
        return asdict(load_days(_job(run, unit, run_id), days_of(unit), keep_for_retry=True))
    except QuotaExceeded as error:
        if not error.is_daily:
            raise
        raise AirflowRescheduleException(utc_now() + dt.timedelta(seconds=error.wait_seconds or 0)) from None


def release_logs(run: Run, run_id: str) -> int:
    """Give every log request of a run back to Metrika.

    Args:
        run: what the task works with.
        run_id: the run.

    Returns:
        How many were still held.
    """
    from include.metrika.logs_api import LogsApi
    from include.metrika.releasing import release_run

    return release_run(LogsApi(run.session), run.stores.state, run_id)


def _job(run: Run, unit: Unit, run_id: str) -> Any:
    from include.metrika.load_job import open_load
    from include.metrika.logs_api import LogsApi

    return open_load(
        run.stores.warehouse,
        run.stores.state,
        LogsApi(run.session),
        run.settings.metrika,
        counter_id=unit["counter_id"],
        run_id=run_id,
    )
