"""One course of a run: its days, its slices, its values, under a lock that nobody else has meanwhile."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, select

from include.days import utc_now, zone_of
from include.failpoints import failpoint
from include.metrics.catalogue.cards import card_of, cards_of
from include.metrics.courses import LearningCourse, learning_course
from include.metrics.names import VERSIONS, Metric
from include.metrics.parts.building import rebuild_days
from include.metrics.parts.snapshot import Snapshot, read_snapshot
from include.metrics.parts.touching import COHORT, EVENTS, TouchedDay, forget_touched, read_touched, touch_days
from include.metrics.periods.grains import Period
from include.metrics.recalculating.bundles import count_people, iter_bundles
from include.metrics.recalculating.digests import digest_days
from include.metrics.recalculating.needs import Group, Needs
from include.metrics.recalculating.orders import Order
from include.metrics.recalculating.planning import Known, existing_days, plan
from include.metrics.recalculating.stored_periods import due_slices, far_reaching
from include.metrics.storing.cards import store_cards
from include.metrics.storing.causes import Cause
from include.metrics.storing.values import store_values
from include.metrics.storing.writing import StoredReport, Writing
from include.metrics.values.batches import Batch, batches_of
from include.metrics.values.computing import ValueRow, read_values
from include.progress import Progress
from include.settings import Settings
from include.state.engine import reachable
from include.state.locks import held
from include.state.tables import metric_courses
from include.warehouse.client import Warehouse

if TYPE_CHECKING:
    from include.metrics.reference.sampling import Sample

log = logging.getLogger(__name__)

FAILPOINTS = (
    "metrics.course_locked",
    "metrics.days_touched",
    "metrics.days_rebuilt",
    "metrics.sampled",
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


@dataclass(frozen=True)
class _Moment:
    """What a run saw at one and the same moment; loading goes on meanwhile."""

    course: LearningCourse
    touched: list[TouchedDay]
    snapshot: Snapshot

    def days(self, *kinds: str) -> tuple[dt.date, ...]:
        return tuple(sorted({row.day for row in self.touched if row.kind in kinds}))


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

    def run(self, project: str, course_id: str) -> CourseReport:
        """Do it.

        Args:
            project: project of the course.
            course_id: the course.

        Returns:
            What was done.

        Raises:
            StoreUnavailable: a store cannot be reached; run it again.
            StoreError: what came out of a store does not add up.
            MetricsDisagree: both engines differ; nothing of that batch was written.
        """
        started = time.monotonic()
        # From the reading of touched days to the last commit: an older computation never overwrites a newer one.
        with held(self.engine, f"metrics:{project}\n{course_id}"):
            failpoint("metrics.course_locked")
            now = self.given_now or utc_now()
            forced = self._touch_ordered(project, course_id)
            failpoint("metrics.days_touched")
            moment = self._look(project, course_id)
            days = moment.days(EVENTS)
            before = digest_days(self.warehouse, moment.course, sorted(forced))
            table = self.settings.intake.events_table
            self.progress(f"building user-days of {project}/{course_id}", 0, len(days))
            built = rebuild_days(self.warehouse, self.engine, table, moment.course, days, moment.snapshot)
            failpoint("metrics.days_rebuilt")
            after = digest_days(self.warehouse, moment.course, sorted(forced))
            moment = self._with_cohorts(moment)
            unchanged = {day for day in self._only_forced(moment, forced) if before[day] == after[day]}
            needs = self._plan(moment, unchanged, now)
            stored = self._store(moment, needs, now)
            failpoint("metrics.course_stored")
            with reachable(self.engine), self.engine.begin() as connection:
                forget_touched(connection, moment.touched)
            failpoint("metrics.days_forgotten")
        log.info(
            "course %s/%s: days %d, user-days %d of events %d, slices %d (new %d), values %d, changed %d, restated %d, "
            "vanished %d, compared %d, %.2f s",
            project, course_id, len(days), built.rows, built.events, stored.slices, stored.new_slices, stored.values,
            stored.changed, stored.restated, stored.vanished, self.compared, time.monotonic() - started,
        )  # fmt: skip
        return CourseReport(len(days), built.rows, built.events, self.compared, stored)

    def _touch_ordered(self, project: str, course_id: str) -> set[dt.date]:
        """Note the days of the order before anything changes, so that a run that dies leaves the work to the next.

        Days that events came for are noted already, with a better cause; give only the others.
        """
        if not self.order.days:
            return set()
        with reachable(self.engine), self.engine.begin() as connection:
            course = _course_as_cut(connection, project, course_id)
            known = {row.day for row in read_touched(connection, [(project, course_id)]) if row.kind == EVENTS}
            forced = [day for day in existing_days(self.order.days, course.zone) if day not in known]
            touch_days(connection, course, forced, cause=self.order.cause)
        return set(forced)

    def _look(self, project: str, course_id: str) -> _Moment:
        with reachable(self.engine), self.engine.connect() as connection:
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                course = _course_as_cut(connection, project, course_id)
                touched = read_touched(connection, [(project, course_id)])
                return _Moment(course, list(touched), read_snapshot(connection))

    def _with_cohorts(self, moment: _Moment) -> _Moment:
        """Add the days whose cohorts have changed while days were built; only who has the lock builds days."""
        key = (moment.course.project, moment.course.course_id)
        with reachable(self.engine), self.engine.connect() as connection:
            moved = [row for row in read_touched(connection, [key]) if row.kind == COHORT]
        others = [row for row in moment.touched if row.kind != COHORT]
        return replace(moment, touched=[*others, *moved])

    def _only_forced(self, moment: _Moment, forced: set[dt.date]) -> set[dt.date]:
        """Days of the order that no events came for meanwhile."""
        return {row.day for row in moment.touched if row.kind == EVENTS and row.day in forced and not row.load_ids}

    def _plan(self, moment: _Moment, unchanged: set[dt.date], now: dt.datetime) -> Needs:
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

    def _store(self, moment: _Moment, needs: Needs, now: dt.datetime) -> StoredReport:
        total, course = StoredReport(), moment.course
        if not len(needs):
            return total
        sample = self._sample(moment, needs)
        failpoint("metrics.sampled")
        people = count_people(self.warehouse, course, needs.periods)
        for group in needs.groups():
            for periods in iter_bundles(list(group.causes), len(group.cards), people):
                for batch in self._batches(moment, group, periods, now):
                    total += self._store_batch(batch, group.causes, sample)
                    self.progress(f"calculating {course.project}/{course.course_id}", total.slices, len(needs))
        return total

    def _batches(self, moment: _Moment, group: Group, periods: Sequence[Period], now: dt.datetime) -> Iterator[Batch]:
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

    def _sample(self, moment: _Moment, needs: Needs) -> Sample:
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


def _course_as_cut(connection: Connection, project: str, course_id: str) -> LearningCourse:
    """A course in the zone its user-days are cut in; a zone set a moment ago is for the next run."""
    c = metric_courses.c
    query = select(c.time_zone).where(c.project == project, c.course_id == course_id)
    zone_name = connection.execute(query).scalar()
    if zone_name is None:
        return learning_course(connection, project, course_id)
    return LearningCourse(project, course_id, zone_of(zone_name))
