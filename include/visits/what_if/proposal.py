"""What is proposed: per device another version, another threshold, or both."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import Engine

from include.errors import InputError, ModelError
from include.registry.estimators import LoadedModel
from include.registry.loading import load_version
from include.registry.versions import ModelVersion, find_production, find_version, version_of
from include.visits.deciding.decision import DeviceModels
from include.visits.devices import DEVICE_MODELS, DEVICE_NAMES
from include.visits.models.device_models import columns_of, load_device_models


@dataclass(frozen=True)
class Proposal:
    """What a person wants to try; a name that is absent from both stays as it is in production.

    Attributes:
        versions: registered version by model name, whatever its stage.
        thresholds: threshold (0-1) by model name, instead of the version's own.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ProposedModel:
    """A model of the proposal, named so that it can be put in force later.

    Attributes:
        name: for example ``level4_desktop``.
        version: version that would decide; not registered yet when only the threshold is new.
        base_version: registered version that holds the artefact.
        threshold: its threshold, 0-1.
        replaces: version in production when it was asked; empty for none.
    """

    name: str
    version: str
    base_version: str
    threshold: float
    replaces: str

    @property
    def is_new_threshold(self) -> bool:
        """Whether the version still has to be registered: a known artefact with another threshold."""
        return self.version != self.base_version


@dataclass(frozen=True)
class TrialModels:
    """The models that decide in shadow.

    Attributes:
        by_device: loaded model by device category, those of production included.
        proposed: the models of the proposal.
        production: version by model name of what is in production now.
    """

    by_device: DeviceModels
    proposed: tuple[ProposedModel, ...]
    production: Mapping[str, str]


def parse_proposal(
    versions: Sequence[str], *, desktop_threshold: float | None = None, mobile_threshold: float | None = None
) -> Proposal:
    """Read a proposal as people write it.

    Args:
        versions: ``<model name>=<version>`` each.
        desktop_threshold: threshold for desktops, 0-1; None for the version's own.
        mobile_threshold: threshold for phones, 0-1; None for the version's own.

    Returns:
        The proposal.

    Raises:
        InputError: nothing is proposed, an unknown model name, a name given twice, or a threshold outside 0-1.

    >>> parse_proposal(["level4_desktop=ab12"], mobile_threshold=0.4)
    Proposal(versions={'level4_desktop': 'ab12'}, thresholds={'level4_mobile': 0.4})
    """
    chosen: dict[str, str] = {}
    for given in versions:
        name, _, version = (part.strip() for part in given.partition("="))
        _require_name(name, given)
        if not version or name in chosen:
            raise InputError(
                f"{given!r} does not name one version of {name}; write {name}=VERSION once "
                "('python -m include models list' shows all versions).",
                code="bad_model",
                pointer="/model",
            )
        chosen[name] = version
    named = {"desktop": desktop_threshold, "mobile": mobile_threshold}
    by_name = {name: named[DEVICE_NAMES[device]] for device, name in DEVICE_MODELS.items()}
    thresholds = {name: _checked(value, name) for name, value in by_name.items() if value is not None}
    if not chosen and not thresholds:
        raise InputError(
            "Nothing is proposed; give a version (level4_desktop=VERSION), a desktop threshold or a mobile threshold.",
            code="nothing_proposed",
        )
    return Proposal(chosen, thresholds)


def _require_name(name: str, given: str) -> None:
    if name not in DEVICE_MODELS.values():
        raise InputError(
            f"{given!r} names no model that decides; write one of {', '.join(DEVICE_MODELS.values())} and =VERSION.",
            code="unknown_model",
            pointer="/model",
        )


def _checked(threshold: float, name: str) -> float:
    if not math.isfinite(threshold) or not 0 <= threshold <= 1:
        raise InputError(
            f"The threshold of {name} is {threshold:g}; give a number from 0 to 1.",
            code="out_of_range",
            pointer="/threshold",
        )
    return float(threshold)


def load_trial(state: Engine, models_dir: Path, proposal: Proposal) -> TrialModels:
    """Load the models of a proposal beside those of production; nothing is registered or promoted.

    Args:
        state: the state engine.
        models_dir: folder of the artefacts.
        proposal: what is proposed.

    Returns:
        The models.

    Raises:
        InputError: an unknown version, or a threshold for a device that has no model.
        ModelError: a model cannot be used.
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    by_device = dict(load_device_models(state, models_dir))
    production = {model.name: model.version for model in by_device.values()}
    proposed = []
    for device, name in DEVICE_MODELS.items():
        if name not in proposal.versions and name not in proposal.thresholds:
            continue
        base = _base_version(state, name, proposal.versions.get(name))
        columns_of(base.features, f"{base.name} {base.version}")
        threshold = proposal.thresholds.get(name, base.threshold)
        model = _with_threshold(load_version(models_dir, base), threshold)
        by_device[device] = model
        proposed.append(ProposedModel(name, model.version, base.version, threshold, production.get(name, "")))
    return TrialModels(
        {device: by_device[device] for device in DEVICE_MODELS if device in by_device}, tuple(proposed), production
    )


def _base_version(state: Engine, name: str, version: str | None) -> ModelVersion:
    if version is None:
        found = find_production(state, name)
        if found is None:
            raise InputError(
                f"No version of {name} is in production, so it has no threshold to change; name a version of it too.",
                code="unknown_model",
                pointer="/model",
            )
        return found
    try:
        return find_version(state, name, version)
    except ModelError as error:
        raise InputError(error.message, code="unknown_model", pointer="/model") from None


def _with_threshold(model: LoadedModel, threshold: float) -> LoadedModel:
    """The same artefact with another threshold is another version: the one that registering it would give."""
    if threshold == model.threshold:
        return model
    return replace(model, threshold=threshold, version=version_of(model.sha256, model.features, threshold))
