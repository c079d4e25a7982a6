"""Retention curves of a course, from its user-days in one query.

People who began together, by the day, week or month of their first-ever active day d0 in the course, make a cohort. For
every n from 0 to the longest day the curve says which share of them was there:

* ``exact``: active on the local day d0 + n;
* ``unbounded``: active on d0 + n or on any later day that events are known of, so it may still rise;
* ``rolling``: active on at least one of the last ``window_days`` days up to d0 + n, of which d0 itself never is one:
  on a day of d0 + max(1, n - window_days + 1) to d0 + n. For n = 0 the window is d0 alone.

The denominator of every share are the people of the cohort whose day d0 + n has ended; the share is null while there
are none. All kinds are 1 at n = 0. ``exact`` at n = 7 is version 2 of the metric ``retention`` with its usual settings.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from include.days import utc_now
from include.metrics.courses import LearningCourse
from include.metrics.periods.grains import ONE_DAY, Period, local_day, period_between
from include.metrics.reading.asking import written
from include.metrics.reading.cutting import require_cut
from include.metrics.reading.limits import Deadline
from include.metrics.retention.asking import CurveQuestion
from include.metrics.retention.cohorts import Beginners, Cohort, CurveKind, cohort_of
from include.metrics.tables import USER_DAYS
from include.warehouse.client import Warehouse, quoted

NEVER = 2**40  # days after the last active day, as far as windows are concerned


@dataclass(frozen=True)
class Curves:
    """Retention curves of one course.

    Attributes:
        course: the course.
        question: what was asked.
        cohorts: in order, also those nobody began in.
        total: everybody who began in one of them, as one cohort.
        calculated_at: the moment that decided which days have ended, aware UTC.
    """

    course: LearningCourse
    question: CurveQuestion
    cohorts: tuple[Cohort, ...]
    total: Cohort
    calculated_at: dt.datetime

    def rows(self) -> list[dict[str, Any]]:
        """One row per cohort and day n.

        Returns:
            Rows with cohort (its first day), cohort_size, n, closed_count, and count and share of every kind.
        """
        return [{"cohort": _name(one.period), **row} for one in self.cohorts for row in _points(one)]

    def wide(self, kind: CurveKind) -> list[dict[str, Any]]:
        """One row per cohort.

        Args:
            kind: which share is shown.

        Returns:
            Rows with cohort (its first day), cohort_size, and the share of every day as day_0, day_1 and so on.
        """
        return [
            {
                "cohort": _name(one.period),
                "cohort_size": one.person_count,
                **{f"day_{point.n}": point.share(kind) for point in one.points},
            }
            for one in self.cohorts
        ]

    def document(self) -> dict[str, Any]:
        """The whole answer.

        Returns:
            What was asked, ``items`` (the rows) and ``total`` (the rows of everybody together), ready for JSON.
        """
        question = self.question
        return {
            "project": self.course.project,
            "course_id": self.course.course_id,
            "timezone": self.course.zone.key,
            "grain": question.grain.value,
            "first_day": self.cohorts[0].period.first_day.isoformat(),
            "last_day": (self.cohorts[-1].period.end_day - ONE_DAY).isoformat(),
            "longest_days": question.longest_days,
            "window_days": question.window_days,
            "calculated_at": written(self.calculated_at),
            "items": self.rows(),
            "total": list(_points(self.total)),
        }


def retention_curves(
    warehouse: Warehouse, course: LearningCourse, question: CurveQuestion, *, now: dt.datetime | None = None
) -> Curves:
    """Follow the cohorts of a course.

    Args:
        warehouse: ClickHouse with user-days; the answer takes at most its ``read_seconds``.
        course: the course.
        question: which cohorts, and how long.
        now: aware instant to use instead of the clock.

    Returns:
        The curves.

    Raises:
        InputError: too many cohorts (code ``bad_period``).
        StoreUnavailable: ClickHouse cannot be reached, the time is over, or days are just being cut in another zone.
    """
    now = (now or utc_now()).astimezone(dt.UTC)
    periods = question.cohorts(course.zone)
    last_ended_day = local_day(now, course.zone) - ONE_DAY
    deadline = Deadline(warehouse.read_seconds)
    require_cut(warehouse, course, limit_seconds=deadline.left_seconds())
    beginners = _read_beginners(warehouse, course, question, periods, deadline)
    cohorts = tuple(
        cohort_of(
            period,
            (one for one in beginners if period.first_day <= one.first_day < period.end_day),
            last_ended_day,
            question.longest_days,
        )
        for period in periods
    )
    whole = period_between(periods[0].start_at, periods[-1].end_at, course.zone)
    return Curves(course, question, cohorts, cohort_of(whole, beginners, last_ended_day, question.longest_days), now)


def _read_beginners(
    warehouse: Warehouse,
    course: LearningCourse,
    question: CurveQuestion,
    periods: tuple[Period, ...],
    deadline: Deadline,
) -> tuple[Beginners, ...]:
    params = {
        "project": course.project,
        "course_id": course.course_id,
        "first_day": periods[0].first_day,
        "last_day": periods[-1].end_day - ONE_DAY,
        "beyond": question.longest_days + 1,
        "window_days": question.window_days,
        "never": NEVER,
    }
    settings = {"max_execution_time": deadline.left_seconds()}
    places = question.longest_days + 2
    found: dict[dt.date, Beginners] = {}
    for day, n, *counts in warehouse.execute(_sql(), params, settings):
        one = found.setdefault(day, Beginners(day, [0] * places, [0] * places, [0] * places))
        for series, count in zip((one.active_counts, one.last_counts, one.covered_changes), counts, strict=True):
            series[n] = count
    return tuple(found.values())


def _points(cohort: Cohort) -> list[dict[str, Any]]:
    return [
        {
            "cohort_size": cohort.person_count,
            "n": point.n,
            "closed_count": point.closed_count,
            **{
                key: value
                for kind in CurveKind
                for key, value in ((f"{kind}_count", point.count(kind)), (f"{kind}_share", point.share(kind)))
            },
        }
        for point in cohort.points
    ]


def _name(period: Period) -> str:
    return period.first_day.isoformat()


@cache
def _sql() -> str:
    text = files(__package__).joinpath("curves.sql").read_text(encoding="utf-8")
    return text.replace("{user_days}", quoted(USER_DAYS.name))
