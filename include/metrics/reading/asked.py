"""What a question comes to in one course: definitions and periods."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from include.metrics.catalogue.cards import Card, cards_of
from include.metrics.courses import LearningCourse
from include.metrics.names import Metric
from include.metrics.periods.grains import Grain, Period
from include.metrics.reading.asking import Question
from include.metrics.reading.stored import Asked
from include.settings.learning import LearningSettings

DAYS_OF_RETURN = (Metric.RETENTION, 1)  # nobody has two days in one
ROWS_OF_SOME = ((Metric.RETENTION, 2), (Metric.TIME_ON_TASK, 1))  # of a cohort, of those who started a task


@dataclass(frozen=True)
class Answered:
    """What every answer about one metric and period says of itself.

    Attributes:
        course: the course.
        card: the definition.
        period: the period.
        state: ``open``, ``provisional`` or ``closed``.
        calculated_at: when, aware UTC; the moment of the question for what is not stored.
        is_stored: whether PostgreSQL keeps the values.
    """

    course: LearningCourse
    card: Card
    period: Period
    state: str
    calculated_at: dt.datetime
    is_stored: bool

    @property
    def project(self) -> str:
        """Project of the course."""
        return self.course.project

    @property
    def course_id(self) -> str:
        """Id of the course."""
        return self.course.course_id

    @property
    def metric(self) -> Metric:
        """Which of the six."""
        return self.card.metric

    @property
    def version(self) -> int:
        """1 or 2."""
        return self.card.version

    @property
    def card_digest(self) -> str:
        """Name of the definition."""
        return self.card.digest


def askable(course: LearningCourse, question: Question, settings: LearningSettings) -> list[Asked]:
    """Pair the current definitions of a course with the periods asked for.

    Args:
        course: the course.
        question: what is asked.
        settings: of learning metrics, part of the definitions.

    Returns:
        By metric, version and period; without what is not produced for a grain.

    Raises:
        InputError: too many periods (code ``bad_period``).
    """
    periods = question.periods(course.zone)
    cards = cards_of(question.metrics, question.versions, course.zone.key, settings)
    return [
        (card, period)
        for card in cards
        for period in periods
        if not (period.grain is Grain.DAY and (card.metric, card.version) == DAYS_OF_RETURN)
    ]


def holds_everybody(card: Card) -> bool:
    """Whether a metric has a row for everybody with an event in the period.

    Args:
        card: its definition.

    Returns:
        False for those of a cohort, or of those who started a task, only.
    """
    return (card.metric, card.version) not in ROWS_OF_SOME
