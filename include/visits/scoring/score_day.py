"""Scoring a loaded day: features, decisions, the list of level 4+ visits."""

from __future__ import annotations

import datetime as dt
import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from include.days import utc_now
from include.failpoints import failpoint
from include.progress import Progress, no_progress
from include.state.engine import reachable
from include.state.locks import day_lock
from include.state.manifest import StageRecord, write_stage
from include.visits.deciding.decision import MODEL, RULE, DeviceModels
from include.visits.deciding.stage_scores import stage_scores
from include.visits.measuring.features import stage_features
from include.visits.models.device_models import load_device_models
from include.visits.scoring.export import write_export
from include.visits.scoring.score_counts import count_day, require_conserved
from include.visits.scoring.score_inputs import (
    STAGE,
    DayInputs,
    current_record,
    describe_inputs,
    input_digest,
    read_inputs,
    require_same_inputs,
)
from include.visits.tables import TABLES, VISIT_FEATURES, VISIT_SCORES
from include.warehouse.client import Warehouse
from include.warehouse.day_swap import day_digest, staging, swap_day
from include.warehouse.schema import ensure_tables

logger = logging.getLogger(__name__)

STEPS = 5
# Every point at which a killed scoring is proved to be finished by the next one.
SCORE_FAILPOINTS = (
    "score.locked",
    "score.inputs_read",
    "score.features_staged",
    "score.block_asked",
    "score.probabilities_staged",
    "score.scores_staged",
    "score.features_swapped",
    "score.scores_swapped",
    "score.manifest_written",
    "score.export_written",
    "score.exported",
)


@dataclass(frozen=True)
class ScoreReport:
    """What scoring a day did.

    Attributes:
        counter_id: the counter.
        day: the day.
        scored: visits decided; every visit of the day.
        level4: visits of level 4+.
        by_rule: of them, by rule 180-5-5.
        by_model: of them, by a model.
        path: the written list.
        unchanged: True when the stored scores were already those of this input.
        reasons: visits by reason.
        flagged: per device ``visits``, ``level4``, ``flagged_share`` (0-1) and visits by reason.
        join_disagreements: visits whose watch ids and visit ids name different hits.
        digest: digest of the stored scores.
        duration_seconds: time taken.
    """

    counter_id: int
    day: dt.date
    scored: int
    level4: int
    by_rule: int
    by_model: int
    path: str
    unchanged: bool
    reasons: dict[str, int] = field(default_factory=dict)
    flagged: dict[str, dict[str, Any]] = field(default_factory=dict)
    join_disagreements: int = 0
    digest: str = ""
    duration_seconds: float = 0.0


def score_day(
    warehouse: Warehouse,
    state: Engine,
    *,
    counter_id: int,
    day: dt.date,
    exports_dir: Path,
    models_dir: Path,
    run_id: str,
    progress: Progress = no_progress,
) -> ScoreReport:
    """Score a loaded day; the same input again changes nothing.

    Args:
        warehouse: the warehouse, with ``visits`` and ``hits`` of the day.
        state: the state engine.
        counter_id: the counter.
        day: local day of the counter.
        exports_dir: folder of the lists; the counter's folder in it is made when missing.
        models_dir: folder of model artefacts.
        run_id: the run, for staging names and the manifest.
        progress: told after each step.

    Returns:
        What was done.

    Raises:
        DayNotReady: the day is not loaded; the message names the command.
        ModelError: a model in production cannot be used; nothing is scored.
        StoreConflict: counts do not add up, or the day was loaded again meanwhile.
        StoreUnavailable: a store cannot be reached.
    """
    started = time.monotonic()
    with day_lock(state, counter_id, [day], purpose="score"):
        failpoint("score.locked")
        inputs = read_inputs(state, counter_id, day)
        models = load_device_models(state, models_dir)
        failpoint("score.inputs_read")
        ensure_tables(warehouse, TABLES)
        digest = input_digest(inputs, models)
        record = current_record(warehouse, state, inputs, digest)
        unchanged = record is not None
        if record is None:
            job = _Scoring(warehouse, state, inputs, models, digest, run_id, progress, started)
            record = job.run()
        progress("writing the list", 4, STEPS)
        path = write_export(warehouse, exports_dir, counter_id=counter_id, day=day, zone=inputs.zone)
        failpoint("score.exported")
    report = _report(record, path, unchanged, time.monotonic() - started)
    progress("scored", STEPS, STEPS)
    _log(report)
    return report


