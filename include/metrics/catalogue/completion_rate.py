"""Completion: how much of the work is done?"""

from __future__ import annotations

from include.metrics.catalogue.card import SHARE, Card
from include.metrics.catalogue.choices import NO_EVENTS, SEED
from include.metrics.catalogue.page_texts import PageTexts
from include.metrics.names import Metric

CARDS = (
    Card(
        metric=Metric.COMPLETION_RATE,
        version=1,
        unit="share of attempts",
        course_unit="share of attempts",
        formula="task_success / (task_success + task_fail) in the period",
        parameters={"denominator": "task_success + task_fail", "no_denominator": 0},
        bounds=SHARE,
        sample="task_success and task_fail events",
        null_rule=f"never NULL: 0 without either event; {NO_EVENTS}",
        source=SEED,
        is_ratio=True,
    ),
    Card(
        metric=Metric.COMPLETION_RATE,
        version=2,
        unit="share of required items",
        course_unit="share of required items",
        formula=(
            "required items with at least one task_success from the start of the course to the end of the period / "
            "items that the catalogue valid at the end of the period requires"
        ),
        parameters={
            "denominator": "required items of the catalogue valid at the end of the period",
            "item": "props.task_id (text that is not empty, or an integer as its decimal text), else module_id",
            "done_since": "start of the course",
        },
        bounds=SHARE,
        sample="required items",
        null_rule=f"NULL no_catalogue when nothing is required at the end of the period; {NO_EVENTS}",
        source="share of required activities completed, as course platforms report it",
        is_ratio=True,
    ),
)

TEXTS = PageTexts(
    title="Completion",
    question=(
        "How much of the work is done? Version 1 looks at attempts of the period, version 2 at what the course "
        "requires."
    ),
    words={
        1: "Of the attempts that ended in the period, by task_success or task_fail, the share that succeeded.",
        2: (
            "Of the items the course requires at the end of the period, the share that the person has completed at "
            "least once since the course began. An event names its item by `task_id` in its payload, else by its "
            "module. An item that has left the catalogue no longer counts, one that joined counts from then on."
        ),
    },
    null={
        1: "Never NULL: 0 with sample 0 when no attempt ended. No row for a person without events in the period.",
        2: (
            "NULL `no_catalogue` with sample 0 when the course requires nothing at the end of the period. No row for a "
            "person without events in the period, whatever was done before."
        ),
    },
    advice=(
        "Version 2 is the progress a course reports. It needs the course's items (`PUT /api/v1/courses/{course_id}`). "
        "Version 1 says how hard the tasks were; look at its sample before you believe a 0 or a 1."
    ),
)
