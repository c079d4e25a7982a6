"""``visits train``: candidates for the device models, from labelled visits."""

from __future__ import annotations

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
from include.days import parse_range, utc_now
from include.services.stores import open_stores
from include.visits.labels.moments import common_zone, parse_as_of
from include.visits.training_job.orders import IF_BETTER, NEVER, DeviceOutcome, TrainOrder, TrainReport
from include.visits.training_job.sources import TrainingData
from include.visits.training_job.train_models import report_as_dict, train_models

FromOption = Annotated[str, typer.Option("--from", help="First day of the labelled visits, YYYY-MM-DD.")]
ToOption = Annotated[str, typer.Option("--to", help="Last day of the labelled visits, included.")]
SourceOption = Annotated[
    list[str] | None,
    typer.Option("--source", help="Label source; repeat it to fall back on others. The only one there is when absent."),
]
GoalOption = Annotated[
    str, typer.Option("--goal", help="What the threshold is to achieve: seed, precision=0.6 or top-share=0.1.")
]
AsOfOption = Annotated[str | None, typer.Option("--as-of", help="Use no label known later: a day (its end) or a time.")]
UrlOption = Annotated[str, typer.Option("--exclude-url", help="Pages that are the label themselves, as a regex.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="The same rows and seed give the same model.")]
PromoteOption = Annotated[bool, typer.Option("--promote", help="Let each candidate decide that passes the gate.")]

DECIDERS = {"rule": "rule alone", "candidate": "rule and candidate", "production": "rule and version in production"}


@guarded
def train(
    first: FromOption,
    last: ToOption,
    counter: CounterOption = None,
    source: SourceOption = None,
    goal: GoalOption = "seed",
    as_of: AsOfOption = None,
    exclude_url: UrlOption = "",
    seed: SeedOption = 0,
    is_promoted: PromoteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train a candidate for each device and hold it against what decides now; nothing serves unless --promote.

    Args:
        first: first day of the labelled visits.
        last: last day.
        counter: one counter; all of METRIKA_COUNTER when absent.
        source: label sources, the first that labels a visit decides.
        goal: what the threshold is to achieve.
        as_of: the moment whose knowledge is used.
        exclude_url: hits of these pages are not learnt from.
        seed: of everything random.
        is_promoted: a candidate that passes the gate decides from now on.
        as_json: print one line of JSON.
    """
    days, settings = parse_range(first, last), settings_here()
    counter_ids = counters_of(settings, counter)
    stores = open_stores(settings)
    moment = utc_now() if as_of is None else parse_as_of(as_of, common_zone(stores.state, counter_ids))
    data = TrainingData(counter_ids, days[0], days[-1], tuple(source or ()), moment, exclude_url)
    order = TrainOrder(data, goal, IF_BETTER if is_promoted else NEVER, seed)
    with shown_progress() as progress:
        report = train_models(
            stores.warehouse,
            stores.state,
            order,
            models_dir=settings.models_dir,
            run_id=new_run_id("train"),
            progress=progress,
        )
    show_training(report, as_json=as_json)


def show_training(report: TrainReport, *, as_json: bool) -> None:
    """Print what a training did.

    Args:
        report: the report.
        as_json: one line of JSON instead of tables.
    """
    if as_json:
        show(report_as_dict(report), as_json=True, title="")
        return
    names = ("labelled", "without_hits", "other_devices", "unused", "duration_seconds")
    counts = {name: getattr(report, name) for name in names}
    days = {"first_day": report.first, "last_day": report.last}
    show({**days, "sources": report.sources, **counts}, as_json=False, title="Labels")
    show({}, as_json=False, title="Candidates", rows=[_candidate(outcome) for outcome in report.devices])
    rows = [
        {"device": outcome.device, "decides": DECIDERS[name], **_measures(decider)}
        for outcome in report.devices
        for name, decider in outcome.comparison.items()
    ]
    if rows:
        show({}, as_json=False, title="On the held-out later visits", rows=rows)
    for outcome in report.devices:
        for sentence in filter(None, (outcome.refused, *outcome.reasons)):
            typer.echo(f"{outcome.device}: {sentence}")


def _candidate(outcome: DeviceOutcome) -> dict[str, Any]:
    later = outcome.comparison.get("candidate", {})
    return {
        "device": outcome.device,
        "rows": outcome.rows,
        "positives": outcome.positives,
        "version": outcome.version or "none",
        "threshold": _number(outcome.threshold),
        "passes_the_gate": outcome.is_better,
        "decides_now": outcome.is_promoted,
        **{f"later_{name}": _number(later.get(f"model_{name}")) for name in ("pr_auc", "roc_auc", "ece")},
    }


def _measures(decider: dict[str, Any]) -> dict[str, Any]:
    return {name: _number(decider[name]) for name in ("flagged_share", "precision", "recall", "pr_auc")}


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
