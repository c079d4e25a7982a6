"""What several routes of models do first: find a version, cut a page, read plots."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine

from include.api.gate.problems import Refusal
from include.errors import ModelError
from include.registry.cards import read_card, read_plot
from include.registry.versions import ModelVersion, find_version, list_versions
from include.settings import Settings

logger = logging.getLogger(__name__)


def require_version(state: Engine, name: str, version: str) -> ModelVersion:
    """Find a version named in an address or body.

    Args:
        state: the state engine.
        name: the model.
        version: its version.

    Returns:
        The version.

    Raises:
        Refusal: there is none (404).
    """
    try:
        return find_version(state, _storable(name), _storable(version))
    except ModelError:
        raise Refusal(404, "model_unknown", "There is no such version of this model.") from None


def require_model(state: Engine, name: str) -> None:
    """Refuse a model that has no version at all.

    Args:
        state: the state engine.
        name: the model.

    Raises:
        Refusal: there is none (404).
    """
    if all(version.name != name for version in list_versions(state)):
        raise Refusal(404, "model_unknown", "There is no such model.")


def require_plot(settings: Settings, version: ModelVersion, plot: str) -> bytes:
    """Read a plot named in an address.

    Args:
        settings: the settings.
        version: the version it belongs to.
        plot: its name.

    Returns:
        PNG bytes.

    Raises:
        Refusal: the card has no such plot (404), or its file is absent or another one (409).
    """
    card = read_card(version)
    if card is None or plot not in card.plots:
        raise Refusal(404, "plot_unknown", "The card of this version has no such plot.")
    try:
        return read_plot(settings.models_dir, version, plot)
    except ModelError as error:
        raise unusable(error) from None


def readable_plots(settings: Settings, version: ModelVersion) -> dict[str, bytes]:
    """Read the plots of a version, as far as their files are still the registered ones.

    Args:
        settings: the settings.
        version: the version.

    Returns:
        PNG bytes by name.
    """
    card, found = read_card(version), {}
    for plot in card.plots if card else ():
        try:
            found[plot] = read_plot(settings.models_dir, version, plot)
        except ModelError as error:
            logger.warning("plot left out of the page: %s", error)
    return found


def unusable(error: ModelError) -> Refusal:
    """Refuse because of a file; callers need no path of this machine, its log has it.

    Args:
        error: what was found.

    Returns:
        The refusal (409).
    """
    logger.warning("request refused: %s", error)
    return Refusal(
        409, "model_unusable", "Its file is missing or not the registered one; the log of the API server names it."
    )


def paged(rows: Sequence[Any], limit: int, offset: int) -> dict[str, Any]:
    """Cut a page out of rows.

    Args:
        rows: all of them.
        limit: rows of a page.
        offset: rows before it.

    Returns:
        ``data`` and ``pagination``.
    """
    end = offset + limit
    pagination = {"total": len(rows), "limit": limit, "offset": offset, "has_more": end < len(rows)}
    return {"data": list(rows[offset:end]), "pagination": pagination}


def _storable(text: str) -> str:
    """PostgreSQL has no text with U+0000, so nothing is found under one."""
    return text.replace("\0", "�").encode("utf-8", "replace").decode()
