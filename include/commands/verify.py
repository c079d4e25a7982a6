"""``verify-day``: is a day still what it was when it was sealed."""

from __future__ import annotations

from typing import Any

import typer

from include.commands.terminal import (
    FAILURE_EXIT,
    CounterOption,
    DateOption,
    JsonOption,
    counters_of,
    guarded,
    settings_here,
    show,
    shown_progress,
)
from include.days import parse_day
from include.provenance.day_checks.verdicts import DayVerdict, StageVerdict
from include.provenance.verify_day import verify_day as verify
from include.services.stores import open_stores


@guarded
def verify_day(date: DateOption, counter: CounterOption = None, as_json: JsonOption = False) -> None:
    """Compare a stored day with its seal and derive it again; nothing is changed.

    Args:
        date: the day, YYYY-MM-DD.
        counter: one counter; all of METRIKA_COUNTER when absent.
        as_json: print one line of JSON.
    """
    day, settings = parse_day(date), settings_here()
    counter_ids = counters_of(settings, counter)
    stores = open_stores(settings)
    with shown_progress() as progress:
        verdicts = [
            verify(
                stores.warehouse,
                stores.state,
                counter_id=counter_id,
                day=day,
                exports_dir=settings.exports_dir,
                models_dir=settings.models_dir,
                progress=progress,
            )
            for counter_id in counter_ids
        ]
    holds = all(verdict.holds for verdict in verdicts)
    rows = [_stage_row(verdict, stage) for verdict in verdicts for stage in verdict.stages]
    if as_json:
        show(
            {"holds": holds, "stages": rows, "days": [_day(one) for one in verdicts]}, as_json=True, title="", rows=rows
        )
    else:
        _show_for_people(verdicts, rows, title=f"Day {day}")
    if not holds:
        raise typer.Exit(FAILURE_EXIT)


def _stage_row(verdict: DayVerdict, stage: StageVerdict) -> dict[str, Any]:
    return {
        "counter_id": verdict.counter_id,
        "stage": stage.stage,
        "state": stage.state,
        "holds": stage.holds,
        "differences": stage.finding_count,
        "digest": stage.digest,
        "finished_at": stage.finished_at.isoformat(timespec="seconds") if stage.finished_at else "",
        "next_step": stage.next_step,
    }


def _day(verdict: DayVerdict) -> dict[str, Any]:
    return {
        "counter_id": verdict.counter_id,
        "day": verdict.day.isoformat(),
        "holds": verdict.holds,
        "seal": verdict.seal,
        "findings": [vars(finding) | {"text": finding.text} for one in verdict.stages for finding in one.findings],
        "differences": sum(one.finding_count for one in verdict.stages),
        "conservation": [balance.as_row() for balance in verdict.balances],
        "missing": [one.stage for one in verdict.stages if one.state == "missing"],
        "behind": [one.stage for one in verdict.stages if one.state == "behind"],
        "notes": list(verdict.notes),
        "seconds": verdict.duration_seconds,
    }


def _show_for_people(verdicts: list[DayVerdict], rows: list[dict[str, Any]], *, title: str) -> None:
    hidden = ("digest", "finished_at", "holds", "next_step")
    shown = [{name: value for name, value in row.items() if name not in hidden} for row in rows]
    show({}, as_json=False, title=title, rows=shown)
    for verdict in verdicts:
        balances = [
            {
                "balance": one.name,
                "came": _counts(one.came),
                "became": _counts(one.became),
                "residual": one.residual,
            }
            for one in verdict.balances
        ]
        show({}, as_json=False, title=f"Nothing lost, nothing twice, counter {verdict.counter_id}", rows=balances)
        for stage in verdict.stages:
            for finding in stage.findings:
                typer.echo(f"{stage.stage}: {finding.text}")
            if stage.finding_count > len(stage.findings):
                typer.echo(f"{stage.stage}: {stage.finding_count} differences in all.")
            if stage.next_step:
                typer.echo(f"{stage.stage} {stage.state}. {stage.next_step}")
        for note in verdict.notes:
            typer.echo(f"Note: {note}")


def _counts(counts: Any) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items() if count) or "0"
