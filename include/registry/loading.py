"""Loading a registered model: the digest first, then the file, then the checks."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from include.errors import ModelError
from include.registry.artefacts import read_verified, unpack
from include.registry.estimators import LoadedModel, require_usable, split_payload
from include.registry.versions import ModelVersion, find_production


def load_version(models_dir: Path, version: ModelVersion) -> LoadedModel:
    """Open the artefact of a version, its digest checked first.

    Args:
        models_dir: folder of the artefacts.
        version: the registered version.

    Returns:
        The model, ready to be asked.

    Raises:
        ModelError: the file is absent, swapped or damaged, or does not fit its row.
    """
    label = f"{version.name} {version.version}"
    data = read_verified(models_dir, version.sha256, label)
    estimator, _ = split_payload(unpack(data, label))
    features = require_usable(estimator, version.features, label)
    return LoadedModel(version.name, version.version, version.sha256, version.threshold, features, estimator)


def load_production(engine: Engine, models_dir: Path, name: str) -> LoadedModel:
    """Load the version in production.

    Args:
        engine: the state engine.
        models_dir: folder of the artefacts.
        name: the model's name.

    Returns:
        The model, ready to be asked.

    Raises:
        ModelError: no version is in production, or its artefact cannot be used.
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    version = find_production(engine, name)
    if version is None:
        raise ModelError(
            f"No version of {name} is in production; 'python -m include visits import-model FOLDER' brings one in."
        )
    return load_version(models_dir, version)
