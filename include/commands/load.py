"""``load``: one counter-day from Metrika into ``visits`` and ``hits``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from include.commands.terminal import (
    CounterOption,
    DateOption,
    JsonOption,
    counters_of,
    guarded,
    new_run_id,
    settings_here,
    show,
    shown_progress,
)
from include.days import parse_day
from include.metrika.client.logs_api import LogsApi
from include.metrika.client.quota import StateQuotaGate
from include.metrika.client.session import MetrikaSession
from include.metrika.loading.load_day import LoadReport, load_days
from include.metrika.loading.load_job import open_load
from include.services.stores import open_stores

SUMMED = ("received", "visits", "hits", "quarantined", "duplicates")


@guarded
def load(date: DateOption, counter: CounterOption = None, as_json: JsonOption = False) -> None:
    """Load one day of raw visits and hits from Metrika; loading it again changes nothing.

    Args:
        date: the day, YYYY-MM-DD; it must be over in the counter's zone.
        counter: one counter; all of METRIKA_COUNTER when absent.
        as_json: print one line of JSON.
    """
    day, settings = parse_day(date), settings_here()
    counter_ids = counters_of(settings, counter)
    stores = open_stores(settings)
    run_id = new_run_id("load")
    session = MetrikaSession(settings.metrika, StateQuotaGate.for_settings(stores.state, settings.metrika))
    with shown_progress() as progress:
        reports = [
            load_days(
                open_load(
                    stores.warehouse,
                    stores.state,
                    LogsApi(session),
                    settings.metrika,
                    counter_id=counter_id,
                    run_id=run_id,
                    progress=progress,
                ),
                (day,),
            )
            for counter_id in counter_ids
        ]
    show(_summary(reports), as_json=as_json, title=f"Loaded {day}", rows=[_row(report) for report in reports])


def _row(report: LoadReport) -> dict[str, Any]:
    names = ("counter_id", *SUMMED, "unchanged", "seconds")
    return {name: getattr(report, name) for name in names}


def _summary(reports: list[LoadReport]) -> dict[str, Any]:
    return {
        **{name: sum(getattr(report, name) for report in reports) for name in SUMMED},
        "unchanged": all(report.unchanged for report in reports),
        "counters": [asdict(report) for report in reports],
    }
