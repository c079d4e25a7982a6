"""One day decided in shadow: the very functions of scoring, into staging tables only."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from include.errors import StoreConflict
from include.failpoints import failpoint
from include.progress import Progress
from include.state.locks import day_lock
from include.state.manifest import StageRecord
from include.visits.deciding.decision import DeviceModels
from include.visits.deciding.stage_scores import stage_scores
from include.visits.measuring.features import stage_features
from include.visits.scoring.score_counts import count_day, require_conserved
from include.visits.scoring.score_inputs import DayInputs, input_digest, read_inputs
from include.visits.tables import VISIT_FEATURES, VISIT_SCORES
from include.visits.what_if.change_list import ChangeSink, iter_rows
from include.visits.what_if.comparing import (
    ADDED,
    CAN_BE_SENT,
    REMOVED,
    SENT,
    SENT_BEFORE,
    DayPair,
    StatusOf,
    compare_day,
    iter_changes,
)
from include.visits.what_if.scored_days import require_scored
from include.visits.what_if.value import CENTS, ValueRule
from include.warehouse.client import Warehouse
from include.warehouse.day_swap import day_digest, staging

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Trial:
    """What all days of a question share.

    Attributes:
        warehouse: the warehouse.
        state: the state engine.
        counter_id: the counter.
        models: models that decide in shadow.
        production: models in production.
        value: how visits are valued.
        status_of: asks the ledger of conversions.
        changes: gets every changed visit; None when nobody wants them.
        progress: told between the steps.
    """

    warehouse: Warehouse
    state: Engine
    counter_id: int
    models: DeviceModels
    production: DeviceModels
    value: ValueRule
    status_of: StatusOf
    changes: ChangeSink | None
    progress: Progress


def try_day(trial: Trial, day: dt.date) -> dict[str, Any]:
    """Decide a scored day again in shadow and compare.

    Args:
        trial: models and stores.
        day: a scored day.

    Returns:
        One entry of the summary's ``days``, JSON-able.

    Raises:
        DayNotReady: the day is not scored, or not loaded any more.
        ModelError: a model fails.
        StoreConflict: the stored scores are not those of the manifest.
        StoreUnavailable: a store cannot be reached.
    """
    counter_id = trial.counter_id
    with day_lock(trial.state, counter_id, [day], purpose="score"):
        record = require_scored(trial.state, [counter_id], [day])[counter_id][0]
        inputs = read_inputs(trial.state, counter_id, day)
        stored = day_digest(trial.warehouse, VISIT_SCORES.name, counter_id, day)
        if stored != record.digest:
            raise StoreConflict(
                f"The stored scores of day {day} of counter {counter_id} are not those of its manifest; run "
                f"'python -m include score --date {day} --counter {counter_id}', then ask again."
            )
        note = outdated_note(record, inputs, trial.production)
        slot = f"{counter_id}d{day:%Y%m%d}trial"
        with (
            _features(trial, record, slot, is_current=not note) as features,
            staging(trial.warehouse, VISIT_SCORES, slot) as scores,
        ):
            _decide(trial, inputs, features, scores, slot)
            failpoint("what_if.day_tried")
            pair = DayPair(counter_id, day, scores, trial.value)
            return {
                **_compared(trial, pair, inputs.zone),
                "note": note,
                "stored_digest": stored,
                "trial_digest": day_digest(trial.warehouse, scores, counter_id, day),
                "input_digest": input_digest(inputs, trial.models),
            }


@contextmanager
def _features(trial: Trial, record: StageRecord, slot: str, *, is_current: bool) -> Iterator[str]:
    """The stored features while they are those of the stored visits; else a new measurement of them."""
    counter_id, day = trial.counter_id, record.day
    stored = day_digest(trial.warehouse, VISIT_FEATURES.name, counter_id, day)
    if is_current and stored == record.details["features_digest"]:
        yield VISIT_FEATURES.name
        return
    with staging(trial.warehouse, VISIT_FEATURES, slot) as stage:
        stage_features(trial.warehouse, stage, counter_id, day)
        yield stage


def _decide(trial: Trial, inputs: DayInputs, features: str, scores: str, slot: str) -> None:
    counter_id, day = inputs.counter_id, inputs.day
    asked = stage_scores(
        trial.warehouse,
        trial.models,
        features=features,
        stage=scores,
        slot=slot,
        counter_id=counter_id,
        day=day,
        progress=trial.progress,
    )
    counts = count_day(trial.warehouse, features=features, scores=scores, counter_id=counter_id, day=day)
    require_conserved(counts, asked=asked, counter_id=counter_id, day=day)


@dataclass
class _Told:
    """What the ledger says about the changed visits: counts and hundredths by change and status."""

    visits: Counter[tuple[str, str]] = field(default_factory=Counter)
    cents: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, block: pd.DataFrame) -> None:
        """Count a block."""
        pairs = zip(block["change"], block["conversion"], block["cents"].tolist(), strict=True)
        for change, status, cents in pairs:
            self.visits[change, status] += 1
            self.cents[change, status] += cents

    def of(self, change: str) -> dict[str, int]:
        """Visits of a change by status."""
        return {status: count for (one, status), count in sorted(self.visits.items()) if one == change}


def _compared(trial: Trial, pair: DayPair, zone: ZoneInfo) -> dict[str, Any]:
    compared, told = compare_day(trial.warehouse, pair), _Told()
    for block in iter_changes(trial.warehouse, pair, trial.status_of):
        told.add(block)
        _tell(trial, pair.day, zone, block)
    added, removed = told.of(ADDED), told.of(REMOVED)
    if (sum(added.values()), sum(removed.values())) != (compared.added, compared.removed):
        raise StoreConflict(f"Day {pair.day} of counter {pair.counter_id} changed while it was compared; ask again.")
    worth = {"sendable_value": told.cents[ADDED, CAN_BE_SENT] / CENTS} if trial.value.is_known else {}
    return {
        "day": pair.day.isoformat(),
        "before": compared.before,
        "after": compared.after,
        "kept": compared.kept,
        "added": compared.added,
        "removed": compared.removed,
        "value": dict(compared.value),
        "sendable": added.get(CAN_BE_SENT, 0),
        **worth,
        "removed_sent": removed.get(SENT, 0) + removed.get(SENT_BEFORE, 0),
        "conversions": {"added": added, "removed": removed},
        "groups": [dict(group) for group in compared.groups],
    }


def _tell(trial: Trial, day: dt.date, zone: ZoneInfo, block: pd.DataFrame) -> None:
    if trial.changes is None:
        return
    valued = block if trial.value.is_known else block.assign(cents=float("nan"))
    for row in iter_rows(trial.counter_id, zone, day, valued):
        trial.changes(row)


def outdated_note(record: StageRecord, inputs: DayInputs, production: DeviceModels) -> str:
    """Say why the stored scores are not those that scoring would give today.

    Args:
        record: the manifest's record of the stored scores.
        inputs: the loaded day as it is now.
        production: models in production.

    Returns:
        A sentence, or an empty text while they are current.
    """
    if record.input_digest == input_digest(inputs, production):
        return ""
    scored = f"Scored on {record.finished_at:%Y-%m-%d}"
    if record.details.get("inputs") != dict(inputs.digests):
        return f"{scored}, loaded again since."
    versions = {name: str(model.get("version")) for name, model in record.details.get("models", {}).items()}
    if versions != {model.name: model.version for model in production.values()}:
        used = ", ".join(f"{name} {version}" for name, version in sorted(versions.items())) or "no model"
        return f"{scored} with {used}, not with what is in production now."
    return f"{scored} by rules that have changed since."
