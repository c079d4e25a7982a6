"""``visits label``: what became of visits, from a person, a goal, or events of clients."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

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
from include.days import parse_range, utc_now
from include.errors import InputError
from include.progress import Progress
from include.services.stores import Stores, open_stores
from include.visits.labels.csv_labels import CSV_SOURCE, LabelFile, import_csv
from include.visits.labels.moments import common_zone, parse_as_of
from include.visits.labels.reports import LabelReport
from include.visits.labels.window_labels import Window, label_by_events, label_by_goal

EVENT_DAYS = 7  # an order follows a visit within days rather than minutes
MOST_SHOWN = 20

FileOption = Annotated[
    Path | None, typer.Option("--file", help="CSV visit_id,level (4 and above counts) or visit_id,label (0 or 1).")
]
GoalOption = Annotated[int | None, typer.Option("--goal", min=1, help="Metrika goal that makes a visit positive.")]
EventsOption = Annotated[Path | None, typer.Option("--events", help="CSV client_id,occurred_at of what counts.")]
WithinOption = Annotated[
    int | None, typer.Option("--within-days", min=0, help="Days after a visit's start that count; 0: the visit only.")
]
FromOption = Annotated[str | None, typer.Option("--from", help="First day of the visits, YYYY-MM-DD.")]
ToOption = Annotated[str | None, typer.Option("--to", help="Last day of the visits, included.")]
AsOfOption = Annotated[str | None, typer.Option("--as-of", help="Use nothing known later: a day (its end) or a time.")]
NameOption = Annotated[str | None, typer.Option("--name", help="Name of the source, to tell two of a kind apart.")]


@dataclass(frozen=True)
class _Asked:
    """What the options ask for."""

    file: Path | None
    goal: int | None
    events: Path | None
    within_days: int | None
    first: str | None
    last: str | None
    as_of: str | None
    name: str | None


@guarded
def label(
    file: FileOption = None,
    goal: GoalOption = None,
    events: EventsOption = None,
    within_days: WithinOption = None,
    first: FromOption = None,
    last: ToOption = None,
    counter: CounterOption = None,
    as_of: AsOfOption = None,
    name: NameOption = None,
    as_json: JsonOption = False,
) -> None:
    """Label visits for training, from one of --file, --goal or --events; the same again changes nothing.

    Args:
        file: labels made by hand.
        goal: a goal reached in time makes a visit positive, all others negative.
        events: an event of the client in time makes a visit positive, all others negative.
        within_days: how long the goal (usually 0) or the event (usually 7) is awaited.
        first: first day of the visits.
        last: last day of the visits.
        counter: one counter; all of METRIKA_COUNTER when absent.
        as_of: the moment whose knowledge is used.
        name: name of the source.
        as_json: print one line of JSON.
    """
    asked = _Asked(file, goal, events, within_days, first, last, as_of, name)
    if [file, goal, events].count(None) != 2:
        raise InputError("Give one of --file, --goal and --events.", code="bad_source", pointer="--file")
    settings = settings_here()
    counter_ids = counters_of(settings, counter)
    stores = open_stores(settings)
    with shown_progress() as progress:
        report = _import(stores, counter_ids, asked, progress)
    _show(report, as_json=as_json)


def _import(stores: Stores, counter_ids: Sequence[int], asked: _Asked, progress: Progress) -> LabelReport:
    zone, first, last = common_zone(stores.state, counter_ids), *_range(asked)
    where = (stores.warehouse, stores.state)
    now, run_id = utc_now(), new_run_id("label")
    if asked.file is not None:
        if asked.within_days is not None or asked.as_of is not None:
            raise InputError("--within-days and --as-of belong to --goal and --events.", pointer="--within-days")
        file = LabelFile(asked.file, zone, counter_ids, first, last, asked.name or CSV_SOURCE)
        return import_csv(*where, file, run_id=run_id, now=now, progress=progress)
    as_of = now if asked.as_of is None else parse_as_of(asked.as_of, zone)
    if asked.events is not None:
        days = EVENT_DAYS if asked.within_days is None else asked.within_days
        window = Window(counter_ids, first, last, days, as_of, asked.name or "events")
        return label_by_events(*where, window, asked.events, zone, run_id=run_id, now=now, progress=progress)
    goal = asked.goal or 0
    window = Window(counter_ids, first, last, asked.within_days or 0, as_of, asked.name or f"goal-{goal}")
    return label_by_goal(*where, window, goal, run_id=run_id, now=now, progress=progress)


def _range(asked: _Asked) -> tuple[dt.date | None, dt.date | None]:
    """First and last day; with one of them given, that day alone."""
    if not asked.first and not asked.last:
        return None, None
    days = parse_range(str(asked.first or asked.last), str(asked.last or asked.first))
    return days[0], days[-1]


def _show(report: LabelReport, *, as_json: bool) -> None:
    names = ("source", "rows", "matched", "positive", "negative", "pending", "early", "unknown", "duplicates",
             "without_hits", "days", "changed_days")  # fmt: skip
    summary = {name: getattr(report, name) for name in names}
    if as_json:
        show({**asdict(report), "unknown": report.unknown}, as_json=True, title="")
        return
    show(summary, as_json=False, title="Labels")
    if report.devices:
        show({}, as_json=False, title="Class balance", rows=[asdict(device) for device in report.devices])
    if report.overlap:
        rows = [{**asdict(overlap), "sources": " and ".join(overlap.sources)} for overlap in report.overlap]
        show({}, as_json=False, title="Agreement of sources", rows=rows)
    if report.unknown_ids:
        rows = [{"id": one, "what": "not stored"} for one in report.unknown_ids[:MOST_SHOWN]]
        show({}, as_json=False, title="Unknown", rows=rows)
        typer.echo(f"Not stored: {report.unknown}; --json lists all of them.")