@dataclass(frozen=True)
class _Scoring:
    """One scoring of one day: stage everything, count it, then swap it in."""

    warehouse: Warehouse
    state: Engine
    inputs: DayInputs
    models: DeviceModels
    digest: str
    run_id: str
    progress: Progress
    started: float

    @property
    def _slot(self) -> str:
        """Names the staging tables by counter and day: the day's lock keeps others out, a retry finds leftovers."""
        return f"{self.inputs.counter_id}d{self.inputs.day:%Y%m%d}"

    def run(self) -> StageRecord:
        """Stage, count, swap, write down."""
        counter_id, day = self.inputs.counter_id, self.inputs.day
        with (
            staging(self.warehouse, VISIT_FEATURES, self._slot) as features,
            staging(self.warehouse, VISIT_SCORES, self._slot) as scores,
        ):
            self.progress("computing features", 0, STEPS)
            stage_features(self.warehouse, features, counter_id, day)
            failpoint("score.features_staged")
            asked = stage_scores(
                self.warehouse,
                self.models,
                features=features,
                stage=scores,
                slot=self._slot,
                counter_id=counter_id,
                day=day,
                progress=self.progress,
            )
            failpoint("score.scores_staged")
            record = self._checked_record(features, scores, asked)
            self.progress("storing", 3, STEPS)
            swap_day(self.warehouse, VISIT_FEATURES, features, counter_id, day)
            failpoint("score.features_swapped")
            swap_day(self.warehouse, VISIT_SCORES, scores, counter_id, day)
            failpoint("score.scores_swapped")
        with reachable(self.state), self.state.begin() as connection:
            write_stage(connection, record)
        failpoint("score.manifest_written")
        return record

    def _checked_record(self, features: str, scores: str, asked: int) -> StageRecord:
        counter_id, day = self.inputs.counter_id, self.inputs.day
        counts = count_day(self.warehouse, features=features, scores=scores, counter_id=counter_id, day=day)
        require_conserved(counts, asked=asked, counter_id=counter_id, day=day)
        require_same_inputs(self.state, self.inputs)
        return StageRecord(
            counter_id=counter_id,
            day=day,
            stage=STAGE,
            digest=day_digest(self.warehouse, scores, counter_id, day),
            input_digest=self.digest,
            run_id=self.run_id,
            duration_seconds=time.monotonic() - self.started,
            finished_at=utc_now(),
            counts=counts.as_dict(),
            details={
                "features_digest": day_digest(self.warehouse, features, counter_id, day),
                **describe_inputs(self.inputs, self.models),
            },
        )


def _report(record: StageRecord, path: Path, unchanged: bool, duration_seconds: float) -> ScoreReport:
    counts = record.counts
    return ScoreReport(
        counter_id=record.counter_id,
        day=record.day,
        scored=counts["scored"],
        level4=counts["level4"],
        by_rule=counts["reasons"][RULE],
        by_model=counts["reasons"][MODEL],
        path=str(path),
        unchanged=unchanged,
        reasons=dict(counts["reasons"]),
        flagged=dict(counts["flagged"]),
        join_disagreements=counts["join_disagreements"],
        digest=record.digest,
        duration_seconds=round(duration_seconds, 3),
    )


def _log(report: ScoreReport) -> None:
    reasons = ", ".join(f"{reason} {count}" for reason, count in report.reasons.items() if count)
    share = report.level4 / report.scored if report.scored else 0.0
    logger.info(
        "visits scored %d, level4 %d, flagged_share %.3f, join disagreements %d, counter %d, day %s, %.2f s: %s",
        report.scored,
        report.level4,
        share,
        report.join_disagreements,
        report.counter_id,
        report.day,
        report.duration_seconds,
        reasons or "no visits",
    )
