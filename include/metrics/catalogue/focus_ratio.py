"""Focus Ratio: how much of the time is spent on the matter?"""

from __future__ import annotations

from include.metrics.catalogue.card import SHARE, Card
from include.metrics.catalogue.choices import (
    GAPS_CAPPED,
    GAPS_DROPPED,
    NO_EVENTS,
    PROJECT_DEFINED,
    SEED,
    TIMEOUT_PAPER,
)
from include.metrics.names import Metric

CARDS = (
    Card(
        metric=Metric.FOCUS_RATIO,
        version=1,
        unit="share of span",
        course_unit="share of span",
        formula="sum of min(time-out, gap) over all gaps of the period / (last event - first event)",
        parameters={**GAPS_CAPPED, "denominator": "seconds from the first to the last event", "no_denominator": 0},
        bounds=SHARE,
        sample="events",
        null_rule=f"never NULL: 0 when all events fall on one instant; {NO_EVENTS}",
        source=f"{PROJECT_DEFINED}; {SEED}; time-out: {TIMEOUT_PAPER}",
        is_ratio=True,
    ),
    Card(
        metric=Metric.FOCUS_RATIO,
        version=2,
        unit="share of active time",
        course_unit="share of active time",
        formula="time on task version 2 / active time; active time is the sum of the gaps of at most the time-out",
        parameters={**GAPS_DROPPED, "denominator": "active seconds"},
        bounds=SHARE,
        sample="events",
        null_rule=f"NULL no_active_time when the active time is 0; {NO_EVENTS}",
        source=f"{PROJECT_DEFINED}; time-out: {TIMEOUT_PAPER}",
        is_ratio=True,
    ),
)
