"""What the report of a day is made of, and one digest of all of it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Engine

from include.errors import DayNotReady
from include.registry.versions import list_versions
from include.settings import DriftSettings
from include.state.blocks import read_blocks
from include.state.engine import reachable
from include.state.manifest import StageRecord, read_stages
from include.visits.devices import DEVICE_MODELS
from include.visits.monitoring.checks import DriftRules
from include.visits.monitoring.drift import query
from include.visits.monitoring.observed import labels_digest
from include.visits.monitoring.reference import choose_days, training_days, window_before
from include.warehouse.client import Warehouse

SCORES = "scores"
QUERIES = (
    "values", "bin_edges", "bin_counts", "device_counts", "threshold_margin", "observed", "asked", "labels_seen",
)  # fmt: skip


@dataclass(frozen=True)
class MonitoringInputs:
    """What a report is made of.

    Attributes:
        counter_id: the counter.
        day: the scored day.
        versions: version by device category, empty where no model was in production.
        days: days of the reference by scope.
        digest: digest of rows, labels, rules and queries.
    """

    counter_id: int
    day: dt.date
    versions: Mapping[str, str]
    days: Mapping[str, tuple[dt.date, ...]]
    digest: str


def read_inputs(
    warehouse: Warehouse, state: Engine, counter_id: int, day: dt.date, settings: DriftSettings
) -> MonitoringInputs:
    """Find out what a report on a day is made of.

    Args:
        warehouse: the warehouse.
        state: the state engine.
        counter_id: the counter.
        day: local day.
        settings: level and floor.

    Returns:
        The inputs.

    Raises:
        DayNotReady: the day has no scores.
        StoreUnavailable: a store cannot be reached.
    """
    window = window_before(day)
    scores = _scores(state, counter_id, [*window, day])
    if day not in scores:
        raise DayNotReady(
            f"Day {day} of counter {counter_id} has no scores to report on; run 'python -m include score --date {day} "
            f"--counter {counter_id}' first.",
            code="day_not_scored",
            pointer="/date",
        )
    versions = _versions(scores[day])
    manifests = {(one.name, one.version): one.manifest for one in list_versions(state)}
    trained = {
        device: training_days(manifests.get((name, versions[device]), {}), day)
        for device, name in DEVICE_MODELS.items()
    }
    scores |= _scores(state, counter_id, [one for days in trained.values() for one in days])
    with reachable(state), state.connect() as connection:
        blocked = {block.day for block in read_blocks(connection, counter_id, scores, is_open=True)}
    days = {device: choose_days([trained[device], window], scores, blocked) for device in DEVICE_MODELS}
    days[""] = choose_days([window], scores, blocked)
    parts = {
        "rows": {str(one): [record.digest, record.details.get("features_digest")] for one, record in scores.items()},
        "days": {scope: [str(one) for one in chosen] for scope, chosen in days.items()},
        "labels": labels_digest(warehouse, counter_id, day),
        "rules": asdict(rules_of(settings)),
        "queries": [query(name) for name in QUERIES],
    }
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return MonitoringInputs(counter_id, day, versions, days, digest)


def rules_of(settings: DriftSettings) -> DriftRules:
    """When a change counts, as the settings say.

    Args:
        settings: level and floor.

    Returns:
        The rules.
    """
    return DriftRules(settings.level, settings.floor_psi)


def _scores(state: Engine, counter_id: int, days: Sequence[dt.date]) -> dict[dt.date, StageRecord]:
    with reachable(state), state.connect() as connection:
        return {record.day: record for record in read_stages(connection, counter_id, days, [SCORES])}


def _versions(record: StageRecord) -> dict[str, str]:
    models = record.details.get("models", {})
    return {device: models.get(name, {}).get("version", "") for device, name in DEVICE_MODELS.items()}
