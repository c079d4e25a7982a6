"""Batches: what one query calculates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection

from include.metrics.catalogue.cards import Card
from include.metrics.courses import LearningCourse, required_items
from include.metrics.names import Metric
from include.metrics.parts.snapshot import Snapshot
from include.metrics.periods.grains import Grain, Period
from include.metrics.tables import USER_DAYS

COMPLETION = (Metric.COMPLETION_RATE, 2)
RETENTION = (Metric.RETENTION, 2)


@dataclass(frozen=True)
class Batch:
    """Values of one course that come out of one reading of its user-days.

    Attributes:
        course: the course.
        periods: periods of one grain, ascending, disjoint; one that does not consist of whole days is alone.
        cards: definitions to calculate by, each metric and version at most once.
        required: ids of the items the catalogue requires at the end of each of the periods; None for no catalogue.
        now: aware; which days have begun and ended.
        snapshot: events that count where events are read: in a period that does not consist of whole days.
        history: table to read the other days of the course from; the user-days themselves or their copy.
    """

    course: LearningCourse
    periods: tuple[Period, ...]
    cards: tuple[Card, ...]
    required: tuple[str, ...] | None
    now: dt.datetime
    snapshot: Snapshot
    history: str = USER_DAYS.name

    @property
    def is_whole_days(self) -> bool:
        """Whether stored user-days make up the periods."""
        return all(period.is_whole_days for period in self.periods)


def batches_of(
    connection: Connection,
    course: LearningCourse,
    periods: Iterable[Period],
    cards: Sequence[Card],
    *,
    now: dt.datetime,
    snapshot: Snapshot,
) -> tuple[Batch, ...]:
    """Put periods together that one query can calculate.

    Args:
        connection: open connection, for the catalogue.
        course: the course.
        periods: periods of the course in any order, of one grain disjoint; none twice.
        cards: definitions to calculate by.
        now: aware; which days have begun and ended.
        snapshot: events that count.

    Returns:
        Batches by grain and time; where another catalogue holds at the end of a period, another batch begins.
    """
    ordered = sorted(periods, key=lambda period: (list(Grain).index(period.grain), period.start_at, period.end_at))
    catalogues: dict[dt.datetime, tuple[str, ...]] = {}
    if any((card.metric, card.version) == COMPLETION for card in cards):
        catalogues = required_items(connection, course, {period.end_at for period in ordered})
    return tuple(
        Batch(course, found, tuple(cards), catalogues.get(found[0].end_at) or None, now, snapshot)
        for found in _together(ordered, catalogues)
    )


def _together(
    ordered: Sequence[Period], catalogues: dict[dt.datetime, tuple[str, ...]]
) -> Iterator[tuple[Period, ...]]:
    """Runs of periods of one grain and one catalogue; free periods, which may overlap, stay alone."""

    def key(place: int) -> tuple[object, ...]:
        period = ordered[place]
        alone = place if period.grain is Grain.CUSTOM else None
        return period.grain, alone, catalogues.get(period.end_at)

    for _, places in groupby(range(len(ordered)), key):
        yield tuple(ordered[place] for place in places)
