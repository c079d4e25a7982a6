"""Versions of models: registering and finding them; :mod:`include.registry.promotions` says which one serves."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.postgresql import insert

from include.days import utc_now
from include.errors import ModelError
from include.failpoints import failpoint
from include.registry.artefacts import pack, publish, unpack
from include.registry.estimators import require_usable, split_payload
from include.state.engine import reachable
from include.state.tables import models

logger = logging.getLogger(__name__)

CANDIDATE, PRODUCTION, ARCHIVED = "candidate", "production", "archived"
VERSION_DIGITS = 12  # hex digits; enough to name versions, short enough to read


@dataclass(frozen=True)
class ModelVersion:
    """One row of the registry.

    Attributes:
        name: for example ``level4_desktop``.
        version: its version, 12 hex digits.
        sha256: digest of its artefact.
        size_bytes: size of its artefact.
        features: names of the input columns, in order.
        threshold: a probability must be above it, 0-1.
        stage: candidate, production or archived.
        manifest: training range, metrics, origin.
        registered_at: when it was first registered, UTC.
        promoted_at: when it last went into production, UTC.
    """

    name: str
    version: str
    sha256: str
    size_bytes: int
    features: tuple[str, ...]
    threshold: float
    stage: str
    registered_at: dt.datetime
    promoted_at: dt.datetime | None = None
    manifest: Mapping[str, Any] = field(default_factory=dict)


def register(
    engine: Engine,
    models_dir: Path,
    *,
    name: str,
    artefact: bytes | Any,
    threshold: float,
    features: Sequence[str] | None = None,
    manifest: Mapping[str, Any] | None = None,
) -> ModelVersion:
    """Check a model and add it as a candidate; the file first, then the row.

    A crash in between leaves a file that no row names: harmless, and the next try uses it.

    Args:
        engine: the state engine.
        models_dir: folder of the artefacts.
        name: the model's name.
        artefact: the bytes of a joblib file, or a fitted estimator.
        threshold: a probability must be above it, 0-1.
        features: input columns in order; None to take the artefact's own list.
        manifest: training range, metrics, origin.

    Returns:
        The version; the existing one when the same model was registered before.

    Raises:
        ModelError: the model cannot be used as it is.
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    require_threshold(threshold, name)
    given = None if features is None else tuple(features)
    if isinstance(artefact, bytes):
        estimator, listed = split_payload(unpack(artefact, name))
        checked = require_usable(estimator, given or listed, name)
        data = artefact
    else:
        checked = require_usable(artefact, given, name)
        data = pack(artefact, checked)
    sha256 = publish(models_dir, data)
    version = version_of(sha256, checked, threshold)
    values = {
        "name": name,
        "version": version,
        "sha256": sha256,
        "size_bytes": len(data),
        "features": list(checked),
        "threshold": threshold,
        "stage": CANDIDATE,
        "manifest": dict(manifest or {}),
        "registered_at": utc_now(),
    }
    with reachable(engine), engine.begin() as connection:
        connection.execute(insert(models).values(values).on_conflict_do_nothing())
        stored = find_row(connection, name, version)
    failpoint("registry.row_written")
    logger.info("model %s %s registered, %d features, %d bytes", name, stored.version, len(checked), len(data))
    return stored


def version_of(sha256: str, features: Sequence[str], threshold: float) -> str:
    """Version of a model: the same artefact with another threshold or list is another version.

    Args:
        sha256: digest of the artefact.
        features: input columns in order.
        threshold: its threshold.

    Returns:
        12 hex digits.
    """
    text_ = json.dumps([sha256, list(features), threshold])
    return hashlib.sha256(text_.encode()).hexdigest()[:VERSION_DIGITS]


def require_threshold(threshold: object, name: str) -> float:
    """Check a threshold.

    Args:
        threshold: the value as given.
        name: the model in messages.

    Returns:
        The threshold.

    Raises:
        ModelError: not a number from 0 to 1.
    """
    if isinstance(threshold, bool) or not isinstance(threshold, int | float):
        raise ModelError(f"The threshold of {name} is {threshold!r}; give a number from 0 to 1.")
    if not math.isfinite(threshold) or not 0 <= threshold <= 1:
        raise ModelError(f"The threshold of {name} is {threshold}; give a number from 0 to 1.")
    return float(threshold)


def list_versions(engine: Engine) -> list[ModelVersion]:
    """Every registered version.

    Args:
        engine: the state engine.

    Returns:
        Versions ordered by name, newest registration first.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    query = select(models).order_by(models.c.name, models.c.registered_at.desc(), models.c.version)
    with reachable(engine), engine.connect() as connection:
        return [_version(dict(row)) for row in connection.execute(query).mappings()]


def find_version(engine: Engine, name: str, version: str) -> ModelVersion:
    """A registered version, whatever its stage.

    Args:
        engine: the state engine.
        name: the model's name.
        version: its version.

    Returns:
        The version.

    Raises:
        ModelError: no such version.
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    with reachable(engine), engine.connect() as connection:
        return find_row(connection, name, version)


def find_production(engine: Engine, name: str) -> ModelVersion | None:
    """The version in production.

    Args:
        engine: the state engine.
        name: the model's name.

    Returns:
        The version, or None when the name has none in production.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    query = select(models).where(models.c.name == name, models.c.stage == PRODUCTION)
    with reachable(engine), engine.connect() as connection:
        row = connection.execute(query).mappings().first()
    return None if row is None else _version(dict(row))


def find_row(connection: Connection, name: str, version: str) -> ModelVersion:
    """A registered version, read inside a transaction.

    Args:
        connection: of the state engine.
        name: the model's name.
        version: its version.

    Returns:
        The version.

    Raises:
        ModelError: no such version.
    """
    query = select(models).where(models.c.name == name, models.c.version == version)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise ModelError(
            f"Version {version!r} of model {name!r} is not registered; 'python -m include models list' shows all."
        )
    return _version(dict(row))


def _version(row: Mapping[str, Any]) -> ModelVersion:
    return ModelVersion(**{**row, "features": tuple(row["features"])})
