"""Engagement: how much do learners do?"""

from __future__ import annotations

from include.metrics.catalogue.card import NOT_NEGATIVE, SHARE, Card
from include.metrics.catalogue.choices import GAPS_DROPPED, NO_EVENTS, SEED, TIMEOUT_PAPER
from include.metrics.names import Metric

WEIGHTS = {
    "page_view": 1.0,
    "scroll": 0.2,
    "video_play": 1.5,
    "task_start": 1.0,
    "task_attempt": 2.0,
    "task_success": 2.5,
    "task_fail": 1.5,
    "other": 0.0,
}
CARDS = (
    Card(
        metric=Metric.ENGAGEMENT_SCORE,
        version=1,
        unit="points",
        course_unit="points",
        formula="sum over events of the weight of their kind",
        parameters={"weights": WEIGHTS},
        bounds=NOT_NEGATIVE,
        sample="events",
        null_rule=f"never NULL; {NO_EVENTS}",
        source=SEED,
        is_ratio=False,
    ),
    Card(
        metric=Metric.ENGAGEMENT_SCORE,
        version=2,
        unit="share of sessions",
        course_unit="share of sessions",
        formula=(
            "engaged sessions / sessions; a session is a run of events with gaps of at most the time-out, cut at local "
            "midnight; it is engaged when it lasts longer than engaged_over_seconds, or has at least "
            "engaged_page_views page_view, or at least one key event"
        ),
        parameters={
            **GAPS_DROPPED,
            "denominator": "sessions",
            "engaged_over_seconds": 10,
            "engaged_page_views": 2,
            "key_events": ["task_attempt", "task_success", "task_fail"],
        },
        bounds=SHARE,
        sample="sessions",
        null_rule=f"never NULL, an event makes a session; {NO_EVENTS}",
        source=f"engaged sessions as web analytics counts them; time-out: {TIMEOUT_PAPER}",
        is_ratio=True,
    ),
)
