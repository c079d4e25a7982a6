"""``visits evaluate``: what a model is worth on any labelled visits, from files alone."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from include.commands.terminal import JsonOption, guarded, settings_here, show, shown_progress
from include.metrika.loading.log_files import COUNTER_ID, DAY, read_log_file
from include.services.private_warehouse import private_warehouse
from include.visits.evaluating.evaluate import evaluate_visits
from include.visits.evaluating.label_file import read_labels
from include.visits.evaluating.measured_visits import measure_visits

TABLE_COLUMNS = (
    "rows", "positives", "pr_auc", "roc_auc", "brier", "ece", "flagged_share", "model_precision", "model_recall",
    "rule_flagged_share", "rule_precision", "rule_recall",
)  # fmt: skip


@guarded
def evaluate(
    visits: Annotated[Path, typer.Option(help="Visits with the columns of the Logs API, TSV or CSV, also .gz.")],
    hits: Annotated[Path, typer.Option(help="Their hits with the columns of the Logs API, TSV or CSV, also .gz.")],
    labels: Annotated[Path, typer.Option(help="CSV with the header visit_id,label; label is 0 or 1.")],
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Of the folds and of the models.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Measure what a model trained on labelled visits is worth, out of fold by client; needs no engines.

    Args:
        visits: file of visits.
        hits: file of hits.
        labels: file of labels.
        seed: of everything random.
        as_json: print one line of JSON.
    """
    settings = settings_here()
    said = read_labels(labels)
    with shown_progress() as progress:
        progress("opening a private warehouse", 0, 0)
        with private_warehouse(settings.clickhouse, "evaluation") as warehouse:
            progress("reading visits", 0, 0)
            read = {"visits": read_log_file(warehouse, "visits", visits, quotes=settings.metrika.quotes)}
            progress("reading hits", 0, 0)
            read["hits"] = read_log_file(warehouse, "hits", hits, quotes=settings.metrika.quotes)
            progress("measuring visits", 0, 0)
            measured = measure_visits(warehouse, said.labels, counter_id=COUNTER_ID, day=DAY)
        found = evaluate_visits(measured, seed=seed, progress=progress)
    result = {
        **found,
        "repeated_labels": said.duplicates,
        "files": {name: asdict(counts) for name, counts in read.items()},
    }
    show(result, as_json=as_json, title=_title(result), rows=_rows(result))


def _rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    parts = {**result["by_device"], "all": result}
    rows = [{"device": name, **{key: _short(part.get(key)) for key in TABLE_COLUMNS}} for name, part in parts.items()]
    baseline = result["baseline"]
    rows.append({"device": "all, baseline", **{key: _short(baseline.get(key)) for key in TABLE_COLUMNS}})
    return rows


def _short(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def _title(result: dict[str, Any]) -> str:
    title = f"Out of fold by client, {result['folds']} folds"
    if result["unknown_labels"]:
        title += f"; {result['unknown_labels']} labels of unknown visits: {', '.join(result['unknown_visit_ids'])}"
    if result["visits_without_hits"]:
        title += f"; {result['visits_without_hits']} labelled visits without hits left out"
    unreadable = sum(counts["unreadable"] for counts in result["files"].values())
    return f"{title}; {unreadable} rows could not be read" if unreadable else title
