"""Engagement: how much do learners do?"""

from __future__ import annotations

from include.metrics.catalogue.card import NOT_NEGATIVE, SHARE, Card
from include.metrics.catalogue.choices import GAPS_DROPPED, NO_EVENTS, SEED, TIMEOUT_PAPER
from include.metrics.catalogue.page_texts import PageTexts
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

TEXTS = PageTexts(
    title="Engagement",
    question=(
        "How much do learners do? Version 1 gives points for everything they do; version 2 says how many of their "
        "visits came to something."
    ),
    words={
        1: (
            "Every event is worth the points of its kind, and the points are added up. Events of other kinds are worth "
            "nothing, but they count as events everywhere else."
        ),
        2: (
            "Events with gaps of at most 1800 s between them are one session; local midnight ends it. A session is "
            "engaged when it lasts longer than 10 s, or has two page views, or a task was attempted, passed or failed "
            "in it. The value is the share of sessions that were engaged."
        ),
    },
    null={
        1: "Never NULL: 0 points are a value. No row for a person without events.",
        2: "Never NULL, for every event is in a session. No row for a person without events.",
    },
    advice=(
        "Version 2 compares people and periods of any length. Version 1 grows with the length of the period and its "
        "weights are a choice: compare it only between periods of one length in one course."
    ),
    picture="""The sessions of the golden week, zone UTC:

| session | events | lasts, s | why | engaged |
|---|---|---|---|---|
| 3 March 10:00:00 | 5 | 420 | longer than 10 s | 1 |
| 3 March 11:00:00 | 1 | 0 | | 0 |
| 3 March 23:50:00 | 1 | 0 | midnight ends it | 0 |
| 4 March 00:10:00 | 1 | 0 | task_fail is a key event | 1 |
| 4 March 09:00:00 | 2 | 8 | two page views | 1 |
| 5 March 12:00:00 | 1 | 0 | | 0 |""",
)
