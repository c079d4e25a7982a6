"""The recalculation job: user-days and values of every course follow its events."""

from __future__ import annotations

import datetime as dt
import logging
import time
from dataclasses import dataclass

from sqlalchemy import Engine

from include.days import utc_now
from include.errors import MetricsDisagree
from include.failpoints import failpoint
from include.metrics.parts.building import ensure_user_days
from include.metrics.parts.taking import take_loads
from include.metrics.recalculating import course_run
from include.metrics.recalculating.choosing import CourseKey, chosen_courses
from include.metrics.recalculating.course_run import CourseReport, CourseRun
from include.metrics.recalculating.orders import Order
from include.metrics.storing import values
from include.metrics.storing.writing import StoredReport
from include.progress import Progress, no_progress
from include.settings import Settings
from include.state.engine import reachable
from include.warehouse.client import Warehouse

log = logging.getLogger(__name__)

FAILPOINTS = ("metrics.begun", "metrics.loads_taken", *course_run.FAILPOINTS, *values.FAILPOINTS)


@dataclass(frozen=True)
class RecalculationReport:
    """What one run did.

    Attributes:
        loads: loads of events taken.
        courses: courses with something to do, ``project/course_id``, in order.
        days: days of courses whose user-days were built anew.
        user_days: rows they have now.
        events: events they were made of.
        slices: slices calculated: a metric in a version for a course and period.
        new_slices: of them, calculated for the first time.
        values: values of people in them.
        changed: values written, changed or removed; the others were left alone.
        restated: changed values of closed periods.
        vanished: people who are no longer in a slice.
        compared: values that pandas calculated too, with the same result.
        seconds: duration.
    """

    loads: int
    courses: tuple[str, ...]
    days: int
    user_days: int
    events: int
    slices: int
    new_slices: int
    values: int
    changed: int
    restated: int
    vanished: int
    compared: int
    seconds: float


def recalculate(
    warehouse: Warehouse,
    engine: Engine,
    settings: Settings,
    order: Order,
    *,
    run_id: str,
    now: dt.datetime | None = None,
    progress: Progress = no_progress,
) -> RecalculationReport:
    """Bring the metrics up to date, and calculate what an order names besides.

    Loads that came since the last run are taken first; then, course by course and under the course's lock, touched
    days are built anew and every slice that follows from them is calculated, checked against pandas and stored. Killed
    anywhere and run again, the result is that of one run.

    Args:
        warehouse: the warehouse.
        engine: the state engine.
        settings: all settings.
        order: what is wanted.
        run_id: the run, kept with slices and restatements.
        now: aware instant to use instead of the clock.
        progress: told how far it is.

    Returns:
        What was done.

    Raises:
        InputError: a named course does not exist (``course_unknown``, ``ambiguous_project``).
        StoreUnavailable: a store cannot be reached; run it again.
        StoreError: what came out of a store does not add up.
        MetricsDisagree: both engines differ in a course; the others were finished before.
    """
    started = time.monotonic()
    ensure_user_days(warehouse)
    failpoint("metrics.begun")
    taken = take_loads(warehouse, engine, settings.intake.events_table, now=now or utc_now())
    failpoint("metrics.loads_taken")
    with reachable(engine), engine.connect() as connection:
        keys = chosen_courses(connection, order, now=now or utc_now())
    reports: dict[CourseKey, CourseReport] = {}
    disagreements: list[MetricsDisagree] = []
    for key in keys:
        try:
            run = CourseRun(warehouse, engine, settings, order, run_id, now, progress)
            reports[key] = run.run(key)
        except MetricsDisagree as error:  # one course with a defect does not hold up the others
            log.error("course %s/%s: %s", *key, error.message)
            disagreements.append(error)
    if disagreements:
        raise disagreements[0]
    return _report(len(taken.load_ids), reports, time.monotonic() - started)


def _report(loads: int, reports: dict[CourseKey, CourseReport], seconds: float) -> RecalculationReport:
    stored = sum((report.stored for report in reports.values()), StoredReport())
    return RecalculationReport(
        loads=loads,
        courses=tuple("/".join(key) for key, report in reports.items() if report.days or report.stored.slices),
        days=sum(report.days for report in reports.values()),
        user_days=sum(report.user_days for report in reports.values()),
        events=sum(report.events for report in reports.values()),
        slices=stored.slices,
        new_slices=stored.new_slices,
        values=stored.values,
        changed=stored.changed,
        restated=stored.restated,
        vanished=stored.vanished,
        compared=sum(report.compared for report in reports.values()),
        seconds=seconds,
    )
