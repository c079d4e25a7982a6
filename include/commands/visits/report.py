"""``visits report``: is a day like the days before it, and do the probabilities hold."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import typer

from include.commands.terminal import (
    CounterOption,
    JsonOption,
    counters_of,
    guarded,
    new_run_id,
    settings_here,
    show,
    shown_progress,
)
from include.days import parse_day, parse_range
from include.errors import DayNotReady, InputError
from include.progress import Progress
from include.services.stores import open_stores
from include.settings import Settings
from include.visits.monitoring.page import write_page
from include.visits.monitoring.report_day import DayReport, report_day

CHECK_COLUMNS = ("scope", "feature", "visits", "mean", "reference_mean", "psi", "usual_psi", "p_adjusted", "verdict")
SUMMED = ("checks", "drifted", "not_judged", "asked", "labelled", "unlabelled")

DayOption = Annotated[str | None, typer.Option("--date", help="One day in the counter's time zone, YYYY-MM-DD.")]
FromOption = Annotated[str | None, typer.Option("--from", help="First day of a range; one line per day is shown.")]
ToOption = Annotated[str | None, typer.Option("--to", help="Last day of the range.")]
PageOption = Annotated[Path | None, typer.Option("--page", help="Also write the reports to this file, as a page.")]


@guarded
def report(
    date: DayOption = None,
    first: FromOption = None,
    last: ToOption = None,
    counter: CounterOption = None,
    page: PageOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare scored days with the days before them and with the labels that have come.

    Args:
        date: one day, YYYY-MM-DD.
        first: first day of a range; days without scores are left out.
        last: last day of the range.
        counter: one counter; all of METRIKA_COUNTER when absent.
        page: file for the same as an HTML page.
        as_json: print one line of JSON.
    """
    days = _days(date, first, last)
    settings = settings_here()
    with shown_progress() as progress:
        found = list(_iter_reports(settings, counters_of(settings, counter), days, progress, is_strict=bool(date)))
    if page:
        write_page(page, found)
    if as_json:
        show(_summary(found), as_json=True, title="")
    elif date:
        for one in found:
            _show_day(one)
    else:
        rows = [_row(one) for one in found]
        show({"days": 0}, as_json=False, title=f"Reports from {days[0]} to {days[-1]}", rows=rows)


def _iter_reports(
    settings: Settings, counter_ids: Sequence[int], days: Sequence[dt.date], progress: Progress, *, is_strict: bool
) -> Iterator[DayReport]:
    stores, run_id = open_stores(settings), new_run_id("report")
    for counter_id, day in product(counter_ids, days):
        try:
            yield report_day(
                stores.warehouse, stores.state, counter_id=counter_id, day=day, settings=settings.drift,
                run_id=run_id, progress=progress,
            )  # fmt: skip
        except DayNotReady:
            if is_strict:
                raise


def _days(date: str | None, first: str | None, last: str | None) -> Sequence[dt.date]:
    if date and not (first or last):
        return (parse_day(date),)
    if first and last and not date:
        return parse_range(first, last)
    raise InputError("Give either --date, or --from with --to.", code="bad_range", pointer="/date")


def _show_day(one: DayReport) -> None:
    title = f"Day {one.day}, counter {one.counter_id}"
    show(one.counts, as_json=False, title=title, rows=[{**one.counts, "blocked": one.is_blocked}])
    checks = [{name: check[name] for name in CHECK_COLUMNS} for check in one.content["checks"]]
    show({}, as_json=False, title="Compared with the days before", rows=checks)
    observed = [_observed_row(entry) for entry in one.content["calibration"]]
    if observed:
        show({}, as_json=False, title="Promised against observed, last 28 days", rows=observed)
    if one.content["margins"]:
        show({}, as_json=False, title="Decisions within 0.02 of the threshold", rows=one.content["margins"])


def _observed_row(entry: Mapping[str, Any]) -> dict[str, Any]:
    names = ("mean_predicted", "observed_share", "low", "high", "ece", "brier", "p_value", "verdict")
    calibration = entry["calibration"]
    head = {name: entry[name] for name in ("device", "version", "source", "asked", "unlabelled")}
    verdict = {} if calibration["visits"] else {"verdict": "no labels yet"}
    return {**head, "labelled": calibration["visits"], **{name: calibration[name] for name in names}, **verdict}


def _row(one: DayReport) -> dict[str, Any]:
    drifted = [f"{check['scope']} {check['feature']}" for check in one.content["checks"] if check["verdict"] == "drift"]
    return {
        "day": str(one.day),
        "counter_id": one.counter_id,
        **{name: one.counts[name] for name in SUMMED},
        "blocked": one.is_blocked,
        "drift": ", ".join(drifted),
    }


def _summary(found: Sequence[DayReport]) -> dict[str, Any]:
    return {
        "days": len(found),
        "drifted_days": sum(one.counts["drifted"] > 0 for one in found),
        "blocked_days": sum(one.is_blocked for one in found),
        **{name: sum(one.counts[name] for one in found) for name in SUMMED},
        "reports": [{**asdict(one), "day": str(one.day)} for one in found],
    }
