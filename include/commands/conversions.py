"""``conversions upload`` and ``conversions track``."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Any

import typer

from include.commands import passport
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
from include.conversions.linkage import retry_linkage
from include.conversions.tracking import track as track_uploads
from include.conversions.upload_day import UploadReport, upload_day
from include.days import parse_day
from include.metrika.client.conversions_api import ConversionsApi
from include.metrika.client.quota import StateQuotaGate
from include.metrika.client.session import MetrikaSession
from include.services.stores import Stores, open_stores
from include.settings import Settings
from include.visits.monitoring.report_day import report_day

SUMMED = ("sent", "held", "already_sent", "withdrawn", "withdrawn_sent")

app = typer.Typer(help="Upload level 4+ visits to Metrika and follow them.", no_args_is_help=True)
app.command("passport")(passport.passport)
TargetOption = Annotated[str | None, typer.Option("--target", help="Goal identifier; CONVERSION_TARGET when absent.")]
OldOption = Annotated[bool, typer.Option("--include-old", help="Also send visits older than 21 days.")]
OptionalDate = Annotated[str | None, typer.Option("--date", help="Only uploads of this day, YYYY-MM-DD.")]


@app.command()
@guarded
def upload(
    date: DateOption,
    counter: CounterOption = None,
    target: TargetOption = None,
    include_old: OldOption = False,
    as_json: JsonOption = False,
) -> None:
    """Send the level 4+ visits of a scored day that have not been sent yet.

    Args:
        date: the day, YYYY-MM-DD.
        counter: one counter; all of METRIKA_COUNTER when absent.
        target: goal identifier.
        include_old: send visits older than 21 days as well; Metrika hardly links them.
        as_json: print one line of JSON.
    """
    day, settings = parse_day(date), settings_here()
    counter_ids = counters_of(settings, counter)
    stores, run_id = open_stores(settings), new_run_id("upload")
    api = _api(settings, stores)
    wanted = replace(settings.conversions, target=target) if target else settings.conversions
    with shown_progress() as progress:
        if settings.drift.blocks:  # nothing is sent unseen
            for counter_id in counter_ids:
                report_day(
                    stores.warehouse, stores.state, counter_id=counter_id, day=day, settings=settings.drift,
                    run_id=run_id, progress=progress,
                )  # fmt: skip
        reports = [
            upload_day(
                stores.warehouse,
                stores.state,
                api,
                counter_id=counter_id,
                day=day,
                settings=wanted,
                run_id=run_id,
                include_old=include_old,
                progress=progress,
            )
            for counter_id in counter_ids
        ]
    show(_summary(reports), as_json=as_json, title=f"Conversions of {day}", rows=[_row(report) for report in reports])


@app.command()
@guarded
def track(counter: CounterOption = None, date: OptionalDate = None, as_json: JsonOption = False) -> None:
    """Ask Metrika once what became of the uploads; send again what it could not link, when its time has come.

    Args:
        counter: one counter; all of METRIKA_COUNTER when absent.
        date: only uploads of this day.
        as_json: print one line of JSON.
    """
    day, settings = None if date is None else parse_day(date), settings_here()
    counter_ids = counters_of(settings, counter)
    stores = open_stores(settings)
    api = _api(settings, stores)
    report = track_uploads(stores.state, api, counter_ids=counter_ids, settings=settings.conversions, day=day)
    again = retry_linkage(
        stores.state, api, counter_ids=counter_ids, settings=settings.conversions, run_id=new_run_id("track")
    )
    show({**asdict(report), "sent_again": again.conversions}, as_json=as_json, title="Uploads")


def _api(settings: Settings, stores: Stores) -> ConversionsApi:
    return ConversionsApi(MetrikaSession(settings.metrika, StateQuotaGate.for_settings(stores.state, settings.metrika)))


def _row(report: UploadReport) -> dict[str, Any]:
    names = ("counter_id", "target", *SUMMED)
    row = {name: getattr(report, name) for name in names}
    return {**row, "uploads": len(report.uploads), "waits_for_approval": report.is_blocked}


def _summary(reports: list[UploadReport]) -> dict[str, Any]:
    return {
        **{name: sum(getattr(report, name) for report in reports) for name in SUMMED},
        "uploads": [asdict(sent) for report in reports for sent in report.uploads],
        "counters": [asdict(report) for report in reports],
    }
