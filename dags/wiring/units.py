"""Units of work: which counters and days one run is for, and which of them a mapped task gets."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from dags.wiring.runs import Run
from include.days import require_closed_day, utc_now
from include.errors import ConfigError, SourceError

log = logging.getLogger(__name__)

DAYS_PER_UNIT = 7  # a manual range is loaded in one request a week
DAY_PARAMS = ("date", "date_from", "date_to")
Unit = dict[str, Any]


def counters_of(run: Run) -> tuple[int, ...]:
    """Counters of the run.

    Args:
        run: what the task works with.

    Returns:
        At least one counter.

    Raises:
        ConfigError: no counter is named anywhere.
    """
    found = tuple(run.params.get("counters") or run.settings.metrika.counter_ids)
    if not found:
        raise ConfigError(
            "No counter is named: fill the run's counters, the extra of connection metrika_default, or METRIKA_COUNTER."
        )
    return found


def load_units(run: Run, days: Sequence[dt.date]) -> list[Unit]:
    """Cut a load into units: a counter and up to a week of consecutive days.

    Args:
        run: what the task works with.
        days: days asked for.

    Returns:
        Units; a single day that is recent brings the days before it whose visits may still change.

    Raises:
        InputError: a day is not over.
    """
    return [
        _unit(counter_id, chunk)
        for counter_id in counters_of(run)
        for chunk in _chunks(_days_to_load(run, counter_id, days))
    ]


def _days_to_load(run: Run, counter_id: int, days: Sequence[dt.date]) -> Sequence[dt.date]:
    from include.metrika.client.logs_api import LogsApi
    from include.metrika.loading.load_job import open_load, refresh_days

    stores, settings = run.stores, run.settings.metrika
    is_by_hand = any(run.params.get(name) for name in DAY_PARAMS)
    try:
        job = open_load(
            stores.warehouse, stores.state, LogsApi(run.session), settings,
            counter_id=counter_id, run_id=run.run_id, days=days if is_by_hand else (),
        )  # fmt: skip
    except SourceError as error:
        if error.retryable:
            raise
        log.warning("%s", error.message)
        return days  # the counter's own task fails with this sentence, and the others go on
    _refuse_open_days(days, job.counter.zone, is_by_hand=is_by_hand)
    if len(days) > 1 or not run.params.get("refresh", True):
        return days
    return refresh_days(days[0], job.counter.zone, settings.reload_days)


def _refuse_open_days(days: Sequence[dt.date], zone: ZoneInfo, *, is_by_hand: bool) -> None:
    """A person has to name closed days; a scheduled day may still be going on further west, and is waited for."""
    patience = dt.timedelta(days=0 if is_by_hand else 1)
    for day in days:
        require_closed_day(day, zone, utc_now() + patience)


def stage_units(run: Run, days: Sequence[dt.date], *, stage: str, is_woken: bool) -> list[Unit]:
    """Units of a later stage: a counter and its days.

    Args:
        run: what the task works with.
        days: days asked for.
        stage: manifest stage that has to be there.
        is_woken: an earlier DAG woke this run: its load may have refreshed the days before, and only counters
            with that stage are taken. Otherwise a person asked for exactly these days, and a day that is
            not ready has to fail with a sentence that says so.

    Returns:
        Units; days that did not change cost a look at the manifest.
    """
    if not is_woken:
        return [_unit(counter_id, days) for counter_id in counters_of(run)]
    reach = run.settings.metrika.reload_days
    wanted = sorted({day - dt.timedelta(days=back) for day in days for back in range(reach + 1)})
    return [_unit(counter_id, present) for counter_id, present in _days_with(run, wanted, stage).items()]


def _days_with(run: Run, days: Sequence[dt.date], stage: str) -> dict[int, list[dt.date]]:
    """Ready days by counter: of every counter that was loaded, configured or named by one run only."""
    from include.state.engine import reachable
    from include.state.manifest import counters_with, read_stages

    with reachable(run.stores.state), run.stores.state.connect() as connection:
        return {
            counter_id: sorted(record.day for record in read_stages(connection, counter_id, days, [stage]))
            for counter_id in counters_with(connection, days, stage)
        }


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
