"""What the ``score`` and ``models`` commands do, without the command line around it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from include.days import parse_day
from include.errors import ConfigError
from include.progress import Progress, no_progress
from include.registry.versions import ModelVersion, list_versions, promote
from include.settings import Settings
from include.visits.import_models import import_models
from include.visits.score_day import ScoreReport, score_day
from include.warehouse.client import Warehouse

SUMMED = ("scored", "level4", "by_rule", "by_model")


def score_command(
    warehouse: Warehouse,
    state: Engine,
    settings: Settings,
    *,
    date: str,
    counter_id: int | None = None,
    progress: Progress = no_progress,
) -> list[ScoreReport]:
    """Score one day of one counter, or of every counter of the settings.

    Args:
        warehouse: the warehouse.
        state: the state engine.
        settings: for the folders and the counters.
        date: ``YYYY-MM-DD``.
        counter_id: one counter; None for all of the settings.
        progress: told after each step.

    Returns:
        One report per counter.

    Raises:
        ConfigError: no counter is named.
        InputError: the date is malformed, or the day is not loaded.
        ModelError: a model in production cannot be used.
    """
    day = parse_day(date)
    counter_ids = settings.metrika.counter_ids if counter_id is None else (counter_id,)
    if not counter_ids:
        raise ConfigError("No counter is named; set METRIKA_COUNTER or give --counter.")
    return [
        score_day(
            warehouse,
            state,
            counter_id=counter,
            day=day,
            exports_dir=settings.exports_dir,
            models_dir=settings.models_dir,
            run_id=f"command{uuid.uuid4().hex[:12]}",
            progress=progress,
        )
        for counter in counter_ids
    ]


def score_summary(reports: Sequence[ScoreReport]) -> dict[str, Any]:
    """The ``--json`` line of ``score``.

    Args:
        reports: one per counter, at least one.

    Returns:
        ``scored level4 by_rule by_model`` summed, ``path`` (a list when there are several counters),
        ``unchanged``, and ``counters`` with every report.
    """
    paths = [report.path for report in reports]
    return {
        **{name: sum(getattr(report, name) for report in reports) for name in SUMMED},
        "path": paths[0] if len(paths) == 1 else paths,
        "unchanged": all(report.unchanged for report in reports),
        "counters": [{**asdict(report), "day": report.day.isoformat()} for report in reports],
    }


def import_models_command(state: Engine, settings: Settings, folder: Path) -> list[dict[str, Any]]:
    """Import a folder of models.

    Args:
        state: the state engine.
        settings: for the models folder.
        folder: holds the model files and optionally ``level4_thresholds.json``.

    Returns:
        A line per registered version, as :func:`list_models_command`.

    Raises:
        ModelError: a file cannot be used; nothing is registered then.
    """
    return [_line(version) for version in import_models(state, settings.models_dir, folder)]


def list_models_command(state: Engine) -> list[dict[str, Any]]:
    """List the registered models.

    Args:
        state: the state engine.

    Returns:
        ``name version stage threshold features sha256 registered_at`` of each version.
    """
    return [_line(version) for version in list_versions(state)]


def promote_model_command(state: Engine, name: str, version: str) -> dict[str, Any]:
    """Put a version into production.

    Args:
        state: the state engine.
        name: the model's name.
        version: a registered version.

    Returns:
        Its line, as :func:`list_models_command`.

    Raises:
        ModelError: no such version.
    """
    return _line(promote(state, name, version))


def _line(version: ModelVersion) -> dict[str, Any]:
    return {
        "name": version.name,
        "version": version.version,
        "stage": version.stage,
        "threshold": version.threshold,
        "features": list(version.features),
        "sha256": version.sha256,
        "registered_at": version.registered_at.isoformat(),
    }
