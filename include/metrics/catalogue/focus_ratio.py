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
from include.metrics.catalogue.page_texts import PageTexts
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

TEXTS = PageTexts(
    title="Focus Ratio",
    question=(
        "How much of the time is spent on the matter? There is no field standard of this name; both versions are "
        "defined by this project."
    ),
    words={
        1: (
            "All gaps between events, at most 1800 s each, divided by the time from the first to the last event of the "
            "period, nights included."
        ),
        2: (
            "Time on task (version 2) divided by active time, the sum of all gaps of at most 1800 s: of the time spent "
            "in the course, the share during which a task was open."
        ),
    },
    null={
        1: "Never NULL: 0 when all events fall on one instant. No row for a person without events.",
        2: (
            "NULL `no_active_time` when no two events of a local day lie within 1800 s: there is no time to divide. No "
            "row for a person without events."
        ),
    },
    advice=(
        "Version 2 is a share of time in the course and does not depend on the length of the period. Version 1 shrinks "
        "with every night in the period; compare it only between single days."
    ),
    picture="""The gaps of the golden week, zone UTC:

| event | gap to the next, s | version 1, s | version 2 active, s | version 2 task, s |
|---|---|---|---|---|
| 3 March 10:00:00 page_view | 60 | 60 | 60 | 0 |
| 10:01:00 task_start t1 | 120 | 120 | 120 | 120 |
| 10:03:00 scroll | 180 | 180 | 180 | 180 |
| 10:06:00 task_attempt t1 | 60 | 60 | 60 | 60 |
| 10:07:00 task_success t1 | 3180 | 1800 | 0 | 0 |
| 11:00:00 video_play | 46200 | 1800 | 0 | 0 |
| 23:50:00 task_start t2 | 1200 | 1200 | 0 | 0 |
| 4 March 00:10:00 task_fail t2 | 31800 | 1800 | 0 | 0 |
| 09:00:00 page_view | 8 | 8 | 8 | 0 |
| 09:00:08 page_view | 97192 | 1800 | 0 | 0 |
| 5 March 12:00:00 task_start t2 | none | 0 | 0 | 0 |""",
)
