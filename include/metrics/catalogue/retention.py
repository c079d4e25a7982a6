"""Retention: do learners come back?"""

from __future__ import annotations

from include.metrics.catalogue.card import SHARE, Card
from include.metrics.catalogue.choices import NO_EVENTS, SEED
from include.metrics.catalogue.page_texts import PageTexts
from include.metrics.names import Metric

CARDS = (
    Card(
        metric=Metric.RETENTION,
        version=1,
        unit="0/1",
        course_unit="share",
        formula="1 if the person has events on more than one local day of the period, else 0",
        parameters={"denominator": "1", "grains": "week, month, custom"},
        bounds=SHARE,
        sample="local days with events",
        null_rule=f"never NULL; no row for grain day; {NO_EVENTS}",
        source=SEED,
        is_ratio=True,
    ),
    Card(
        metric=Metric.RETENTION,
        version=2,
        unit="0/1",
        course_unit="share of cohort persons with a closed day",
        formula=(
            "cohort: persons whose first event ever in the course lies in the period, on local day d0; "
            "1 if the person has events on day d0 + n (kind exact) or on day d0 + n or later (kind unbounded), else 0"
        ),
        parameters={"denominator": "1"},  # n and kind come from the settings
        bounds=SHARE,
        sample="1 when day d0 + n has ended, else 0",
        null_rule="NULL not_closed until local day d0 + n has ended; no row for a person outside the cohort",
        source="N-day retention by cohort, as product analytics counts it: exact day, or unbounded",
        is_ratio=True,
    ),
)

TEXTS = PageTexts(
    title="Retention",
    question=(
        "Do learners come back? Version 1 asks whether somebody came on a second day of the period; version 2 follows "
        "everybody from the day of their first event."
    ),
    words={
        1: "1 for a person with events on two or more local days of the period, 0 for one with events on a single day.",
        2: (
            "The period chooses the cohort: people whose very first event in the course lies in it. That local day is "
            "d0. The value is 1 for who has an event on day d0 + 7, 0 for who has none. With kind `unbounded` an event "
            "on day d0 + 7 or on any later day counts, so that a 0 may still become a 1. The day of return may lie "
            "after the period. The 7 and the kind are settings, METRICS_RETENTION_DAYS and METRICS_RETENTION_KIND."
        ),
    },
    null={
        1: "Never NULL. There is no row for single days (nobody has two days in one), nor for a person without events.",
        2: (
            "NULL `not_closed` with sample 0 until local day d0 + 7 has ended: nobody knows yet. There is no row for a "
            "person who began before the period, however active."
        ),
    },
    advice=(
        "Version 2 compares courses and starting weeks fairly, because everybody is given the same time to return. "
        "Version 1 answers within the period itself, but longer periods make it larger. The mean over the people of a "
        "course is the share retained; people whose day has not ended are left out of it."
    ),
)
