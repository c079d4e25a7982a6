"""Deriving again: features from stored hits, the decision from them, by the models the day was scored with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine
from threadpoolctl import threadpool_limits

from include.errors import ModelError
from include.provenance.passport.cases import Evidence
from include.provenance.passport.shapes import day_models
from include.registry.artefacts import artefact_path, digest_of
from include.registry.estimators import LoadedModel
from include.registry.loading import load_version
from include.registry.versions import ModelVersion, find_version, version_of
from include.visits.deciding.decision import decide, is_level4, needs_model
from include.visits.deciding.probabilities import matrix_of
from include.visits.devices import DEVICE_MODELS
from include.visits.measuring.features_of_visits import features_of_visits
from include.visits.models.device_models import columns_of
from include.warehouse.client import Warehouse

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

SMALLEST_BLOCK_ROWS = 64  # from some eight rows on, linear algebra answers as for any larger block


@dataclass(frozen=True)
class DayModel:
    """A model the day was scored with, as it is found now.

    Attributes:
        name: its name.
        version: its version, as the day's manifest says.
        sha256: digest of its artefact, as the day's manifest says.
        found_sha256: digest of the file that lies there; None when there is none.
        threshold: the threshold its version was made of; None when neither manifest nor registry holds it.
        registered: its row of the registry; None when it is gone.
        loaded: the model itself; None when it cannot be opened.
        trouble: why it cannot be opened, or an empty text.
    """

    name: str
    version: str
    sha256: str
    found_sha256: str | None
    threshold: float | None
    registered: ModelVersion | None
    loaded: LoadedModel | None
    trouble: str = ""


@dataclass(frozen=True)
class DerivedVisit:
    """A visit measured and decided again.

    Attributes:
        features: columns of ``visit_features``; None when its rows are not stored any more.
        reason: the decision; None when it cannot be made.
        probability: what the model answers; None when none is asked or it cannot be opened.
        model: the model that has to decide it; None when none has to.
    """

    features: Mapping[str, Any] | None = None
    reason: str | None = None
    probability: float | None = None
    model: DayModel | None = None

    @property
    def is_level4(self) -> bool | None:
        """Whether it is level 4+; None when that cannot be said."""
        return None if self.reason is None else is_level4(self.reason)


@dataclass(frozen=True)
class DayModels:
    """Every model of a day.

    Attributes:
        by_device: by device category.
    """

    by_device: Mapping[str, DayModel] = field(default_factory=dict)

    @property
    def loaded(self) -> dict[str, LoadedModel]:
        """Those that can be asked."""
        return {device: one.loaded for device, one in self.by_device.items() if one.loaded is not None}


def derive_visits(
    warehouse: Warehouse, state: Engine, evidences: Sequence[Evidence], models_dir: Path
) -> dict[int, DerivedVisit]:
    """Measure and decide the visits of some evidence of one counter-day again.

    Args:
        warehouse: the warehouse.
        state: the state engine.
        evidences: at least one, all of the same counter and day.
        models_dir: folder of model artefacts.

    Returns:
        By visit id; a visit that is not stored any more is absent.

    Raises:
        StoreUnavailable: a store cannot be reached.
    """
    case = evidences[0].case
    clients = {one.case.visit_id: one.visit["client_id"] for one in evidences if one.visit is not None}
    features = features_of_visits(warehouse, case.counter_id, case.day, clients)
    if not features:
        return {}
    models = open_day_models(state, models_dir, evidences[0])
    stored = {one.case.visit_id: one.score["score"] for one in evidences if one.score is not None}
    # Threads that wait for one another by spinning make a few rows take seconds on a busy machine.
    with threadpool_limits(limits=1, user_api="openmp"):
        return _decided(list(features.values()), models, stored)


def open_day_models(state: Engine, models_dir: Path, evidence: Evidence) -> DayModels:
    """Open the models a day was scored with, each by the digest in the day's manifest.

    Args:
        state: the state engine.
        models_dir: folder of model artefacts.
        evidence: any evidence of the day.

    Returns:
        The models; what is wrong with one is told by its fields.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    used = day_models(evidence)
    return DayModels(
        {device: _open(state, models_dir, name, used[name]) for device, name in DEVICE_MODELS.items() if name in used}
    )


