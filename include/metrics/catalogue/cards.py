"""The catalogue: the card of each metric and version for one course."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from include.metrics.catalogue import (
    activity_index,
    completion_rate,
    engagement_score,
    focus_ratio,
    retention,
    time_on_task,
)
from include.metrics.catalogue.card import Card
from include.metrics.names import Metric
from include.settings.learning import LearningSettings

__all__ = ["Card", "card_of", "cards_of"]

_ROOMS = (retention, engagement_score, completion_rate, time_on_task, activity_index, focus_ratio)
_CARDS: dict[tuple[Metric, int], Card] = {(card.metric, card.version): card for room in _ROOMS for card in room.CARDS}


def card_of(metric: Metric, version: int, zone_name: str, settings: LearningSettings) -> Card:
    """The definition a value of one course is calculated by.

    Args:
        metric: which of the six.
        version: 1 or 2.
        zone_name: IANA zone of the course's days.
        settings: n and kind of retention.

    Returns:
        The card; another zone or other settings make another digest.

    >>> card_of(Metric.FOCUS_RATIO, 2, "Europe/Moscow", LearningSettings()).parameters["time_zone"]
    'Europe/Moscow'
    """
    card = _CARDS[metric, version]
    chosen: dict[str, Any] = {"time_zone": zone_name}
    if (metric, version) == (Metric.RETENTION, 2):
        chosen |= {"n_days": settings.retention_days, "kind": settings.retention_kind}
    return replace(card, parameters={**card.parameters, **chosen})


def cards_of(
    metrics: Iterable[Metric], versions: Iterable[int], zone_name: str, settings: LearningSettings
) -> tuple[Card, ...]:
    """The cards of some metrics in some versions.

    Args:
        metrics: which of the six.
        versions: 1, 2 or both.
        zone_name: IANA zone of the course's days.
        settings: n and kind of retention.

    Returns:
        Cards by metric, then version, in the order given.
    """
    asked = tuple(versions)
    return tuple(card_of(metric, version, zone_name, settings) for metric in metrics for version in asked)
