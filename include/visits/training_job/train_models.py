"""Training the device models: labels, candidate, card, comparison with what serves, gate, promotion."""

from __future__ import annotations

import datetime as dt
import json
import logging
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from include.errors import InputError
from include.failpoints import failpoint
from include.progress import Progress, no_progress
from include.registry.artefacts import digest_of, pack, unpack
from include.registry.cards import store_card
from include.registry.estimators import LoadedModel, split_payload
from include.registry.loading import load_production
from include.registry.promotions import APPROVAL, GATE, promote
from include.registry.versions import ModelVersion, find_production, list_versions, register
from include.visits.devices import DEVICE_MODELS, DEVICE_NAMES
from include.visits.training.held_out import HeldOut, ask_model, compare, hold_out, judge, require_judgeable
from include.visits.training.requirements import require_trainable
from include.visits.training.thresholds import parse_goal
from include.visits.training_job.data_card import data_card
from include.visits.training_job.dataset import TrainingSet, build_training_set
from include.visits.training_job.orders import IF_BETTER, DeviceOutcome, TrainOrder, TrainReport
from include.visits.training_job.sources import require_sources
from include.warehouse.client import Warehouse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from include.visits.training.samples import Samples
    from include.visits.training.trainer import TrainedModel

logger = logging.getLogger(__name__)

MODEL_OF_DEVICE = {DEVICE_NAMES[category]: name for category, name in DEVICE_MODELS.items()}
# Every point at which a killed training is proved to leave production serving.
TRAIN_FAILPOINTS = ("train.set_built", "train.trained", "train.compared", "train.card_stored", "train.registered")


@dataclass(frozen=True)
class _Device:
    """One device of one training."""

    device: str
    name: str
    samples: Samples
    hit_counts: NDArray[np.float64]


def train_models(
    warehouse: Warehouse,
    state: Engine,
    order: TrainOrder,
    *,
    models_dir: Path,
    run_id: str,
    progress: Progress = no_progress,
) -> TrainReport:
    """Train a candidate for each device; what serves is touched only when a candidate is promoted at the end.

    Args:
        warehouse: the warehouse, with visits, hits and labels.
        state: the state engine.
        order: what to train and whether it may decide.
        models_dir: folder of the artefacts.
        run_id: the run, for staging names and the history.
        progress: told after each step.

    Returns:
        What was trained; the same stored rows and seed give the same versions.

    Raises:
        InputError: no labels, or no device has enough of them.
        StoreUnavailable: a store cannot be reached.
    """
    started = time.monotonic()
    for device in MODEL_OF_DEVICE:
        parse_goal(order.goal, device=device)  # a wrong goal is said before the work, not after it
    order = replace(order, data=require_sources(warehouse, order.data))
    found = build_training_set(warehouse, order.data, run_id=run_id, progress=progress)
    failpoint("train.set_built")
    job = _Training(state, order, found, models_dir, data_card(warehouse, state, order.data, found), progress)
    outcomes = [
        job.train(_Device(device, name, found.samples[device], found.hit_counts[device]))
        for device, name in MODEL_OF_DEVICE.items()
    ]
    if all(outcome.refused for outcome in outcomes):
        raise InputError(" ".join(f"{outcome.device}: {outcome.refused}" for outcome in outcomes), code="too_few_rows")
    if order.promote == IF_BETTER:
        outcomes = promote_candidates(state, outcomes, cause=GATE, run_id=run_id)
    report = TrainReport(
        first=order.data.first,
        last=order.data.last,
        sources=tuple(order.data.sources),
        as_of=order.data.as_of,
        labelled=found.labelled,
        without_hits=found.without_hits,
        other_devices=found.other_devices,
        unused=found.unused,
        devices=tuple(outcomes),
        duration_seconds=round(time.monotonic() - started, 3),
    )
    progress("trained", 1, 1)
    _log(report)
    return report


