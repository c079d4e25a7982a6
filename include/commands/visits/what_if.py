"""``visits what-if``: what another model or threshold would have decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from functools import partial
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
from include.conversions.ledger.visit_statuses import visit_statuses
from include.days import parse_range, utc_now
from include.services.stores import Stores, open_stores
from include.settings import Settings
from include.visits.what_if.asking import SUMMED, Question, ask
from include.visits.what_if.change_list import ChangeSink, change_file
from include.visits.what_if.day_table import day_rows, describe
from include.visits.what_if.proposal import parse_proposal
from include.visits.what_if.records import WhatIf
from include.visits.what_if.scored_days import require_scored

MOST_SHOWN = 1000
# What fits into 80 columns; the sentences below the table, the list and --json have the rest.
SHOWN_OF_DAY = ("day", "before", "after", "added", "removed", "kept", "value", "can_be_sent")
SHOWN_OF_VISIT = ("visit_id", "device", "change", "new_score", "new_threshold", "conversion")

FromOption = Annotated[str, typer.Option("--from", help="First day in the counter's time zone, YYYY-MM-DD.")]
ToOption = Annotated[str, typer.Option("--to", help="Last day, YYYY-MM-DD.")]
ModelOption = Annotated[
    list[str] | None,
    typer.Option("--model", help="A registered version, level4_desktop=VERSION; once per device.", show_default=False),
]
DesktopOption = Annotated[float | None, typer.Option("--desktop-threshold", help="Threshold for desktops, 0-1.")]
MobileOption = Annotated[float | None, typer.Option("--mobile-threshold", help="Threshold for phones, 0-1.")]
ValueOption = Annotated[
    float | None, typer.Option("--value-per-visit", help="Value of a visit when the visits carry no revenue or goals.")
]
ListOption = Annotated[Path | None, typer.Option("--list", help="Write every visit that changes into this CSV file.")]
ShowOption = Annotated[
    int, typer.Option("--show", min=0, max=MOST_SHOWN, help="Show the first so many visits that change.")
]


@guarded
def what_if(
    first: FromOption,
    last: ToOption,
    counter: CounterOption = None,
    model: ModelOption = None,
    desktop_threshold: DesktopOption = None,
    mobile_threshold: MobileOption = None,
    value_per_visit: ValueOption = None,
    list_file: ListOption = None,
    show_count: ShowOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Try another model or threshold on scored days: what would be added, removed and kept; nothing changes.

    Args:
        first: first day, YYYY-MM-DD.
        last: last day, YYYY-MM-DD.
        counter: one counter; all of METRIKA_COUNTER when absent.
        model: versions, ``<model>=<version>`` each.
        desktop_threshold: threshold for desktops.
        mobile_threshold: threshold for phones.
        value_per_visit: value of a visit when visits carry none.
        list_file: CSV file for every visit that changes.
        show_count: how many of them to show.
        as_json: print one line of JSON.
    """
    days, settings = parse_range(first, last), settings_here()
    proposal = parse_proposal(model or [], desktop_threshold=desktop_threshold, mobile_threshold=mobile_threshold)
    questions = [Question(one, days, proposal, value_per_visit) for one in counters_of(settings, counter)]
    stores = open_stores(settings)
    require_scored(stores.state, [question.counter_id for question in questions], days)
    shown: list[Mapping[str, Any]] = []
    with _row_sink(list_file, shown, show_count) as sink:
        asked = _ask_all(settings, stores, questions, sink)
    _print(asked, shown, list_file, as_json=as_json)


def _ask_all(
    settings: Settings, stores: Stores, questions: Sequence[Question], sink: ChangeSink | None
) -> list[WhatIf]:
    run_id = new_run_id("what_if")
    with shown_progress() as progress:
        return [
            ask(
                stores.warehouse,
                stores.state,
                question,
                models_dir=settings.models_dir,
                status_of=partial(visit_statuses, stores.state, settings.conversions, utc_now()),
                run_id=run_id,
                changes=sink,
                progress=progress,
            )
            for question in questions
        ]


@contextmanager
def _row_sink(path: Path | None, shown: list[Mapping[str, Any]], show_count: int) -> Iterator[ChangeSink | None]:
    """Where changed visits go: into the file, and the first ones onto the screen; nowhere when nobody asked."""
    with change_file(path) if path else nullcontext() as write:

        def take(row: Mapping[str, Any]) -> None:
            """Write a row, and keep the first ones."""
            if write:
                write(row)
            if len(shown) < show_count:
                shown.append(row)

        yield take if path or show_count else None


def _print(asked: Sequence[WhatIf], shown: Sequence[Mapping[str, Any]], path: Path | None, *, as_json: bool) -> None:
    if as_json:
        result = {"what_ifs": [what_if_record(one) for one in asked], "visits": list(shown)}
        show({**totals(asked), **result, "list": str(path) if path else None}, as_json=True, title="")
        return
    for one in asked:
        show_what_if(one)
    if shown:
        rows = [{name: row[name] for name in SHOWN_OF_VISIT} for row in shown]
        show({}, as_json=False, title="Visits that change", rows=rows)
    if path:
        print(f"Every visit that changes is in {path}.")
    print(f"To put it in force: python -m include visits what-if-apply {' '.join(one.what_if_id for one in asked)}")


def totals(asked: Sequence[WhatIf]) -> dict[str, int]:
    """Counts over several what-ifs.

    Args:
        asked: what-ifs, one per counter.

    Returns:
        Visits before, after, kept, added, removed, sendable and removed though sent.
    """
    return {name: sum(one.summary["total"][name] for one in asked) for name in SUMMED}


def what_if_record(asked: WhatIf) -> dict[str, Any]:
    """A what-if for ``--json``.

    Args:
        asked: the what-if.

    Returns:
        Its columns, the summary unfolded.
    """
    record = asdict(asked)
    return {"id": record.pop("what_if_id"), **record.pop("summary"), **record}


def show_what_if(asked: WhatIf) -> None:
    """Print a what-if as a table of days and its sentences.

    Args:
        asked: the what-if.
    """
    title = f"What-if {asked.what_if_id}, counter {asked.counter_id}"
    rows = [{name: cell for name, cell in row.items() if name in SHOWN_OF_DAY} for row in day_rows(asked)]
    show({}, as_json=False, title=title, rows=rows)
    for sentence in describe(asked):
        print(f"- {sentence}")
