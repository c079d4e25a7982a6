"""The models of the two device kinds, and where their features come from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine

from include.errors import ModelError
from include.registry.estimators import LoadedModel
from include.registry.loading import load_version
from include.registry.versions import find_production
from include.visits.devices import DEVICE_MODELS

# The one place that knows what a model's feature is called in our tables. Left: names of models
# trained on raw Metrika logs; every column also answers to its own name.
_DELIVERED_NAMES = {
    "median_pause": "median_pause_seconds",
    "mean_pause": "mean_pause_seconds",
    "std_pause": "std_pause_seconds",
    "duration": "duration_seconds",
    "visitDuration": "duration_seconds",
    "pageViews": "page_views",
    "bounce": "is_bounce",
}
_OWN_NAMES = (
    "slots",
    "slot_range",
    "slot_density",
    "median_pause_seconds",
    "mean_pause_seconds",
    "std_pause_seconds",
    "duration_seconds",
    "page_views",
    "is_bounce",
    "hit_count",
)
FEATURE_COLUMNS = {**{name: name for name in _OWN_NAMES}, **_DELIVERED_NAMES}


def columns_of(features: Sequence[str], label: str) -> tuple[str, ...]:
    """Columns of ``visit_features`` behind a model's feature list.

    Args:
        features: feature names, in the order the model wants.
        label: the model in messages.

    Returns:
        Column names in the same order.

    Raises:
        ModelError: a feature is none of ours.

    >>> columns_of(["slots", "visitDuration"], "m")
    ('slots', 'duration_seconds')
    """
    unknown = [name for name in features if name not in FEATURE_COLUMNS]
    if unknown:
        raise ModelError(
            f"Model {label} wants {', '.join(unknown)}, which visits do not have; train it on "
            f"{', '.join(sorted(FEATURE_COLUMNS))}."
        )
    return tuple(FEATURE_COLUMNS[name] for name in features)


def load_device_models(engine: Engine, models_dir: Path) -> dict[str, LoadedModel]:
    """Load the models in production; all of them are checked before anything is scored.

    Args:
        engine: the state engine.
        models_dir: folder of the artefacts.

    Returns:
        Model by device category; a device whose model name has nothing in production is absent.

    Raises:
        ModelError: a model in production cannot be used.
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    models = {}
    for device, name in DEVICE_MODELS.items():
        version = find_production(engine, name)
        if version is not None:
            columns_of(version.features, f"{version.name} {version.version}")
            models[device] = load_version(models_dir, version)
    return models
