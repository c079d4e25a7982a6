"""Is a scored day still what its manifest says: everything derived again, by another way where there is one.

Features are measured again by their query. Decisions are made again in memory, by the second writing of
the rules, with the model versions the day was scored with.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from include.errors import DayNotReady
from include.registry.estimators import LoadedModel
from include.registry.loading import load_version
from include.registry.versions import find_version
from include.state.engine import reachable
from include.state.locks import day_lock
from include.state.manifest import StageRecord, read_stage
from include.visits.deciding.decision import DeviceModels, decide, needs_model
from include.visits.deciding.probabilities import matrix_of
from include.visits.devices import DEVICE_MODELS
from include.visits.measuring.features import stage_features
from include.visits.models.device_models import columns_of
from include.visits.scoring.score_inputs import STAGE
from include.visits.tables import VISIT_FEATURES, VISIT_SCORES
from include.warehouse.client import Warehouse
from include.warehouse.day_swap import day_digest, staging

if TYPE_CHECKING:
    import pandas as pd

_BOTH = f"""
SELECT f.*, s.reason AS stored_reason, s.score AS stored_score
FROM (SELECT * FROM {VISIT_FEATURES.name} WHERE counter_id = %(counter_id)s AND date = %(day)s) AS f
GLOBAL INNER JOIN
(
    SELECT visit_id, reason, ifNull(score, -1) AS score
    FROM {VISIT_SCORES.name} WHERE counter_id = %(counter_id)s AND date = %(day)s
) AS s ON f.visit_id = s.visit_id"""
NO_SCORE = -1.0  # a frame's NULL would come back as an object


@dataclass(frozen=True)
class Recheck:
    """What deriving a scored day again showed.

    Attributes:
        visits: visits decided again.
        features_hold: stored features equal the manifest and a new measurement.
        scores_hold: stored scores equal the manifest.
        decisions_differ: visits whose decision or score comes out differently.
    """

    visits: int
    features_hold: bool
    scores_hold: bool
    decisions_differ: int

    @property
    def holds(self) -> bool:
        """Whether the day is still what its manifest says."""
        return self.features_hold and self.scores_hold and not self.decisions_differ


def recheck_day(warehouse: Warehouse, state: Engine, *, counter_id: int, day: dt.date, models_dir: Path) -> Recheck:
    """Derive a scored day again and compare; nothing stored is changed.

    Args:
        warehouse: the warehouse.
        state: the state engine.
        counter_id: the counter.
        day: the day.
        models_dir: folder of model artefacts.

    Returns:
        What differs.

    Raises:
        DayNotReady: the day has not been scored.
        ModelError: a model the day was scored with cannot be used any more.
        StoreUnavailable: a store cannot be reached.
    """
    with day_lock(state, counter_id, [day], purpose="score"):
        with reachable(state), state.connect() as connection:
            record = read_stage(connection, counter_id, day, STAGE)
        if record is None:
            raise DayNotReady(
                f"Day {day} of counter {counter_id} has not been scored; run 'python -m include score --date {day} "
                f"--counter {counter_id}' first.",
                code="day_not_scored",
                pointer="/date",
            )
        models = _models_of(state, models_dir, record)
        visits, differ = _decide_again(warehouse, models, counter_id, day)
        return Recheck(
            visits=visits,
            features_hold=_features_hold(warehouse, record),
            scores_hold=day_digest(warehouse, VISIT_SCORES.name, counter_id, day) == record.digest,
            decisions_differ=differ + abs(int(record.counts["scored"]) - visits),
        )


def _models_of(state: Engine, models_dir: Path, record: StageRecord) -> dict[str, LoadedModel]:
    stored: Mapping[str, Any] = record.details["models"]
    return {
        device: load_version(models_dir, find_version(state, name, stored[name]["version"]))
        for device, name in DEVICE_MODELS.items()
        if name in stored
    }


def _features_hold(warehouse: Warehouse, record: StageRecord) -> bool:
    counter_id, day = record.counter_id, record.day
    with staging(warehouse, VISIT_FEATURES, f"{counter_id}d{day:%Y%m%d}check") as stage:
        stage_features(warehouse, stage, counter_id, day)
        again = day_digest(warehouse, stage, counter_id, day)
    stored = day_digest(warehouse, VISIT_FEATURES.name, counter_id, day)
    return again == stored and stored == str(record.details["features_digest"])


def _decide_again(warehouse: Warehouse, models: DeviceModels, counter_id: int, day: dt.date) -> tuple[int, int]:
    visits = differ = 0
    for block in warehouse.iter_frames(_BOTH, {"counter_id": counter_id, "day": day}):
        visits += len(block)
        differ += _differing(block, models)
    return visits, differ


def _differing(block: pd.DataFrame, models: DeviceModels) -> int:
    import numpy as np

    scores, answers = np.full(len(block), NO_SCORE), {}
    for device, model in models.items():
        asked = needs_model(block, device)
        rows = block.loc[asked]
        answers[device] = np.empty(0)
        if len(rows):
            answers[device] = model.probabilities(matrix_of(rows, columns_of(model.features, model.label)))
        scores[asked] = answers[device]
    same_reason = decide(block, answers, models) == block["stored_reason"].to_numpy()
    return int(np.count_nonzero(~(same_reason & (scores == block["stored_score"].to_numpy()))))
