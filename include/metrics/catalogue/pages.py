"""The page of each metric in docs/metrics, made from its cards, its texts and the golden case."""

from __future__ import annotations

import textwrap
from typing import Any

from include.metrics.catalogue import (
    activity_index,
    completion_rate,
    engagement_score,
    focus_ratio,
    retention,
    time_on_task,
)
from include.metrics.catalogue.cards import Card, cards_of
from include.metrics.catalogue.golden import EVENTS, REQUIRED_ITEMS, worked_of
from include.metrics.catalogue.page_texts import PageTexts
from include.metrics.names import VERSIONS, Metric
from include.settings.learning import LearningSettings

TEXTS: dict[Metric, PageTexts] = {
    Metric.RETENTION: retention.TEXTS,
    Metric.ENGAGEMENT_SCORE: engagement_score.TEXTS,
    Metric.COMPLETION_RATE: completion_rate.TEXTS,
    Metric.TIME_ON_TASK: time_on_task.TEXTS,
    Metric.ACTIVITY_INDEX: activity_index.TEXTS,
    Metric.FOCUS_RATIO: focus_ratio.TEXTS,
}
ANY_ZONE = "zone of the course, else of its project"
ORDER = (
    "Events of one person in one course are taken once each, in the order of time and then id; a day is a local day of "
    "the course. Version 1 keeps the formula this product began with, its errors removed; version 2 is the practice of "
    "the field."
)
DIGEST = (
    "The tables of a version and of its parameters are its card. Its SHA-256 is stored with every value, so that a "
    "number always leads back to the definition it was calculated by; a changed formula gets a new version, never an "
    "old one's name."
)
LINE_CHARS = 120


def page_of(metric: Metric) -> str:
    """Write the page of a metric.

    Args:
        metric: which of the six.

    Returns:
        Markdown, for docs/metrics; with default settings.
    """
    texts, cards = TEXTS[metric], cards_of([metric], VERSIONS, ANY_ZONE, LearningSettings())
    parts = [
        f"# {texts.title} (`{metric}`)",
        "Made by `python docs/generate_metric_pages.py`; do not edit.",
        _wrapped(texts.question),
        _wrapped(ORDER),
        *(_version(card, texts) for card in cards),
        "## Which version to use",
        _wrapped(texts.advice),
        "## The golden case",
        _golden_case(metric),
        *([texts.picture] if texts.picture else []),
        "## Parameters",
        _parameters(cards),
        _wrapped(DIGEST),
    ]
    return "\n\n".join(parts) + "\n"


def _version(card: Card, texts: PageTexts) -> str:
    rows = (
        ("formula", card.formula),
        ("unit of a person's value", card.unit),
        ("unit of a course's mean", card.course_unit),
        ("bounds", _bounds(card)),
        ("sample_n", card.sample),
        ("no value, no row", card.null_rule),
        ("numerator and denominator", "stored; they give the pooled value of a course" if card.is_ratio else "none"),
        ("source", card.source),
        ("calculated by", f"`include/metrics/values/sql/metrics/{card.metric}_v{card.version}.sql`"),
    )
    return "\n\n".join(
        (
            f"## Version {card.version}",
            _wrapped(texts.words[card.version]),
            _table(("card", f"version {card.version}"), rows),
            _wrapped(texts.null[card.version]),
        )
    )


def _golden_case(metric: Metric) -> str:
    events = ", ".join(f"{at[8:]} {kind}{' ' + task if task else ''}" for at, kind, task in EVENTS)
    rows = [
        (str(one.version), one.zone, one.working, f"{one.value:.6g}", str(one.sample_n)) for one in worked_of(metric)
    ]
    return "\n\n".join(
        (
            _wrapped(
                f"One person's week from Monday 3 March 2025 (days and times in UTC): {events}. The course requires "
                f"{', '.join(REQUIRED_ITEMS)}."
            ),
            _table(("version", "zone", "working", "value", "sample_n"), rows),
        )
    )


def _parameters(cards: tuple[Card, ...]) -> str:
    names = list(dict.fromkeys(name for card in cards for name in card.parameters))
    rows = [(f"`{name}`", *(_shown(card.parameters.get(name, "-")) for card in cards)) for name in names]
    return _table(("parameter", *(f"version {card.version}" for card in cards)), rows)


def _bounds(card: Card) -> str:
    least, greatest = ("-" if bound is None else f"{bound:g}" for bound in card.bounds)
    return f"from {least} to {greatest}" if greatest != "-" else f"{least} or more"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _wrapped(text: str) -> str:
    return textwrap.fill(text, LINE_CHARS, break_long_words=False, break_on_hyphens=False)


def _table(head: tuple[str, ...], rows: Any) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
