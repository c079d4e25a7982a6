"""Units of work: which counters and days one run is for, and which of them a mapped task gets."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from dags.wiring.connections import Run
from dags.wiring.policies import SCHEDULE_ZONE
from include.days import resolve_run_days
from include.errors import ConfigError

DAYS_PER_UNIT = 7  # a manual range is loaded in one request a week
Unit = dict[str, Any]


def run_days(params: Mapping[str, Any], partition_key: str | None, interval_start: Any) -> tuple[dt.date, ...]:
    """Days of the run, decided in the one place that does.

    Args:
        params: parameters of the run.
        partition_key: partition of the run, or None.
        interval_start: start of the data interval, or None.

    Returns:
        The days in order.
    """
    return resolve_run_days(params, partition_key, interval_start, ZoneInfo(SCHEDULE_ZONE))


def counters_of(run: Run, params: Mapping[str, Any]) -> tuple[int, ...]:
    """Counters of the run.

    Args:
        run: what the task works with.
        params: parameters of the run.

    Returns:
        At least one counter.

    Raises:
        ConfigError: no counter is named anywhere.
    """
    found = tuple(params.get("counters") or run.settings.metrika.counter_ids)
    if not found:
        raise ConfigError(
            "No counter is named: fill the run's counters, the extra of connection metrika_default, or METRIKA_COUNTER."
        )
    return found


def load_units(run: Run, params: Mapping[str, Any], days: Sequence[dt.date], run_id: str) -> list[Unit]:
    """Cut a load into units: a counter and up to a week of consecutive days.

    Args:
        run: what the task works with.
        params: parameters of the run.
        days: days asked for.
        run_id: the run.

    Returns:
        Units; a single day that is recent brings the days before it whose visits may still change.
    """
    from include.metrika.load_job import open_load, refresh_days
    from include.metrika.logs_api import LogsApi

    units = []
    for counter_id in counters_of(run, params):
        job = open_load(
            run.stores.warehouse,
            run.stores.state,
            LogsApi(run.session),
            run.settings.metrika,
            counter_id=counter_id,
            run_id=run_id,
        )
        wanted = days
        if len(days) == 1 and params.get("refresh", True):
            wanted = refresh_days(days[0], job.counter.zone, run.settings.metrika.reload_days)
        units += [_unit(counter_id, chunk) for chunk in _chunks(wanted)]
    return units


def stage_units(
    run: Run, params: Mapping[str, Any], days: Sequence[dt.date], *, stage: str, asked_by_hand: bool
) -> list[Unit]:
    """Units of a later stage: a counter and its days.

    Args:
        run: what the task works with.
        params: parameters of the run.
        days: days asked for.
        stage: manifest stage that has to be there.
        asked_by_hand: keep days without that stage, so that the task says what is missing.

    Returns:
        Units; the day of a daily run brings the days its load refreshed.
    """
    from include.state.manifest import read_stages

    units = []
    reload_days = run.settings.metrika.reload_days if not asked_by_hand else 0
    wanted = sorted({day - dt.timedelta(days=back) for day in days for back in range(reload_days + 1)})
    for counter_id in counters_of(run, params):
        with run.stores.state.connect() as connection:
            present = {record.day for record in read_stages(connection, counter_id, wanted, [stage])}
        chosen = [day for day in wanted if day in present or (day in days and asked_by_hand)]
        if chosen:
            units.append(_unit(counter_id, chosen))
    return units


def days_of(unit: Unit) -> tuple[dt.date, ...]:
    """Days of a unit.

    Args:
        unit: the unit.

    Returns:
        Its days.
    """
    return tuple(dt.date.fromisoformat(day) for day in unit["days"])


def _unit(counter_id: int, days: Iterable[dt.date]) -> Unit:
    return {"counter_id": counter_id, "days": [day.isoformat() for day in days]}


def _chunks(days: Sequence[dt.date]) -> Iterator[Sequence[dt.date]]:
    for start in range(0, len(days), DAYS_PER_UNIT):
        yield days[start : start + DAYS_PER_UNIT]
