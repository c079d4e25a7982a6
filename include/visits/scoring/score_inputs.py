"""What the scores of a day depend on, and whether stored scores are still those of it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from include.errors import DayNotReady, StoreConflict
from include.state.code_version import code_version
from include.state.counters import read_counter
from include.state.engine import reachable
from include.state.manifest import StageRecord, read_stage, read_stages
from include.state.seals import read_seal
from include.visits.deciding.decision import DeviceModels, decision_parameters, decision_sql
from include.visits.measuring.features import SLOT_SECONDS, WATCH_IDS_CAP, features_sql
from include.visits.measuring.rule import rule_parameters
from include.visits.tables import VISIT_FEATURES, VISIT_SCORES
from include.warehouse.client import Warehouse
from include.warehouse.day_swap import day_digest

STAGE = "scores"
NEEDED = ("visits", "hits")
# What measures, decides and exports; a change of it is told by verify-day and does not force scoring by itself.
SCORING_CODE = (
    "visits/measuring",
    "visits/deciding",
    "visits/models/device_models.py",
    "visits/scoring",
    "visits/devices.py",
    "visits/tables.py",
    "registry/estimators.py",
    "warehouse/day_swap.py",
    "warehouse/partition_swap.py",
)


@dataclass(frozen=True)
class DayInputs:
    """A loaded day, as its manifest describes it.

    Attributes:
        counter_id: the counter.
        day: the day.
        zone: the counter's zone.
        digests: digest by ``<stage> <day>`` of visits, hits, and the next day's hits when loaded.
    """

    counter_id: int
    day: dt.date
    zone: ZoneInfo
    digests: Mapping[str, str]


def read_inputs(state: Engine, counter_id: int, day: dt.date) -> DayInputs:
    """Read what the manifest says of a loaded day.

    Args:
        state: the state engine.
        counter_id: the counter.
        day: the day.

    Returns:
        The inputs.

    Raises:
        DayNotReady: visits or hits of the day are not loaded; the message names the command.
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    next_day = day + dt.timedelta(days=1)
    with reachable(state), state.connect() as connection:
        records = read_stages(connection, counter_id, [day, next_day], NEEDED)
        digests = {f"{r.stage} {r.day}": r.digest for r in records if r.day == day or r.stage == "hits"}
        missing = [stage for stage in NEEDED if f"{stage} {day}" not in digests]
        if missing:
            raise DayNotReady(
                f"The {' and '.join(missing)} of day {day} of counter {counter_id} are not loaded, so it cannot be "
                f"scored; run 'python -m include load --date {day} --counter {counter_id}' first.",
                code="day_not_loaded",
                pointer="/date",
            )
        counter = read_counter(connection, counter_id)
    return DayInputs(counter_id, day, counter.zone, digests)


def require_same_inputs(state: Engine, inputs: DayInputs) -> None:
    """Refuse to store scores of rows that have been replaced meanwhile.

    Args:
        state: the state engine.
        inputs: what scoring started from.

    Raises:
        StoreConflict: the day was loaded again.
    """
    if read_inputs(state, inputs.counter_id, inputs.day).digests != inputs.digests:
        raise StoreConflict(
            f"Day {inputs.day} of counter {inputs.counter_id} was loaded again while it was being scored; run score "
            "again."
        )


def input_digest(inputs: DayInputs, models: DeviceModels) -> str:
    """Digest of all that decides the scores: rows, queries, borders, models, thresholds.

    Args:
        inputs: the loaded day.
        models: loaded model by device category.

    Returns:
        64 hex digits.
    """
    parts = {
        "rows": dict(inputs.digests),
        "queries": hashlib.sha256((features_sql() + decision_sql()).encode()).hexdigest(),
        "parameters": decision_parameters(models),
        "models": {device: model.sha256 for device, model in models.items()},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def describe_inputs(inputs: DayInputs, models: DeviceModels) -> dict[str, Any]:
    """All that decides the scores, in full, for the day's record.

    Args:
        inputs: the loaded day.
        models: loaded model by device category.

    Returns:
        ``inputs`` (digests), ``models`` by name, ``parameters`` (borders, slot width, cap), ``time_zone`` and ``code``.
    """
    return {
        "inputs": dict(inputs.digests),
        "models": {
            model.name: {
                "version": model.version,
                "sha256": model.sha256,
                "threshold": model.threshold,
                "features": list(model.features),
            }
            for model in models.values()
        },
        "parameters": scoring_parameters(),
        "time_zone": inputs.zone.key,
        "code": code_version(*SCORING_CODE),
    }


def scoring_parameters() -> dict[str, Any]:
    """What measures and decides beside rows and models.

    Returns:
        Borders of the rule, slot width, cap of the watch ids.
    """
    return {**rule_parameters(), "slot_seconds": SLOT_SECONDS, "watch_ids_cap": WATCH_IDS_CAP}


def current_record(warehouse: Warehouse, state: Engine, inputs: DayInputs, digest: str) -> StageRecord | None:
    """The day's record, if it is of this input and the tables still hold what it says.

    Args:
        warehouse: the warehouse.
        state: the state engine.
        inputs: the loaded day.
        digest: its input digest.

    Returns:
        The record, or None when the day must be scored.

    Raises:
        StoreUnavailable: a store cannot be reached.
    """
    counter_id, day = inputs.counter_id, inputs.day
    with reachable(state), state.connect() as connection:
        record, seal = read_stage(connection, counter_id, day, STAGE), read_seal(connection, counter_id, day)
    if record is None or record.input_digest != digest:
        return None
    if seal is not None and seal.stages.get(STAGE, record.as_json()) != record.as_json():
        return None  # edited by hand: only scoring again makes a record of its own
    scores = day_digest(warehouse, VISIT_SCORES.name, counter_id, day)
    features = day_digest(warehouse, VISIT_FEATURES.name, counter_id, day)
    return record if (scores, features) == (record.digest, record.details["features_digest"]) else None
