"""Time on task: how long do learners work on tasks?"""

from __future__ import annotations

from include.metrics.catalogue.card import NOT_NEGATIVE, Card
from include.metrics.catalogue.choices import GAPS_CAPPED, GAPS_DROPPED, NO_EVENTS, SEED, TIMEOUT_PAPER
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
