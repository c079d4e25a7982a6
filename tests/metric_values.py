"""Values calculated from events put in by hand, for tests of the formulas."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from include.metrics.catalogue.cards import cards_of
from include.metrics.names import VERSIONS, Metric
from include.metrics.parts.building import rebuild_days
from include.metrics.parts.snapshot import Snapshot
from include.metrics.periods.grains import Grain, Period, local_day, period_of
from include.metrics.values.batches import Batch, batches_of
from include.metrics.values.computing import ValueRow, value_rows
from include.settings.learning import LearningSettings
from tests.metric_events import COURSE, MONDAY, Learned, LearningStores, person_id

LONG_AFTER = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
WEEK = period_of(MONDAY, Grain.WEEK, ZoneInfo("UTC"))
Answers = dict[tuple[str, int], ValueRow]


def instant(text: str) -> dt.datetime:
    """A moment written ``YYYY-MM-DD HH:MM:SS[.mmm]``, UTC."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def free(start: str, end: str, zone: str = "UTC") -> Period:
    """A custom period between two moments, UTC."""
    return Period(Grain.CUSTOM, instant(start), instant(end), ZoneInfo(zone))


@dataclass
class Learners:
    """Events of a course, their user-days, and the values of them."""

    stores: LearningStores
    settings: LearningSettings = field(default_factory=LearningSettings)
    snapshot: Snapshot = field(default_factory=lambda: Snapshot(0))

    def did(self, events: Iterable[Learned], zone: str = "", course: str = COURSE) -> None:
        """Store events and make the user-days of their days; also once more for events that come later."""
        listed = list(events)
        if zone:
            self.stores.set_zone(zone, course)
        self.snapshot = Snapshot(self.stores.put(listed))
        days = {local_day(event.at, self.stores.course(course).zone) for event in listed}
        self.rebuild(sorted(days), course)

    def rebuild(self, days: Sequence[dt.date], course: str = COURSE) -> None:
        """Make user-days anew."""
        s = self.stores
        rebuild_days(s.warehouse, s.state, s.table, s.course(course), days, self.snapshot)

    def batches(
        self,
        *periods: Period,
        now: dt.datetime = LONG_AFTER,
        metrics: Iterable[Metric] = Metric,
        versions: Iterable[int] = VERSIONS,
        course: str = COURSE,
    ) -> tuple[Batch, ...]:
        """What one query each calculates."""
        found = self.stores.course(course)
        cards = cards_of(tuple(metrics), tuple(versions), found.zone.key, self.settings)
        with self.stores.state.connect() as connection:
            return batches_of(connection, found, periods, cards, now=now, snapshot=self.snapshot)

    def rows(
        self,
        *periods: Period,
        now: dt.datetime = LONG_AFTER,
        metrics: Iterable[Metric] = Metric,
        course: str = COURSE,
        person: str | None = None,
    ) -> list[ValueRow]:
        """Values of some periods, in the order of their keys."""
        s = self.stores
        found = [
            row
            for batch in self.batches(*periods, now=now, metrics=metrics, course=course)
            for row in value_rows(s.warehouse, s.table, batch, person_id=person)
        ]
        return sorted(found, key=lambda row: (row.metric, row.version, row.period_start_at, row.person_id))

    def of(
        self, period: Period = WEEK, *, user: str = "u1", now: dt.datetime = LONG_AFTER, course: str = COURSE
    ) -> Answers:
        """All values of one person in one period."""
        rows = self.rows(period, now=now, course=course)
        return {(str(row.metric), row.version): row for row in rows if row.person_id == person_id(user)}
