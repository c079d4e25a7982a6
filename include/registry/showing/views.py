"""Versions and promotions as JSON: one form for the command line and for HTTP."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from include.registry.cards import CARD, ORDER, PLOTS, read_card
from include.registry.promotions import Promotion
from include.registry.versions import ModelVersion

HEADLINES = ("rows", "positives", "pr_auc", "roc_auc", "brier", "ece")


def version_view(version: ModelVersion) -> dict[str, Any]:
    """A version in a list: what it is and how good.

    Args:
        version: the registered version.

    Returns:
        Its columns without the card; ``scores`` holds the headline figures of the card, where it has them.
    """
    return {
        "name": version.name,
        "version": version.version,
        "stage": version.stage,
        "threshold": version.threshold,
        "features": list(version.features),
        "sha256": version.sha256,
        "size_bytes": version.size_bytes,
        "registered_at": instant(version.registered_at),
        "promoted_at": instant(version.promoted_at),
        "scores": headline_scores(version),
    }


def card_view(version: ModelVersion) -> dict[str, Any]:
    """A version with its card.

    Args:
        version: the registered version.

    Returns:
        As :func:`version_view`, and ``origin`` (the rest of the manifest), ``card`` (null without one) and
        ``plots`` (digest by name).
    """
    card = read_card(version)
    origin = {name: value for name, value in version.manifest.items() if name not in (CARD, PLOTS, ORDER)}
    return {
        **version_view(version),
        "origin": origin,
        "card": dict(card.content) if card else None,
        "plots": dict(card.plots) if card else {},
    }


def promotion_view(promotion: Promotion) -> dict[str, Any]:
    """One line of the history.

    Args:
        promotion: the promotion.

    Returns:
        Its columns; ``replaced_version`` is empty when nothing served before.
    """
    return {
        "name": promotion.name,
        "version": promotion.version,
        "replaced_version": promotion.replaced_version,
        "cause": promotion.cause,
        "run_id": promotion.run_id,
        "promoted_at": instant(promotion.promoted_at),
    }


def headline_scores(version: ModelVersion) -> dict[str, float]:
    """The figures by which versions are compared.

    Args:
        version: the registered version.

    Returns:
        Those of rows, positives, pr_auc, roc_auc, brier and ece that its card names.
    """
    card = read_card(version)
    scores = card.content.get("scores") if card else None
    if isinstance(scores, Mapping) and isinstance(scores.get("model"), Mapping):
        scores = scores["model"]
    if not isinstance(scores, Mapping):
        return {}
    return {name: scores[name] for name in HEADLINES if _is_number(scores.get(name))}


def instant(moment: dt.datetime | None) -> str | None:
    """Write an instant.

    Args:
        moment: aware, any zone; None where there is none.

    Returns:
        UTC to the second, ``2025-07-01T12:00:00Z``.
    """
    return None if moment is None else f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
