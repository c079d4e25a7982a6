"""Time on task: how long do learners work on tasks?"""

from __future__ import annotations

from include.metrics.catalogue.card import NOT_NEGATIVE, Card
from include.metrics.catalogue.choices import GAPS_CAPPED, GAPS_DROPPED, NO_EVENTS, SEED, TIMEOUT_PAPER
from include.metrics.catalogue.page_texts import PageTexts
from include.metrics.names import Metric
from include.metrics.tables import TIMEOUTS_SECONDS

CARDS = (
    Card(
        metric=Metric.TIME_ON_TASK,
        version=1,
        unit="seconds",
        course_unit="seconds",
        formula="sum over task_start events of min(time-out, gap to the person's next event of any kind in the period)",
        parameters=GAPS_CAPPED,
        bounds=NOT_NEGATIVE,
        sample="task_start events",
        null_rule="never NULL; no row for a person without a task_start in the period",
        source=f"{SEED}; time-out: {TIMEOUT_PAPER}",
        is_ratio=False,
    ),
    Card(
        metric=Metric.TIME_ON_TASK,
        version=2,
        unit="seconds",
        course_unit="seconds",
        formula="sum of the gaps of at most the time-out while a task is open",
        parameters={
            **GAPS_DROPPED,
            "opens": ["task_start", "task_attempt"],
            "closes": ["task_success", "task_fail", "a gap over the time-out", "local midnight"],
            "other_events": "keep the state",
            "also_kept_timeouts_seconds": list(TIMEOUTS_SECONDS),
        },
        bounds=NOT_NEGATIVE,
        sample="events",
        null_rule=f"never NULL: 0 is a value; {NO_EVENTS}",
        source=f"time-out: {TIMEOUT_PAPER}",
        is_ratio=False,
    ),
)

TEXTS = PageTexts(
    title="Time on task",
    question=(
        "How long do learners work on tasks? Nobody clocks in: the time is estimated from the gaps between events, and "
        "what is done with long gaps decides the result."
    ),
    words={
        1: (
            "From every task_start to the person's next event of any kind, at most 1800 s each. The last event of the "
            "period has no next one and adds 0."
        ),
        2: (
            "task_start and task_attempt open a task, task_success and task_fail close it, other events leave it as it "
            "is. Gaps of at most 1800 s are added up while a task is open. A longer gap counts nothing and closes the "
            "task, and so does local midnight. The same sum with time-outs of 300 s and 600 s is stored beside it "
            "(`by_timeout`): where the three differ much, the number says more about the time-out than about learners."
        ),
    },
    null={
        1: "Never NULL. No row for a person without a task_start in the period.",
        2: "Never NULL: 0 means that no task was open. No row for a person without events.",
    },
    advice=(
        "Version 2 follows a task through all its events and does not count nights and lunch breaks. Version 1 sees "
        "only the first step after a start and counts up to half an hour over midnight. Read version 2 with its "
        "by-products at 300 and 600 s."
    ),
    picture="""The gaps of the golden week, zone UTC:

| event | gap to the next, s | version 1, s | version 2, s |
|---|---|---|---|
| 3 March 10:00:00 page_view | 60 | 0 | 0 |
| 10:01:00 task_start t1 | 120 | 120 | 120 |
| 10:03:00 scroll | 180 | 0 | 180 |
| 10:06:00 task_attempt t1 | 60 | 0 | 60 |
| 10:07:00 task_success t1 | 3180 | 0 | 0 |
| 11:00:00 video_play | 46200 | 0 | 0 |
| 23:50:00 task_start t2 | 1200 | 1200 | 0 |
| 4 March 00:10:00 task_fail t2 | 31800 | 0 | 0 |
| 09:00:00 page_view | 8 | 0 | 0 |
| 09:00:08 page_view | 97192 | 0 | 0 |
| 5 March 12:00:00 task_start t2 | none | 0 | 0 |""",
)
