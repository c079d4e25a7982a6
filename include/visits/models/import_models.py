"""Importing a folder of models: ``level4_<device>_slot*.joblib`` and ``level4_thresholds.json``."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from include.errors import ModelError
from include.registry.artefacts import digest_of, unpack
from include.registry.estimators import require_usable, split_payload
from include.registry.promotions import IMPORT, promote
from include.registry.versions import ModelVersion, register, require_threshold
from include.visits.devices import DEVICE_MODELS, DEVICE_NAMES
from include.visits.models.device_models import columns_of

logger = logging.getLogger(__name__)

THRESHOLDS_FILE = "level4_thresholds.json"
DEFAULT_THRESHOLDS = {"desktop": 0.48, "mobile": 0.36}


@dataclass(frozen=True)
class _Found:
    name: str
    path: Path
    data: bytes
    features: tuple[str, ...]
    threshold: float


def import_models(engine: Engine, models_dir: Path, folder: Path) -> list[ModelVersion]:
    """Register the models of a folder and put the last of each device into production.

    Opening a model file runs code from it: import only files you trust. All files are checked before
    the first is registered.

    Args:
        engine: the state engine.
        models_dir: folder of the registry's artefacts.
        folder: holds ``level4_desktop_slot*.joblib`` and or ``level4_mobile_slot*.joblib``, and
            optionally ``level4_thresholds.json``; of several files for a device the last name in
            natural order (slot10 after slot9) serves.

    Returns:
        The registered versions; those in production say so.

    Raises:
        ModelError: no model in the folder, or a file that cannot be used.
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    thresholds = read_thresholds(folder / THRESHOLDS_FILE)
    found = [
        _check(name, path, thresholds[DEVICE_NAMES[device]])
        for device, name in DEVICE_MODELS.items()
        for path in sorted(folder.glob(f"{name}_slot*.joblib"), key=_natural)
    ]
    if not found:
        raise ModelError(
            f"No model found in {folder}; it must hold level4_desktop_slot*.joblib or level4_mobile_slot*.joblib."
        )
    versions = {}
    for model in found:
        versions[model.path] = register(
            engine,
            models_dir,
            name=model.name,
            artefact=model.data,
            threshold=model.threshold,
            features=model.features,
            manifest={"origin": "import", "file": model.path.name},
        )
    for model in {model.name: model for model in found}.values():
        versions[model.path] = promote(engine, model.name, versions[model.path].version, cause=IMPORT)
    logger.info("models imported %d from %s", len(versions), folder)
    return list(versions.values())


def read_thresholds(path: Path) -> dict[str, float]:
    """Read a threshold file.

    Args:
        path: JSON object with ``desktop`` and or ``mobile``; may be absent.

    Returns:
        Threshold by device, defaults (0.48 and 0.36) where none is given.

    Raises:
        ModelError: not JSON, an unknown device, or a value outside 0-1.
    """
    if not path.exists():
        return dict(DEFAULT_THRESHOLDS)
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({type(error).__name__}); it must be a JSON object.") from None
    if not isinstance(given, dict) or set(given) - set(DEFAULT_THRESHOLDS):
        raise ModelError(f'{path} must look like {{"desktop": 0.48, "mobile": 0.36}}.')
    return {
        device: require_threshold(given.get(device, default), f"{device} in {path}")
        for device, default in DEFAULT_THRESHOLDS.items()
    }


def _check(name: str, path: Path, threshold: float) -> _Found:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}).") from None
    logger.info("opening %s, sha256 %s", path, digest_of(data))
    estimator, listed = split_payload(unpack(data, path.name))
    features = require_usable(estimator, listed, path.name)
    columns_of(features, path.name)
    return _Found(name, path, data, features, threshold)


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort key with numbers by value: slot9 before slot10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path.stem)]
