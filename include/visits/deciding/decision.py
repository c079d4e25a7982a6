"""The order in which a visit is decided: rule, hits, device, model.

Two writings of one rule: ``decision.sql`` decides whole days where they lie, :func:`decide` decides
blocks in memory. :mod:`include.visits.scoring.recheck` holds them against each other on stored days.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.visits.devices import DESKTOP, DEVICE_MODELS, MOBILE
from include.visits.measuring.rule import passes_rule, rule_parameters

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from include.registry.estimators import LoadedModel

RULE, MODEL = "rule", "model"
NO_HITS, BELOW_THRESHOLD = "no_hits", "below_threshold"
DEVICE_NOT_MODELLED, NO_MODEL = "device_not_modelled", "no_model"
REASONS = (RULE, MODEL, NO_HITS, BELOW_THRESHOLD, DEVICE_NOT_MODELLED, NO_MODEL)

DeviceModels = Mapping[str, "LoadedModel"]
"""Loaded model by device category; a device without one is absent."""


@cache
def decision_sql() -> str:
    """The query that decides a day.

    Returns:
        A SELECT with the columns of ``visit_scores`` in order; ``{features}`` and ``{probabilities}``
        stand for quoted table names, values come from :func:`decision_parameters`.
    """
    return (Path(__file__).parent / "decision.sql").read_text(encoding="utf-8")


def decision_parameters(models: DeviceModels) -> dict[str, Any]:
    """Values of the decision: borders of the rule, models and thresholds.

    Args:
        models: loaded model by device category.

    Returns:
        Parameters by name.
    """
    desktop, mobile = models.get(DESKTOP), models.get(MOBILE)
    return {
        **rule_parameters(),
        "desktop": DESKTOP,
        "mobile": MOBILE,
        "desktop_name": desktop.name if desktop else "",
        "mobile_name": mobile.name if mobile else "",
        "desktop_version": desktop.version if desktop else "",
        "mobile_version": mobile.version if mobile else "",
        "desktop_threshold": desktop.threshold if desktop else None,
        "mobile_threshold": mobile.threshold if mobile else None,
    }


def needs_model(features: pd.DataFrame, device: str) -> NDArray[np.bool_]:
    """Which visits only a model can decide.

    Args:
        features: columns of ``visit_features``.
        device: device category of the model.

    Returns:
        Shape (n,), True where the rule is false, there are hits, and the device is this one.
    """
    by_rule = passes_rule(features["duration_seconds"], features["page_views"], features["slots"])
    is_device = features["device_category"].to_numpy() == device
    chosen: NDArray[np.bool_] = ~by_rule & (features["hit_count"].to_numpy() > 0) & is_device
    return chosen


def decide(
    features: pd.DataFrame, probabilities: Mapping[str, NDArray[np.float64]], models: DeviceModels
) -> NDArray[np.object_]:
    """Decide a block of visits.

    Args:
        features: columns of ``visit_features``, n rows.
        probabilities: by device category, float64, one for each visit of :func:`needs_model`, in row order.
        models: loaded model by device category.

    Returns:
        Shape (n,), the reason of each visit; level 4+ are those with ``rule`` or ``model``.

    Source:
        Visit scoring, docs/metrics/slots.md.
    """
    import numpy as np

    by_rule = passes_rule(features["duration_seconds"], features["page_views"], features["slots"])
    reasons = np.full(len(features), DEVICE_NOT_MODELLED, dtype=object)
    for device in DEVICE_MODELS:
        chosen = needs_model(features, device)
        reasons[chosen] = NO_MODEL
        if device in models:
            above = probabilities[device] > models[device].threshold
            reasons[chosen] = np.where(above, MODEL, BELOW_THRESHOLD)
    reasons[~by_rule & (features["hit_count"].to_numpy() == 0)] = NO_HITS
    reasons[by_rule] = RULE
    return reasons


def is_level4(reason: str) -> bool:
    """Whether a reason means level 4 or higher.

    Args:
        reason: one of ``REASONS``.

    Returns:
        True for ``rule`` and ``model``.
    """
    return reason in (RULE, MODEL)
