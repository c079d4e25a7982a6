"""``conversions passport``: where a conversion comes from, and whether that still holds."""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated, Any

import typer

from include.commands.passport_page import print_passport
from include.commands.terminal import (
    FAILURE_EXIT,
    INPUT_EXIT,
    JsonOption,
    guarded,
    settings_here,
    show,
    shown_progress,
)
from include.days import parse_day
from include.errors import InputError
from include.provenance.passport.cases import Case
from include.provenance.passport.finding import SEVERAL_MATCHES, find_cases, narrowing, only_case
from include.provenance.passport.questions import LARGEST_ROW, Question, ask
from include.provenance.passport.shapes import instant, jsonable
from include.provenance.passport.verifying import Sample, SampleReport, read_passport, verify_sample
from include.services.stores import Stores, open_stores
from include.settings import Settings

LARGEST_COUNTER = 2**32 - 1  # counter ids are UInt32 in the warehouse
LARGEST_SAMPLE = 1_000_000
MOST_SHOWN = 20  # differing rows of a sample
OPTIONS = {"visit_id": "--visit", "client_id": "--client", "upload_id": "--upload", "date_time": "--date-time"}

VisitOption = Annotated[str | None, typer.Option("--visit", help="Visit id.")]
ClientOption = Annotated[str | None, typer.Option("--client", help="Client id of the visitor.")]
UploadOption = Annotated[str | None, typer.Option("--upload", help="Upload id: ours, or Metrika's number.")]
RowOption = Annotated[int | None, typer.Option("--row", min=1, help="Row of the upload, from 1.")]
OnlyCounter = Annotated[int | None, typer.Option("--counter", min=1, max=LARGEST_COUNTER, help="Only of this counter.")]
OnlyTarget = Annotated[str | None, typer.Option("--target", help="Only of this goal.")]
OnlyDate = Annotated[str | None, typer.Option("--date", help="Only of this day, YYYY-MM-DD.")]
TimeOption = Annotated[
    str | None, typer.Option("--date-time", help="Time of the conversion, with --client and --counter.")
]
VerifyOption = Annotated[bool, typer.Option("--verify", help="Derive everything again and compare.")]
SampleOption = Annotated[
    int | None,
    typer.Option("--sample", min=1, max=LARGEST_SAMPLE, help="Derive so many random rows of the ledger again."),
]
FromOption = Annotated[str | None, typer.Option("--from", help="With --sample: first day.")]
ToOption = Annotated[str | None, typer.Option("--to", help="With --sample: last day.")]
SeedOption = Annotated[
    int, typer.Option("--seed", min=0, max=LARGEST_ROW, help="With --sample: the same seed draws the same rows.")
]


