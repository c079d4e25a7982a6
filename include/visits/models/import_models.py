"""Importing models made elsewhere: a folder of ``level4_<device>_slot*.joblib``, or a single file."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from include.errors import InputError, ModelError
from include.registry.artefacts import unpack
from include.registry.estimators import LoadedModel, require_usable, split_payload
from include.registry.promotions import IMPORT, promote
from include.registry.versions import ModelVersion, register, require_threshold
from include.visits.devices import DEVICE_MODELS, DEVICE_NAMES
from include.visits.models.device_models import columns_of
from include.visits.models.model_files import ModelFile, Trust, read_model_files

logger = logging.getLogger(__name__)

THRESHOLDS_FILE = "level4_thresholds.json"
DEFAULT_THRESHOLDS = {"desktop": 0.48, "mobile": 0.36}
DEVICE_OF_NAME = {name: DEVICE_NAMES[device] for device, name in DEVICE_MODELS.items()}


@dataclass(frozen=True)
class ImportOrder:
    """What is to be brought in.

    Attributes:
        path: a folder, or one file.
        trust: files that may be opened without standing in a list beside them.
        name: for one file: ``level4_desktop`` or ``level4_mobile``; None to tell by its file name.
        threshold: for one file: its threshold, 0-1; None for that of the folder's lists.
        features: for one file: its input columns in order; None for its own list.
        is_promoted: the last file of each device serves from then on; False registers candidates only.
        run_id: run or command that asks.
    """

    path: Path
    trust: Trust = field(default_factory=Trust)
    name: str | None = None
    threshold: float | None = None
    features: tuple[str, ...] | None = None
    is_promoted: bool = True
    run_id: str = ""


@dataclass(frozen=True)
class _Checked:
    name: str
    file: ModelFile
    features: tuple[str, ...]
    threshold: float


def import_models(engine: Engine, models_dir: Path, order: ImportOrder) -> list[ModelVersion]:
    """Register models and, unless told otherwise, put the last of each device into production.

    No file is opened before its digest stands in a list beside it or is confirmed; all are checked before the
    first is registered.

    Args:
        engine: the state engine.
        models_dir: folder of the registry's artefacts.
        order: what is to be brought in. A folder holds ``level4_desktop_slot*.joblib`` and or
            ``level4_mobile_slot*.joblib``, and optionally ``level4_thresholds.json``; of several files for a
            device the last name in natural order (slot10 after slot9) serves.

    Returns:
        The registered versions; those in production say so.

    Raises:
        InputError: options that do not go together.
        ModelError: no model there, a digest nobody vouches for, or a file that cannot be used.
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    places = _places(order)
    thresholds = read_thresholds(places[0][1].parent / THRESHOLDS_FILE)
    files = read_model_files([path for _, path in places], order.trust)
    found = [
        _check(name, file, order, thresholds[DEVICE_OF_NAME[name]])
        for (name, _), file in zip(places, files, strict=True)
    ]
    versions = {}
    for model in found:
        versions[model.file.path] = register(
            engine,
            models_dir,
            name=model.name,
            artefact=model.file.data,
            threshold=model.threshold,
            features=model.features,
            manifest=_manifest(model.file),
        )
    for model in {model.name: model for model in found}.values() if order.is_promoted else ():
        versions[model.file.path] = promote(
            engine, model.name, versions[model.file.path].version, cause=IMPORT, run_id=order.run_id
        )
    logger.info("models imported %d from %s", len(versions), order.path)
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


def read_features(path: Path) -> tuple[str, ...]:
    """Read a feature list.

    Args:
        path: a JSON list of names, or one name per line.

    Returns:
        Names in order.

    Raises:
        ModelError: the file cannot be read, or lists nothing.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        given = json.loads(text) if text.lstrip().startswith("[") else text.split("\n")
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({type(error).__name__}); write one feature name per line.") from None
    if not all(isinstance(name, str) for name in given) or not any(name.strip() for name in given):
        raise ModelError(f"{path} lists no features; write one feature name per line, in the model's order.")
    return tuple(name.strip() for name in given if name.strip())


def _places(order: ImportOrder) -> list[tuple[str, Path]]:
    """The files of an order with the name of each."""
    if not order.path.is_dir():
        if not order.path.is_file():
            raise ModelError(f"There is no {order.path}; name a folder with models, or one model file.")
        return [(order.name or _name_of(order.path), order.path)]
    if order.name or order.features or order.threshold is not None:
        raise InputError(
            f"{order.path} is a folder; --name, --threshold and --features are for a single file.",
            code="not_for_a_folder",
            pointer="--name",
        )
    found = [
        (name, path)
        for name in DEVICE_OF_NAME
        for path in sorted(order.path.glob(f"{name}_slot*.joblib"), key=_natural)
    ]
    if not found:
        raise ModelError(
            f"No model found in {order.path}; it must hold level4_desktop_slot*.joblib or level4_mobile_slot*.joblib."
        )
    return found


def _name_of(path: Path) -> str:
    for name in DEVICE_OF_NAME:
        if path.name.startswith(name):
            return name
    raise InputError(
        f"{path.name} does not say which model it is; add --name with {' or '.join(DEVICE_OF_NAME)}.",
        code="name_missing",
        pointer="--name",
    )


def _check(name: str, file: ModelFile, order: ImportOrder, device_threshold: float) -> _Checked:
    """Open a file and try it; called only with files that somebody vouches for."""
    label = file.path.name
    estimator, listed = split_payload(unpack(file.data, label))
    features = require_usable(estimator, _agreed(file, order, listed), label)
    columns_of(features, label)
    noted = file.notes.threshold if file.notes else None
    chosen = next(value for value in (order.threshold, noted, device_threshold) if value is not None)
    threshold = require_threshold(chosen, label)
    _try_out(LoadedModel(name, label, file.sha256, threshold, features, estimator))
    return _Checked(name, file, features, threshold)


def _agreed(file: ModelFile, order: ImportOrder, listed: Sequence[str] | None) -> tuple[str, ...] | None:
    """The feature list of a file, from wherever it is given; two that differ are refused."""
    noted = file.notes.features if file.notes else None
    given = {"--features": order.features, "manifest.json": noted, "the file itself": listed}
    lists = {place: tuple(features) for place, features in given.items() if features}
    if len(set(lists.values())) > 1:
        told = "; ".join(f"{place}: {', '.join(features)}" for place, features in lists.items())
        raise ModelError(
            f"The feature lists of {file.path.name} differ ({told}); keep the one it was fitted on, in its order."
        )
    return next(iter(lists.values()), None)


def _try_out(model: LoadedModel) -> None:
    """Ask once, so that an estimator that was never fitted or knows three classes is found out here."""
    import numpy as np

    model.probabilities(np.array([[0.0], [1.0]]) * np.ones(len(model.features)))


def _manifest(file: ModelFile) -> dict[str, Any]:
    noted = file.notes.model_dump(mode="json", include={"trained_from", "trained_to"}) if file.notes else {}
    found = {"origin": "import", "file": file.path.name, "vouched_by": file.vouched_by, **noted}
    return {name: value for name, value in found.items() if value is not None}


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort key with numbers by value: slot9 before slot10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path.stem)]
