"""Slices that exist and may have to follow when days change elsewhere."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, and_, or_, select

from include.metrics.catalogue.card import Card
from include.metrics.courses import LearningCourse
from include.metrics.names import Metric
from include.metrics.periods.grains import Grain, Period, period_between
from include.metrics.recalculating.needs import CardKey
from include.state.tables import metric_slices

RETENTION_V2: CardKey = (Metric.RETENTION, 2)
COMPLETION_V2: CardKey = (Metric.COMPLETION_RATE, 2)


@dataclass(frozen=True)
class StoredSlice:
    """A slice that was calculated before.

    Attributes:
        card: its metric and version.
        period: its period, in the zone its course has now.
    """

    card: CardKey
    period: Period


def far_reaching(connection: Connection, course: LearningCourse, cards: Iterable[Card]) -> list[StoredSlice]:
    """Slices whose values may hang on days outside of their period, and free periods, which no day leads to.

    Args:
        connection: open connection.
        course: the course.
        cards: the definitions that hold now.

    Returns:
        Version 2 of retention and of completion under these definitions; free periods under any, for a free period
        somebody asked for is still wanted when the zone of its course or a setting has changed.
    """
    c = metric_slices.c
    digests = {(card.metric, card.version): card.digest for card in cards}
    far = [digests[key] for key in (RETENTION_V2, COMPLETION_V2)]
    found = connection.execute(
        select(c.metric, c.version, c.period_start_at, c.period_end_at)
        .where(c.project == course.project, c.course_id == course.course_id)
        .where(or_(c.card_digest.in_(far), c.grain == str(Grain.CUSTOM)))
        .distinct()
    ).all()
    return [_stored(row.metric, row.version, row.period_start_at, row.period_end_at, course) for row in found]


def due_slices(
    connection: Connection, course: LearningCourse, cards: Iterable[Card], *, now: dt.datetime
) -> list[StoredSlice]:
    """Slices that time alone has changed.

    Args:
        connection: open connection.
        course: the course.
        cards: the definitions that hold now; slices of others are never calculated again.
        now: aware.

    Returns:
        The slices.
    """
    c = metric_slices.c
    found = connection.execute(
        select(c.metric, c.version, c.period_start_at, c.period_end_at).where(
            and_(c.project == course.project, c.course_id == course.course_id, c.next_change_at <= now),
            c.card_digest.in_([card.digest for card in cards]),
        )
    ).all()
    return [_stored(row.metric, row.version, row.period_start_at, row.period_end_at, course) for row in found]


def _stored(
    metric: str, version: int, start_at: dt.datetime, end_at: dt.datetime, course: LearningCourse
) -> StoredSlice:
    return StoredSlice((Metric(metric), version), period_between(start_at, end_at, course.zone))
