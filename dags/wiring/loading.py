"""The steps of ``metrika_logs`` as one call each."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.sdk.exceptions import AirflowRescheduleException

from dags.wiring.runs import Run
from dags.wiring.units import Unit, days_of
from include.days import utc_now

if TYPE_CHECKING:
    from include.metrika.loading.load_job import LoadJob

log = logging.getLogger(__name__)

SETTLE_HOUR = 3  # local hour of the next day from which Metrika's data of a day is asked for


def logs_are_ready(run: Run, unit: Unit) -> bool:
    """Order the logs of a unit once its last day has settled, and look whether they are prepared.

    Args:
        run: what the task works with.
        unit: counter and days.

    Returns:
        True when every log can be downloaded.

    Raises:
        AirflowRescheduleException: the day is not over yet; the task sleeps, without a worker, until it is.
    """
    from include.metrika.loading.load_job import order_days
    from include.metrika.requests.own_requests import refresh
    from include.state.locks import day_lock

    job = _job(run, unit)
    settled_at = settles_at(days_of(unit)[-1], job.counter.zone)
    if utc_now() < settled_at:
        log.info("counter %d: day %s is asked for at %s", unit["counter_id"], days_of(unit)[-1], settled_at)
        raise AirflowRescheduleException(settled_at)
    with day_lock(job.state, unit["counter_id"], days_of(unit), purpose="order"):  # overlapping runs share one export
        seen = [refresh(job.api, job.state, own) for own in order_days(job, days_of(unit))]
    log.info("counter %d: %d of %d logs prepared", unit["counter_id"], sum(own.is_ready for own in seen), len(seen))
    return all(own.is_ready for own in seen)


def settles_at(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """When Metrika's data of a day is worth asking for.

    Args:
        day: local day.
        zone: the counter's zone.

    Returns:
        03:00 of the next local day, aware UTC.
    """
    after = day + dt.timedelta(days=1)
    return dt.datetime.combine(after, dt.time(SETTLE_HOUR), tzinfo=zone).astimezone(dt.UTC)


def load_unit(run: Run, unit: Unit) -> dict[str, Any]:
    """Load a unit.

    Args:
        run: what the task works with.
        unit: counter and days.

    Returns:
        Counts for XCom.
    """
    from include.metrika.loading.load_day import load_days

    return asdict(load_days(_job(run, unit), days_of(unit), keep_for_retry=True))


def release_logs(run: Run) -> int:
    """Give every log request of a run back to Metrika, and forget the token its caller gave.

    Args:
        run: what the task works with.

    Returns:
        How many were still held.
    """
    from include.metrika.client.logs_api import LogsApi
    from include.metrika.requests.releasing import release_run
    from include.state.api_tasks import forget_token

    held = release_run(LogsApi(run.session), run.stores.state, run.run_id)
    forget_token(run.stores.state, run.run_id)
    return held


def _job(run: Run, unit: Unit) -> LoadJob:
    from include.metrika.client.logs_api import LogsApi
    from include.metrika.loading.load_job import open_load

    return open_load(
        run.stores.warehouse,
        run.stores.state,
        LogsApi(run.session),
        run.settings.metrika,
        counter_id=unit["counter_id"],
        run_id=run.run_id,
    )
