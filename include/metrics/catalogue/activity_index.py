"""Activity Index: how regularly do learners turn up?"""

from __future__ import annotations

from include.metrics.catalogue.card import NOT_NEGATIVE, SHARE, Card
from include.metrics.catalogue.choices import NO_EVENTS, PROJECT_DEFINED, SEED
from include.metrics.catalogue.page_texts import PageTexts
from include.metrics.names import Metric

CARDS = (
    Card(
        metric=Metric.ACTIVITY_INDEX,
        version=1,
        unit="events per day of own span",
        course_unit="events per day of own span",
        formula="events / (last local day with events - first local day with events + 1)",
        parameters={"denominator": "local days from the first to the last event of the period"},
        bounds=NOT_NEGATIVE,
        sample="events",
        null_rule=f"never NULL; {NO_EVENTS}",
        source=f"{PROJECT_DEFINED}; {SEED}",
        is_ratio=True,
    ),
    Card(
        metric=Metric.ACTIVITY_INDEX,
        version=2,
        unit="share of days",
        course_unit="share of days: average daily actives / period actives",
        formula="local days with events / local days of the period that have begun",
        parameters={
            "denominator": "local days of the period that have begun at the time of calculation; a day with events has"
        },
        bounds=SHARE,
        sample="local days of the period that have begun",
        null_rule=f"never NULL; {NO_EVENTS}",
        source=f"{PROJECT_DEFINED}; the form is that of stickiness, daily over period actives",
        is_ratio=True,
    ),
)

TEXTS = PageTexts(
    title="Activity Index",
    question=(
        "How regularly do learners turn up? There is no field standard of this name; both versions are defined by this "
        "project."
    ),
    words={
        1: (
            "Events per day, over the days from the person's first to the person's last event of the period, both "
            "included."
        ),
        2: (
            "Of the local days of the period, the share with an event. Days still to come do not count against "
            "anybody: in a running period only the days that have begun are counted. This is stickiness: averaged over "
            "the people of a course, it is the average number of daily actives divided by the actives of the period."
        ),
    },
    null={
        1: "Never NULL. No row for a person without events.",
        2: "Never NULL. No row for a person without events.",
    },
    advice=(
        "Version 2 tells regular learners from those who come once. Version 1 is larger for who came on a single busy "
        "day than for who worked all month, so use it only to compare with older reports."
    ),
)