@guarded
def passport(
    visit: VisitOption = None,
    client: ClientOption = None,
    upload: UploadOption = None,
    row: RowOption = None,
    counter: OnlyCounter = None,
    target: OnlyTarget = None,
    date: OnlyDate = None,
    date_time: TimeOption = None,
    verify: VerifyOption = False,
    sample: SampleOption = None,
    first_day: FromOption = None,
    last_day: ToOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Show why a conversion was or was not sent, or derive random ones again.

    Args:
        visit: a visit id.
        client: a client id.
        upload: an upload id.
        row: row of the upload.
        counter: only of this counter.
        target: only of this goal.
        date: only of this day.
        date_time: time of the conversion.
        verify: derive everything again and compare.
        sample: how many random rows to derive again.
        first_day: first day of the sample.
        last_day: last day of the sample.
        seed: seed of the sample.
        as_json: print one line of JSON.
    """
    settings, day = settings_here(), None if date is None else parse_day(date)
    named = {"visit_id": visit, "client_id": client, "upload_id": upload, "date_time": date_time}
    if sample is None:
        question = _question({**named, "row": row, "counter_id": counter, "target": target, "day": day})
        if first_day or last_day:
            raise InputError("--from and --to belong to --sample; give --date to narrow the search.", code="no_sample")
        _show_one(settings, open_stores(settings), question, verify=verify, as_json=as_json)
        return
    if any(named.values()):
        raise InputError("--sample draws rows by itself; leave out what names one.", code="conflicting_input")
    drawn = Sample(sample, seed, *_range(day, first_day, last_day), counter_id=counter, target=target)
    _show_sample(settings, open_stores(settings), drawn, as_json=as_json)


def _question(named: dict[str, Any]) -> Question:
    try:
        return ask(**named)
    except InputError as error:
        raise _in_options(error) from None


def _range(day: dt.date | None, first_day: str | None, last_day: str | None) -> tuple[dt.date | None, dt.date | None]:
    if day is not None and (first_day or last_day):
        raise InputError("Give either --date, or --from with --to, not both.", code="conflicting_input")
    return parse_day(first_day) if first_day else day, parse_day(last_day) if last_day else day


def _in_options(error: InputError) -> InputError:
    """The same sentence with options for parameters."""
    message = error.message
    for name, option in OPTIONS.items():
        message = message.replace(name, option)
    return InputError(message, code=error.code, pointer=error.pointer)


def _show_one(settings: Settings, stores: Stores, question: Question, *, verify: bool, as_json: bool) -> None:
    cases = find_cases(stores.warehouse, stores.state, question)
    if len(cases) > 1:
        _show_matches(cases, question, as_json=as_json)
        raise typer.Exit(INPUT_EXIT)
    case = only_case(cases, question)
    found = read_passport(stores.warehouse, stores.state, case, models_dir=settings.models_dir if verify else None)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        print_passport(found, is_verified=verify)
    if verify and not found["verified"]:
        raise typer.Exit(FAILURE_EXIT)


def _show_matches(cases: list[Case], question: Question, *, as_json: bool) -> None:
    name = narrowing(cases, question)
    option = OPTIONS.get(name, f"--{name}")
    rows = [_match(case) for case in cases]
    result = {"code": SEVERAL_MATCHES, "give": option, "matches": rows}
    show(result, as_json=as_json, title=f"{len(rows)} matches; give {option} as well", rows=rows)


def _match(case: Case) -> dict[str, Any]:
    row = case.row
    return {
        "counter": str(case.counter_id),
        "date": case.day.isoformat(),
        "visit": str(case.visit_id) if case.visit_id else "",
        "target": row.target if row else "",
        "identifier": row.identifier if row else "",
        "time": instant(row.event_at) if row else "",
        "upload": (row.upload_id or "") if row else "",
        "row": str(row.line_number or "") if row else "",
        "held": row.held_reason if row else "",
    }


def _show_sample(settings: Settings, stores: Stores, sample: Sample, *, as_json: bool) -> None:
    with shown_progress() as progress:
        report = verify_sample(stores.warehouse, stores.state, sample, settings.models_dir, progress)
    if not report.rows:
        raise InputError("The ledger has no such rows; widen the days, or upload a day first.", code="no_rows")
    summary = {"rows": report.rows, "agree": report.agree, "differ": report.rows - report.agree, "seed": sample.seed}
    differing = _differing(report)
    show({**summary, "differing": differing}, as_json=True, title="") if as_json else show(
        summary, as_json=False, title="Derived again"
    )
    if differing and not as_json:
        lines = [{**one, "differs": ", ".join(field["field"] for field in one["differs"])} for one in differing]
        show({}, as_json=False, title=f"First {len(lines)} that differ", rows=lines)
    if differing:
        raise typer.Exit(FAILURE_EXIT)


def _differing(report: SampleReport) -> list[dict[str, Any]]:
    return [
        {
            **_match(case),
            "differs": [
                {"field": one.field, "stored": jsonable(one.stored), "derived": jsonable(one.derived)} for one in found
            ],
        }
        for case, found in report.differing[:MOST_SHOWN]
    ]
