"""``verify-day``: is a day still what its manifest says."""

from __future__ import annotations

import datetime as dt
from typing import Any

import typer
from sqlalchemy import Engine

from include.commands.terminal import (
    FAILURE_EXIT,
    CounterOption,
    DateOption,
    JsonOption,
    counters_of,
    guarded,
    settings_here,
    show,
)
from include.days import parse_day
from include.errors import DayNotReady
from include.services.stores import Stores, open_stores
from include.settings import Settings
from include.state.manifest import StageRecord, read_stages
from include.visits.scoring.recheck import recheck_day
from include.warehouse.day_swap import day_digest

RAW_STAGES = ("visits", "hits")


@guarded
def verify_day(date: DateOption, counter: CounterOption = None, as_json: JsonOption = False) -> None:
    """Compare a stored day with its manifest and derive its scores again; nothing is changed.

    Args:
        date: the day, YYYY-MM-DD.
        counter: one counter; all of METRIKA_COUNTER when absent.
        as_json: print one line of JSON.
    """
    day, settings = parse_day(date), settings_here()
    counter_ids = counters_of(settings, counter)
    stores = open_stores(settings)
    rows = [row for counter_id in counter_ids for row in _check(stores, settings, counter_id, day)]
    holds = all(row["holds"] for row in rows)
    show({"holds": holds, "stages": rows}, as_json=as_json, title=f"Day {day}", rows=rows)
    if not holds:
        raise typer.Exit(FAILURE_EXIT)


def _check(stores: Stores, settings: Settings, counter_id: int, day: dt.date) -> list[dict[str, Any]]:
    records = _records(stores.state, counter_id, day)
    rows = [
        _row(record, day_digest(stores.warehouse, record.stage, counter_id, day) == record.digest)
        for record in records
        if record.stage in RAW_STAGES
    ]
    for record in records:
        if record.stage == "scores":
            found = recheck_day(
                stores.warehouse, stores.state, counter_id=counter_id, day=day, models_dir=settings.models_dir
            )
            rows.append(_row(record, found.holds))
    return rows


def _records(state: Engine, counter_id: int, day: dt.date) -> list[StageRecord]:
    with state.connect() as connection:
        records = read_stages(connection, counter_id, [day])
    if not any(record.stage == "visits" for record in records):  # the day before brings hits of this one
        raise DayNotReady(
            f"Day {day} of counter {counter_id} is not loaded; run 'python -m include load --date {day} "
            f"--counter {counter_id}' first."
        )
    return records


def _row(record: StageRecord, holds: bool) -> dict[str, Any]:
    return {
        "counter_id": record.counter_id,
        "stage": record.stage,
        "holds": holds,
        "digest": record.digest,
        "finished_at": record.finished_at.isoformat(timespec="seconds"),
    }
