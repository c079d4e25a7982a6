"""Retention: do learners come back?"""

from __future__ import annotations

from include.metrics.catalogue.card import SHARE, Card
from include.metrics.catalogue.choices import NO_EVENTS, SEED
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
