"""The models a day was scored with, as they are found today: registry row, artefact, and what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from include.errors import ModelError
from include.registry.artefacts import artefact_path, digest_of
from include.registry.estimators import LoadedModel
from include.registry.loading import load_version
from include.registry.versions import ModelVersion, find_version
from include.state.manifest import StageRecord
from include.visits.devices import DEVICE_MODELS

REGISTRY = "models"
COMPARED = ("sha256", "threshold", "features")


@dataclass(frozen=True)
class ModelFault:
    """One way in which a model is no longer the one that scored the day.

    Attributes:
        place: ``models`` (the registry's table) or the artefact's path.
        label: name and version.
        column: what differs.
        stored: as it is now.
        derived: as the day's record has it.
    """

    place: str
    label: str
    column: str
    stored: str
    derived: str


@dataclass(frozen=True)
class ScoredModels:
    """The models of a scored day.

    Attributes:
        models: model by device category, with the threshold of that day.
        silent: device categories whose artefact cannot be asked any more.
        faults: what differs from the day's record.
    """

    models: Mapping[str, LoadedModel]
    silent: tuple[str, ...]
    faults: tuple[ModelFault, ...]


def find_scored_models(state: Engine, models_dir: Path, record: StageRecord) -> ScoredModels:
    """Find the models of a scored day again.

    Args:
        state: the state engine.
        models_dir: folder of model artefacts.
        record: the day's record of scores.

    Returns:
        The models and their faults.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    models, silent, faults = {}, [], list[ModelFault]()
    for device, name in DEVICE_MODELS.items():
        known = record.details["models"].get(name)
        if known is None:
            continue
        version, found = _sealed_version(state, record, name, known)
        faults += found
        try:
            models[device] = load_version(models_dir, version)
        except ModelError as error:
            silent.append(device)
            faults.append(_artefact_fault(models_dir, version, error))
            models[device] = LoadedModel(
                name, version.version, version.sha256, version.threshold, version.features, estimator=None
            )
    return ScoredModels(models, tuple(silent), tuple(faults))


def _sealed_version(
    state: Engine, record: StageRecord, name: str, known: Mapping[str, Any]
) -> tuple[ModelVersion, list[ModelFault]]:
    """The version with the values of the day's record, and where the registry says otherwise."""
    label = f"{name} {known['version']}"
    sealed = {column: known[column] for column in COMPARED if column in known}
    if "features" in sealed:
        sealed["features"] = tuple(sealed["features"])
    try:
        row = find_version(state, name, known["version"])
    except ModelError:
        features = sealed.get("features", ())
        gone = ModelVersion(
            name, known["version"], sealed["sha256"], 0, features, sealed["threshold"], "", record.finished_at
        )
        return gone, [ModelFault(REGISTRY, label, "", "no row", "one row")]
    faults = [
        ModelFault(REGISTRY, label, column, str(getattr(row, column)), str(value))
        for column, value in sealed.items()
        if getattr(row, column) != value
    ]
    return replace(row, **sealed), faults


def _artefact_fault(models_dir: Path, version: ModelVersion, error: ModelError) -> ModelFault:
    path, label = artefact_path(models_dir, version.sha256), f"{version.name} {version.version}"
    try:
        digest = digest_of(path.read_bytes())
    except OSError:
        return ModelFault(str(path), label, "", "no file", version.sha256)
    if digest != version.sha256:
        return ModelFault(str(path), label, "sha256", digest, version.sha256)
    return ModelFault(str(path), label, "", error.message, "a model that can be asked")