def _open(state: Engine, models_dir: Path, name: str, used: Mapping[str, Any]) -> DayModel:
    version, sha256 = str(used["version"]), str(used["sha256"])
    model = DayModel(name, version, sha256, _digest(models_dir, sha256), None, None, None)
    try:
        registered = find_version(state, name, version)
    except ModelError as error:
        return replace(model, trouble=error.message)
    threshold = _true_threshold(version, sha256, registered, (used["threshold"], registered.threshold))
    model = replace(model, registered=registered, threshold=threshold)
    if threshold is None:
        return replace(model, trouble=f"Neither manifest nor registry holds the threshold of {name} {version}.")
    try:
        return replace(model, loaded=load_version(models_dir, replace(registered, sha256=sha256, threshold=threshold)))
    except ModelError as error:
        return replace(model, trouble=error.message)


def _true_threshold(version: str, sha256: str, registered: ModelVersion, candidates: Iterable[float]) -> float | None:
    """A version's name is made of its threshold, so that the name tells which one is right."""
    return next((one for one in candidates if version_of(sha256, registered.features, one) == version), None)


def _digest(models_dir: Path, sha256: str) -> str | None:
    try:
        return digest_of(artefact_path(models_dir, sha256).read_bytes())
    except OSError:
        return None


def _decided(
    rows: Sequence[Mapping[str, Any]], models: DayModels, stored: Mapping[int, float | None]
) -> dict[int, DerivedVisit]:
    import pandas as pd

    frame = pd.DataFrame(list(rows))
    reasons, probabilities = _ask(frame, models, [stored.get(row["visit_id"]) for row in rows])
    found: dict[int, DerivedVisit] = {}
    for row, reason, probability in zip(rows, reasons, probabilities, strict=True):
        model = models.by_device.get(row["device_category"]) if probability is not None or reason is None else None
        found[row["visit_id"]] = DerivedVisit(row, reason, probability, model)
    return found


def _ask(
    frame: pd.DataFrame, models: DayModels, stored: Sequence[float | None]
) -> tuple[list[str | None], list[float | None]]:
    """Reason and probability of each row; no reason where its model cannot be opened."""
    answers: dict[str, NDArray[np.float64]] = {}
    probabilities: list[float | None] = [None] * len(frame)
    unknown: set[int] = set()
    for device, model in models.by_device.items():
        chosen = needs_model(frame, device).nonzero()[0].tolist()
        answer = _answers(model, frame.iloc[chosen], [stored[place] for place in chosen])
        if answer is None:
            unknown.update(chosen)
            continue
        answers[device] = answer
        for place, probability in zip(chosen, answer.tolist(), strict=True):
            probabilities[place] = probability
    usable = {device: model for device, model in models.loaded.items() if device in answers}
    reasons = decide(frame, answers, usable).tolist()
    return [None if place in unknown else reason for place, reason in enumerate(reasons)], probabilities


def _answers(model: DayModel, rows: pd.DataFrame, stored: Sequence[float | None]) -> NDArray[np.float64] | None:
    """Ask as scoring does: in a block.

    Linear estimators answer one row alone by another routine than a block, which may differ in the last bit; so a
    few rows are repeated to a block. A row that scoring had to ask about alone is asked about alone as well.
    """
    import numpy as np

    if model.loaded is None:
        return None
    if not len(rows):
        return np.empty(0)
    try:
        matrix = matrix_of(rows, columns_of(model.loaded.features, model.loaded.label))
        repeats = -(-SMALLEST_BLOCK_ROWS // len(matrix))
        answer = model.loaded.probabilities(np.tile(matrix, (repeats, 1)))[: len(matrix)]
        for place in [place for place, score in enumerate(stored) if score != answer[place]]:
            alone = model.loaded.probabilities(matrix[place : place + 1])[0]
            answer[place] = alone if alone == stored[place] else answer[place]
    except ModelError:
        return None
    return answer
