"""Events of tests as the pandas reference takes them, and the definitions it calculates by."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from include.metrics.catalogue.cards import Card, cards_of
from include.metrics.names import VERSIONS, Metric
from include.metrics.periods.grains import Grain, Period, period_of
from include.metrics.reference.days import epoch_ms
from include.metrics.reference.formulas import reference_values
from include.metrics.reference.histories import EVENT_COLUMNS
from include.settings.learning import LearningSettings
from tests.event_rows import canonical
from tests.metric_events import MONDAY, Learned, person_id

LONG_AFTER = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
UTC = ZoneInfo("UTC")


def frame_of(events: Iterable[Learned]) -> pd.DataFrame:
    """One row per event, copies included, in the given order."""
    rows = [
        (
            event.event_id,
            event.name,
            epoch_ms(event.at),
            person_id(event.user, event.project),
            event.props if isinstance(event.props, str) else canonical(event.props),
            event.module_id,
        )
        for event in events
    ]
    return pd.DataFrame(rows, columns=list(EVENT_COLUMNS))


def all_cards(zone: ZoneInfo, **settings: Any) -> tuple[Card, ...]:
    """Both versions of the six metrics."""
    return cards_of(Metric, VERSIONS, zone.key, LearningSettings(**settings))


def values_in(
    events: Iterable[Learned],
    *,
    period: Period | None = None,
    zone: ZoneInfo = UTC,
    required: tuple[str, ...] | None = None,
    now: dt.datetime = LONG_AFTER,
    **settings: Any,
) -> dict[tuple[str, int], Any]:
    """Rows of one person in one period, the golden week when none is named, by metric and version."""
    table = reference_values(
        frame_of(events),
        periods=[period or period_of(MONDAY, Grain.WEEK, zone)],
        cards=all_cards(zone, **settings),
        required=required,
        now=now,
    )
    return {(row.metric, row.version): row for row in table.itertuples()}
