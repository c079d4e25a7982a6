"""``load``: one counter-day from Metrika into ``visits`` and ``hits``."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Any

import typer

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
from include.errors import InputError
from include.metrika.client.logs_api import LogsApi
from include.metrika.client.quota import StateQuotaGate
from include.metrika.client.session import MetrikaSession
from include.metrika.fields.kinds import NAMESPACES
from include.metrika.loading.load_day import LoadReport, load_days
from include.metrika.loading.load_job import open_load
from include.services.stores import open_stores
from include.settings import MetrikaSettings

FieldsOption = Annotated[str, typer.Option("--fields", help="More fields, ym:s:… and ym:pv:…, comma separated.")]
SUMMED = ("received", "visits", "hits", "quarantined", "duplicates")


@guarded
def load(
    date: DateOption, counter: CounterOption = None, fields: FieldsOption = "", as_json: JsonOption = False
) -> None:
    """Load one day of raw visits and hits from Metrika; loading it again changes nothing.

    Args:
        date: the day, YYYY-MM-DD; it must be over in the counter's zone.
        counter: one counter; all of METRIKA_COUNTER when absent.
        fields: names to load beside the required ones and those of the settings.
        as_json: print one line of JSON.
    """
    day, settings = parse_day(date), settings_here()
    metrika = _with_fields(settings.metrika, fields)
    counter_ids = counters_of(settings, counter)
    stores = open_stores(settings)
    run_id = new_run_id("load")
    session = MetrikaSession(metrika, StateQuotaGate.for_settings(stores.state, metrika))
    with shown_progress() as progress:
        reports = [
            load_days(
                open_load(
                    stores.warehouse,
                    stores.state,
                    LogsApi(session),
                    metrika,
                    counter_id=counter_id,
                    run_id=run_id,
                    days=(day,),
                    progress=progress,
                ),
                (day,),
            )
            for counter_id in counter_ids
        ]
    show(_summary(reports), as_json=as_json, title=f"Loaded {day}", rows=[_row(report) for report in reports])


def _with_fields(settings: MetrikaSettings, text: str) -> MetrikaSettings:
    """Add the fields of the command line to those of the settings, each to its source."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    found = {source: [name for name in names if name.startswith(start)] for source, start in NAMESPACES.items()}
    for name in names:
        if not name.startswith(tuple(NAMESPACES.values())):
            raise InputError(f"--fields: {name!r} begins with neither ym:s: nor ym:pv:; write names as Metrika does.")
    return replace(
        settings,
        visit_fields=(*settings.visit_fields, *found["visits"]),
        hit_fields=(*settings.hit_fields, *found["hits"]),
    )


def _row(report: LoadReport) -> dict[str, Any]:
    names = ("counter_id", *SUMMED, "unchanged", "seconds")
    return {name: getattr(report, name) for name in names}


def _summary(reports: list[LoadReport]) -> dict[str, Any]:
    return {
        **{name: sum(getattr(report, name) for report in reports) for name in SUMMED},
        "unchanged": all(report.unchanged for report in reports),
        "counters": [asdict(report) for report in reports],
    }
