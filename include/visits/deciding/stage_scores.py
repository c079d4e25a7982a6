"""Deciding a measured day: models answer in blocks, one query does the rest."""

from __future__ import annotations

import datetime as dt

from include.failpoints import failpoint
from include.progress import Progress, no_progress
from include.visits.deciding.decision import DeviceModels, decision_parameters, decision_sql
from include.visits.deciding.probabilities import stage_probabilities
from include.visits.tables import VISIT_PROBABILITIES, VISIT_SCORES
from include.warehouse.client import Warehouse, quoted
from include.warehouse.day_swap import staging


def stage_scores(
    warehouse: Warehouse,
    models: DeviceModels,
    *,
    features: str,
    stage: str,
    slot: str,
    counter_id: int,
    day: dt.date,
    progress: Progress = no_progress,
) -> int:
    """Decide every visit of a day into a staging table; without models no row leaves ClickHouse.

    Args:
        warehouse: the warehouse.
        models: loaded model by device category.
        features: table or staging table with the day's features.
        stage: empty staging table of ``visit_scores``.
        slot: names the staging table of probabilities; letters and digits.
        counter_id: the counter.
        day: the day.
        progress: told between the steps and after each block.

    Returns:
        Number of visits a model was asked about.

    Raises:
        ModelError: a model fails; nothing is decided then.
        StoreUnavailable: ClickHouse cannot be reached.
    """
    with staging(warehouse, VISIT_PROBABILITIES, slot) as probabilities:
        progress("asking models", 0, 0)
        asked = stage_probabilities(
            warehouse,
            models,
            features=features,
            stage=probabilities,
            counter_id=counter_id,
            day=day,
            progress=progress,
        )
        failpoint("score.probabilities_staged")
        progress("deciding", 0, 0)
        insert_decisions(
            warehouse,
            models,
            features=features,
            probabilities=probabilities,
            stage=stage,
            counter_id=counter_id,
            day=day,
        )
    return asked


def insert_decisions(
    warehouse: Warehouse,
    models: DeviceModels,
    *,
    features: str,
    probabilities: str,
    stage: str,
    counter_id: int,
    day: dt.date,
) -> None:
    """Decide every visit of a day from its features and the models' answers.

    Args:
        warehouse: the warehouse.
        models: loaded model by device category, for names and thresholds.
        features: table or staging table with the day's features.
        probabilities: staging table with one answer per visit a model was asked about.
        stage: empty staging table of ``visit_scores``.
        counter_id: the counter.
        day: the day.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    names = ", ".join(quoted(column.name) for column in VISIT_SCORES.columns)
    query = decision_sql().format(features=quoted(features), probabilities=quoted(probabilities))
    warehouse.execute(
        f"INSERT INTO {quoted(stage)} ({names})\n{query}",
        {"counter_id": counter_id, "day": day, **decision_parameters(models)},
    )
