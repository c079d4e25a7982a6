"""Figures of a course: what the values of its people are like."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from include.days import utc_now
from include.metrics.courses import LearningCourse
from include.metrics.reading.asked import Answered, askable
from include.metrics.reading.asking import Question, Stores, written
from include.metrics.reading.gathering import Found, iter_found
from include.metrics.reading.limits import Deadline
from include.metrics.reading.statistics import Statistics, statistics_of
from include.metrics.storing.states import period_state
from include.settings.learning import LearningSettings


@dataclass(frozen=True)
class CourseFigure(Answered):
    """One metric of one course and period.

    Attributes:
        n_users: people with at least one event in the period.
        statistics: of their values.
    """

    n_users: int
    statistics: Statistics

    @property
    def unit(self) -> str:
        """Unit of the mean."""
        return self.card.course_unit

    def document(self) -> dict[str, Any]:
        """The figure as answers show it.

        Returns:
            The keys of the seed first; ready for JSON.
        """
        found = self.statistics
        return {
            "metric_name": self.card.metric.value,
            "course_id": self.course.course_id,
            "period_start": written(self.period.start_at),
            "period_end": written(self.period.end_at),
            "average_value": found.average_value,
            "version": self.card.version,
            "unit": self.card.course_unit,
            "n_users": self.n_users,
            "n_null": found.n_null,
            "median": found.median,
            "min": found.minimum,
            "max": found.maximum,
            "pooled_value": found.pooled_value,
            "n_values": found.n_values,
            "quantiles": found.quantiles,
            "distribution": found.distribution,
            "sample_n": found.sample_n,
            "sensitivity": found.sensitivity,
            "grain": self.period.grain.value,
            "timezone": self.course.zone.key,
            "calculated_at": written(self.calculated_at),
            "state": self.state,
            "card_digest": self.card.digest,
            "is_stored": self.is_stored,
        }


def course_figures(
    stores: Stores, course: LearningCourse, question: Question, *, now: dt.datetime | None = None
) -> list[CourseFigure]:
    """Describe a course.

    Args:
        stores: where values are.
        course: the course.
        question: what is asked.
        now: aware instant to use instead of the clock.

    Returns:
        By metric, version and period, one for everything that was stored under the current definition or that whole
        days make up, also without events; nothing for free bounds that nobody calculated.

    Raises:
        InputError: too many periods (code ``bad_period``).
        StoreUnavailable: a store cannot be reached, or the time is over.
    """
    now = (now or utc_now()).astimezone(dt.UTC)
    deadline = Deadline(stores.warehouse.read_seconds)
    found = iter_found(stores, deadline, course, question, now=now)
    figures = {one.asked: figure_of(one, course, stores.settings, now) for one in found}
    return [figures[one] for one in askable(course, question, stores.settings) if one in figures]


def figure_of(found: Found, course: LearningCourse, settings: LearningSettings, now: dt.datetime) -> CourseFigure:
    """Describe the values behind one figure.

    Args:
        found: the values.
        course: the course.
        settings: of learning metrics.
        now: aware UTC; the moment of the question.

    Returns:
        The figure.
    """
    card, period = found.asked
    return CourseFigure(
        course=course,
        card=card,
        period=period,
        n_users=found.n_users,
        statistics=statistics_of(found.people, card),
        state=period_state(period.end_at, now=now, grace_hours=settings.grace_hours),
        calculated_at=found.stored_at or now,
        is_stored=found.stored_at is not None,
    )