def promote_candidates(
    state: Engine, outcomes: Iterable[DeviceOutcome], *, cause: str, run_id: str
) -> list[DeviceOutcome]:
    """Let trained candidates decide.

    Args:
        state: the state engine.
        outcomes: what training did; only a candidate that passed the gate is promoted, unless a person approved.
        cause: ``gate`` or ``approval``.
        run_id: the run, for the history.

    Returns:
        The outcomes, with what was promoted.

    Raises:
        ModelError: a version is gone.
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    done = []
    for outcome in outcomes:
        if outcome.version and (outcome.is_better or cause == APPROVAL):
            promote(state, outcome.name, outcome.version, cause=cause, run_id=run_id)
            outcome = replace(outcome, is_promoted=True)
        done.append(outcome)
    return done


@dataclass(frozen=True)
class _Training:
    state: Engine
    order: TrainOrder
    found: TrainingSet
    models_dir: Path
    data_card: dict[str, Any]
    progress: Progress

    def train(self, device: _Device) -> DeviceOutcome:
        """Train, judge and register one device; a device with too few labels is refused with a sentence."""
        rows, positives = len(device.samples), device.samples.positive_count
        outcome = DeviceOutcome(device.device, device.name, rows, positives)
        try:
            require_trainable(device.samples, what=f"the labelled visits on {device.device}")
            sides = hold_out(device.samples.at_seconds)
            judged = device.samples.take(sides.judge)
            require_judgeable(judged)
            trained = self._fit(device)
        except InputError as error:
            return replace(outcome, refused=error.message)
        failpoint("train.trained")
        artefact = pack(trained.estimator, trained.features)
        comparison = self._compare(device, trained, artefact, judged, device.hit_counts[sides.judge])
        failpoint("train.compared")
        reasons = judge(comparison, trained.card["held_out"]["verdict"])
        judgement = {"comparison": comparison, "gate": {"passed": not reasons, "reasons": list(reasons)}}
        version, is_new = self._register(device, trained, artefact, sides, judgement)
        return replace(
            outcome,
            version=version.version,
            threshold=version.threshold,
            scores=trained.card["scores"],
            comparison=comparison,
            is_better=not reasons,
            reasons=reasons,
            is_new=is_new,
        )

    def _fit(self, device: _Device) -> TrainedModel:
        from include.visits.training.trainer import train_model

        goal = parse_goal(self.order.goal, device=device.device)
        return train_model(device.samples, goal=goal, seed=self.order.seed, progress=self.progress)

    def _compare(
        self,
        device: _Device,
        trained: TrainedModel,
        artefact: bytes,
        judged: Samples,
        hit_counts: NDArray[np.float64],
    ) -> dict[str, Any]:
        """Ask the candidate as it will be loaded, and the version that serves, about the same later visits."""
        self.progress(f"comparing {device.device}", 0, 0)
        estimator, _ = split_payload(unpack(artefact, device.name))
        candidate = LoadedModel(
            device.name, "candidate", digest_of(artefact), trained.threshold, trained.features, estimator
        )
        models = {"candidate": candidate}
        if find_production(self.state, device.name) is not None:
            models["production"] = load_production(self.state, self.models_dir, device.name)
        return compare(
            judged,
            {name: (ask_model(model, judged, hit_counts), model.threshold) for name, model in models.items()},
        )

    def _register(
        self, device: _Device, trained: TrainedModel, artefact: bytes, sides: HeldOut, judgement: dict[str, Any]
    ) -> tuple[ModelVersion, bool]:
        data = {**trained.card["data"], **self.data_card, "held_out_from": _instant(sides.from_seconds)}
        card = {**trained.card, "data": data, "importances": self._importances(device, trained, sides), **judgement}
        plots = self._plots(device, trained, sides)
        manifest = {"origin": "training", **store_card(self.models_dir, card, plots)}
        failpoint("train.card_stored")
        known = {(version.name, version.version) for version in list_versions(self.state)}
        version = register(
            self.state,
            self.models_dir,
            name=device.name,
            artefact=artefact,
            threshold=trained.threshold,
            features=trained.features,
            manifest=manifest,
        )
        failpoint("train.registered")
        return version, (version.name, version.version) not in known

    def _importances(self, device: _Device, trained: TrainedModel, sides: HeldOut) -> list[dict[str, Any]]:
        """What each feature is worth, measured on the held-out visits."""
        from include.visits.training.importances import measure_importances

        self.progress(f"measuring features {device.device}", 0, 0)
        judged = device.samples.take(sides.judge)
        return [asdict(one) for one in measure_importances(trained.estimator, judged, seed=self.order.seed)]

    def _plots(self, device: _Device, trained: TrainedModel, sides: HeldOut) -> dict[str, bytes]:
        """Drawn of the held-out visits, beside a logistic baseline that learnt from the same visits."""
        from include.visits.training.candidates import LOGISTIC, ask, fit_estimator
        from include.visits.training.plots import draw_plots

        self.progress(f"drawing {device.device}", 0, 0)
        learnt, judged = device.samples.take(sides.learn), device.samples.take(sides.judge)
        baseline = fit_estimator(LOGISTIC, learnt.features.to_numpy(), learnt.labels, self.order.seed)
        return draw_plots(
            judged.labels,
            trained.estimator.predict_proba(judged.features)[:, 1],
            ask(baseline, judged.features.to_numpy()),
            threshold=trained.threshold,
            title=f"{device.name}, visits from {_instant(sides.from_seconds)[:16]} UTC",
        )


def _instant(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat()


def _log(report: TrainReport) -> None:
    for outcome in report.devices:
        logger.info(
            "model %s: rows %d, positives %d, version %s, better %s, promoted %s%s",
            outcome.name,
            outcome.rows,
            outcome.positives,
            outcome.version or "none",
            outcome.is_better,
            outcome.is_promoted,
            f", refused: {outcome.refused}" if outcome.refused else "",
        )


def report_as_dict(report: TrainReport) -> dict[str, Any]:
    """A report as JSON holds it.

    Args:
        report: the report.

    Returns:
        Plain values; days and times as text.
    """
    plain: dict[str, Any] = json.loads(json.dumps(asdict(report), default=str))
    return plain
