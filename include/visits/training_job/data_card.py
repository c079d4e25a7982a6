"""The part of a model card that says which rows it was made of."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy import Engine

from include.state.engine import reachable
from include.state.manifest import read_stages
from include.visits.labels.tables import VISIT_LABELS
from include.visits.training_job.dataset import TrainingSet
from include.visits.training_job.sources import TrainingData
from include.warehouse.client import Warehouse
from include.warehouse.day_swap import day_digest


def data_card(warehouse: Warehouse, state: Engine, data: TrainingData, found: TrainingSet) -> dict[str, Any]:
    """Which rows the candidates were made of: range, counts, digests of labels and of the loaded days.

    Args:
        warehouse: the warehouse.
        state: the state engine, with the day manifest.
        data: which visits were asked for.
        found: the training set.

    Returns:
        The part ``data`` of a model card.

    Raises:
        StoreUnavailable: a store cannot be reached.
    """
    labels = {f"{counter} {day}": day_digest(warehouse, VISIT_LABELS.name, counter, day) for counter, day in found.days}
    days: dict[str, str] = {}
    with reachable(state), state.connect() as connection:
        for counter_id in dict.fromkeys(counter_id for counter_id, _ in found.days):
            own = [day for counter, day in found.days if counter == counter_id]
            for record in read_stages(connection, counter_id, own, ("visits", "hits")):
                days[f"{counter_id} {record.stage} {record.day}"] = record.digest
    return {
        "counters": list(data.counter_ids),
        "first_day": data.first,
        "last_day": data.last,
        "days": len(found.days),
        "sources": list(data.sources),
        "as_of": data.as_of.isoformat(),
        "exclude_url": data.exclude_url,
        "labels_sha256": _sha256(labels),
        "days_sha256": _sha256(days),
        "without_hits": found.without_hits,
        "other_devices": found.other_devices,
        "unused": found.unused,
    }


def _sha256(parts: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
