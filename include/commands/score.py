"""``score``: features and decisions of a loaded day."""

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
from include.services.stores import open_stores
from include.visits.scoring.score_day import ScoreReport, score_day

SUMMED = ("scored", "level4", "by_rule", "by_model")


@guarded
def score(date: DateOption, counter: CounterOption = None, as_json: JsonOption = False) -> None:
    """Score a loaded day and write its list of level 4+ visits.

    Args:
        date: the day, YYYY-MM-DD.
        counter: one counter; all of METRIKA_COUNTER when absent.
        as_json: print one line of JSON.
    """
    day, settings = parse_day(date), settings_here()
    counter_ids = counters_of(settings, counter)
    stores = open_stores(settings)
    run_id = new_run_id("score")
    with shown_progress() as progress:
        reports = [
            score_day(
                stores.warehouse,
                stores.state,
                counter_id=counter_id,
                day=day,
                exports_dir=settings.exports_dir,
                models_dir=settings.models_dir,
                run_id=run_id,
                progress=progress,
            )
            for counter_id in counter_ids
        ]
    show(_summary(reports), as_json=as_json, title=f"Scored {day}", rows=[_row(report) for report in reports])


def _row(report: ScoreReport) -> dict[str, Any]:
    names = ("counter_id", *SUMMED, "unchanged", "path")
    return {name: getattr(report, name) for name in names}


def _summary(reports: list[ScoreReport]) -> dict[str, Any]:
    paths = [str(report.path) for report in reports]
    return {
        **{name: sum(getattr(report, name) for report in reports) for name in SUMMED},
        "path": paths[0] if len(paths) == 1 else paths,
        "unchanged": all(report.unchanged for report in reports),
        "counters": [asdict(report) for report in reports],
    }
