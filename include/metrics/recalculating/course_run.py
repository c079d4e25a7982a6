"""One course of a run: its days, its slices, its values, under a lock that nobody else has meanwhile."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from include.days import utc_now
from include.failpoints import failpoint
from include.metrics.catalogue.cards import card_of, cards_of
from include.metrics.names import VERSIONS, Metric
from include.metrics.parts.building import RebuildReport, rebuild_days
from include.metrics.parts.touching import COHORT, EVENTS, forget_touched
from include.metrics.periods.grains import Period
from include.metrics.recalculating.bundles import count_people, iter_bundles
from include.metrics.recalculating.choosing import CourseKey
from include.metrics.recalculating.digests import digest_days
from include.metrics.recalculating.looking import Moment, look, touch_ordered_days, with_cohorts
from include.metrics.recalculating.needs import Group, Needs
from include.metrics.recalculating.orders import Order
from include.metrics.recalculating.planning import Known, plan
from include.metrics.recalculating.stored_periods import due_slices, far_reaching
from include.metrics.storing.cards import store_cards
from include.metrics.storing.causes import Cause
from include.metrics.storing.values import store_values
from include.metrics.storing.writing import StoredReport, Writing
from include.metrics.values.batches import Batch, batches_of
from include.metrics.values.computing import ValueRow, read_values
from include.metrics.values.histories import history_of
from include.progress import Progress
from include.settings import Settings
from include.state.engine import reachable
from include.state.locks import held
from include.warehouse.client import Warehouse

if TYPE_CHECKING:
    from include.metrics.reference.sampling import Sample

log = logging.getLogger(__name__)

FAILPOINTS = (
    "metrics.course_locked",
    "metrics.days_touched",
    "metrics.days_rebuilt",
    "metrics.sampled",
    "metrics.history_copied",
    "metrics.computed",
    "metrics.batch_stored",
    "metrics.course_stored",
    "metrics.days_forgotten",
)


@dataclass(frozen=True)
class CourseReport:
    """What a run did in one course.

    Attributes:
        days: days whose user-days were built anew.
        user_days: rows they have now.
        events: events they were made of.
        compared: values that pandas calculated too.
        stored: what became of the values.
    """

    days: int
    user_days: int
    events: int
    compared: int
    stored: StoredReport


@dataclass
class CourseRun:
    """The work of one run in one course.

    Attributes:
        warehouse: the warehouse.
        engine: the state engine.
        settings: all settings.
        order: what is wanted besides the touched days.
        run_id: the run.
        given_now: aware instant to use instead of the clock.
        progress: told how many slices are done.
        compared: values that pandas calculated too, so far.
    """

    warehouse: Warehouse
    engine: Engine
    settings: Settings
    order: Order
    run_id: str
    given_now: dt.datetime | None
    progress: Progress
    compared: int = 0

    def run(self, key: CourseKey) -> CourseReport:
        """Do it.

        Args:
            key: project and course.

        Returns:
            What was done.

        Raises:
            StoreUnavailable: a store cannot be reached; run it again.
            StoreError: what came out of a store does not add up.
            MetricsDisagree: both engines differ; nothing of that batch was written.
        """
        started = time.monotonic()
        # From the reading of touched days to the last commit: an older computation never overwrites a newer one.
        with held(self.engine, f"metrics:{key[0]}\n{key[1]}"):
            failpoint("metrics.course_locked")
            now = self.given_now or utc_now()
            moment, unchanged, built = self._build(key)
            stored = self._store(moment, self._plan(moment, unchanged, now), now)
            failpoint("metrics.course_stored")
            with reachable(self.engine), self.engine.begin() as connection:
                forget_touched(connection, moment.touched)
            failpoint("metrics.days_forgotten")
        log.info(
            "course %s/%s: days %d, user-days %d of events %d, slices %d (new %d), values %d, changed %d, restated %d, "
            "vanished %d, compared %d, %.2f s",
            *key, built.days, built.rows, built.events, stored.slices, stored.new_slices, stored.values,
            stored.changed, stored.restated, stored.vanished, self.compared, time.monotonic() - started,
        )  # fmt: skip
        return CourseReport(built.days, built.rows, built.events, self.compared, stored)

    def _build(self, key: CourseKey) -> tuple[Moment, set[dt.date], RebuildReport]:
        """Bring the user-days up to date; tell also which days of the order came out as they were."""
        added = touch_ordered_days(self.engine, key, self.order)
        failpoint("metrics.days_touched")
        moment = look(self.engine, key)
        days, looked_at = moment.days(EVENTS), sorted(added)
        before = digest_days(self.warehouse, moment.course, looked_at)
        self.progress(f"building user-days of {'/'.join(key)}", 0, len(days))
        table = self.settings.intake.events_table
        built = rebuild_days(self.warehouse, self.engine, table, moment.course, days, moment.snapshot)
        failpoint("metrics.days_rebuilt")
        after = digest_days(self.warehouse, moment.course, looked_at)
        unchanged = {day for day in moment.without_events(added) if before[day] == after[day]}
        return with_cohorts(self.engine, moment), unchanged, built

    def _plan(self, moment: Moment, unchanged: set[dt.date], now: dt.datetime) -> Needs:
        cards = cards_of(Metric, VERSIONS, moment.course.zone.key, self.settings.learning)
        with reachable(self.engine), self.engine.connect() as connection:
            known = Known(
                course=moment.course,
                touched=moment.touched,
                stored=far_reaching(connection, moment.course, cards),
                due=due_slices(connection, moment.course, cards, now=now),
                settings=self.settings.learning,
            )
        store_cards(self.engine, cards, now=now)
        return plan(known, self.order, unchanged_days=unchanged)

    def _store(self, moment: Moment, needs: Needs, now: dt.datetime) -> StoredReport:
        total, course = StoredReport(), moment.course
        if not len(needs):
            return total
        sample = self._sample(moment, needs)
        failpoint("metrics.sampled")
        people, groups = count_people(self.warehouse, course, needs.periods), needs.groups()
        with history_of(self.warehouse, course, {card for group in groups for card in group.cards}) as history:
            failpoint("metrics.history_copied")
            for group in groups:
                for periods in iter_bundles(list(group.causes), len(group.cards), people):
                    for batch in self._batches(moment, group, periods, now):
                        total += self._store_batch(replace(batch, history=history), group.causes, sample)
                        self.progress(f"calculating {course.project}/{course.course_id}", total.slices, len(needs))
        return total

    def _batches(self, moment: Moment, group: Group, periods: Sequence[Period], now: dt.datetime) -> Iterator[Batch]:
        zone_name, settings = moment.course.zone.key, self.settings.learning
        cards = [card_of(metric, version, zone_name, settings) for metric, version in group.cards]
        with reachable(self.engine), self.engine.connect() as connection:
            batches = batches_of(connection, moment.course, periods, cards, now=now, snapshot=moment.snapshot)
        yield from batches

    def _store_batch(self, batch: Batch, causes: dict[Period, Cause], sample: Sample) -> StoredReport:
        from include.metrics.reference.checking import check_values

        def check(rows: list[ValueRow]) -> None:
            self.compared += check_values(sample, batch, rows)

        writing = Writing(
            run_id=self.run_id,
            now=batch.now,
            grace_hours=self.settings.learning.grace_hours,
            causes=causes,
            person_ids=sample.person_ids,
            check=check,
        )
        with read_values(self.warehouse, self.settings.intake.events_table, batch) as body:
            failpoint("metrics.computed")
            report = store_values(self.engine, body, batch, writing)
        failpoint("metrics.batch_stored")
        return report

    def _sample(self, moment: Moment, needs: Needs) -> Sample:
        from include.metrics.reference.sampling import load_sample

        days = moment.days(EVENTS, COHORT) or _all_days(needs.periods)
        return load_sample(
            self.warehouse,
            self.settings.intake.events_table,
            moment.course,
            moment.snapshot,
            days=days,
            count=self.settings.learning.sample_persons,
            seed=self.run_id,
        )


def _all_days(periods: Iterable[Period]) -> tuple[dt.date, ...]:
    return tuple(sorted({day for period in periods for day in period.days}))
