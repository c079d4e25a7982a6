"""Values of one person: as stored, else rolled up from user-days when somebody asks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from include.days import utc_now
from include.metrics.catalogue.cards import Card, card_of
from include.metrics.courses import LearningCourse, courses_as_cut
from include.metrics.names import Metric
from include.metrics.periods.grains import Period
from include.metrics.reading.asked import Answered, askable, holds_everybody
from include.metrics.reading.asking import Question, Stores, written
from include.metrics.reading.cutting import require_cut
from include.metrics.reading.derived import active_courses, derive_person, plan
from include.metrics.reading.known import Courses
from include.metrics.reading.limits import Deadline
from include.metrics.reading.stored import Asked, find_slices, values_of_person
from include.metrics.storing.states import period_state
from include.metrics.tables import TIMEOUTS_SECONDS
from include.metrics.values.computing import ValueRow

NO_EVENTS = "no_events"
# Why somebody with events has no row all the same.
NO_ROW = {Metric.RETENTION: "not_in_cohort", Metric.TIME_ON_TASK: "no_task_start"}


@dataclass(frozen=True)
class UserValue(Answered):
    """One value of one person, with everything it follows from.

    Attributes:
        value: the value; None when there is none.
        numerator: of ratios.
        denominator: of ratios.
        sample_n: what the value is made of.
        null_reason: why there is no value; None with one. Besides the reasons of the definitions: ``no_events`` in the
            period, ``not_in_cohort`` (the first day ever lies elsewhere), ``no_task_start``.
        by_timeout: the value at each time-out; None for metrics that are not kept at several.
    """

    value: float | None
    numerator: float | None
    denominator: float | None
    sample_n: int
    null_reason: str | None
    by_timeout: tuple[float, ...] | None

    @property
    def unit(self) -> str:
        """Unit of the value."""
        return self.card.unit

    @property
    def sensitivity(self) -> dict[str, float] | None:
        """The value by time-out in seconds."""
        if self.by_timeout is None:
            return None
        return {str(seconds): value for seconds, value in zip(TIMEOUTS_SECONDS, self.by_timeout, strict=True)}

    def document(self, user_id: str | int) -> dict[str, Any]:
        """The value as answers show it.

        Args:
            user_id: the person, as the question named them.

        Returns:
            The keys of the seed first; ready for JSON.
        """
        return {
            "metric_name": self.card.metric.value,
            "user_id": user_id,
            "course_id": self.course.course_id,
            "module_id": None,
            "value": self.value,
            "period_start": written(self.period.start_at),
            "period_end": written(self.period.end_at),
            "calculated_at": written(self.calculated_at),
            "version": self.card.version,
            "unit": self.card.unit,
            "grain": self.period.grain.value,
            "timezone": self.course.zone.key,
            "sample_n": self.sample_n,
            "null_reason": self.null_reason,
            "numerator": self.numerator,
            "denominator": self.denominator,
            "sensitivity": self.sensitivity,
            "state": self.state,
            "card_digest": self.card.digest,
            "is_stored": self.is_stored,
        }


def user_values(
    stores: Stores,
    course: LearningCourse,
    person_id: str,
    question: Question,
    *,
    now: dt.datetime | None = None,
    deadline: Deadline | None = None,
) -> list[UserValue]:
    """Read the values of one person in one course.

    Args:
        stores: where values are.
        course: the course.
        person_id: a known person of its project.
        question: what is asked.
        now: aware instant to use instead of the clock.
        deadline: of the answer this belongs to; None for one of its own.

    Returns:
        By metric, version and period, one for everything that was stored under the current definition or that whole
        days make up, also without events; nothing for free bounds that nobody calculated.

    Raises:
        InputError: too many periods (code ``bad_period``).
        StoreUnavailable: a store cannot be reached, the time is over, or days are just being cut in another zone.
    """
    now = (now or utc_now()).astimezone(dt.UTC)
    deadline = deadline or Deadline(stores.warehouse.read_seconds)
    asked = askable(course, question, stores.settings)
    with deadline.reading(stores.engine) as connection:
        slices = find_slices(connection, course, asked)
        found = values_of_person(connection, slices, person_id)
        derivable = [(card, period) for card, period in asked if period.is_whole_days and (card, period) not in slices]
        batches = plan(connection, course, derivable, now=now)
    if derivable:
        require_cut(stores.warehouse, course, limit_seconds=deadline.left_seconds())
    found |= derive_person(stores, deadline, batches, person_id)
    made = set(derivable)
    answered = [one for one in asked if one in slices or one in made]
    seen = _seen(stores, deadline, course, person_id, answered, found, now)
    return [
        _value(stores, course, one, found.get(one), seen, slices[one].calculated_at if one in slices else None, now)
        for one in answered
    ]


def values_of_user(
    stores: Stores,
    project: str,
    person_id: str,
    question: Question,
    *,
    readable: Courses | None,
    now: dt.datetime | None = None,
) -> list[UserValue]:
    """Read the values of one person in every course with events of theirs.

    Args:
        stores: where values are.
        project: of the person.
        person_id: a known person.
        question: what is asked.
        readable: courses that may be shown; None for all.
        now: aware instant to use instead of the clock.

    Returns:
        Values by course id, then as for one course.

    Raises:
        InputError: too many periods (code ``bad_period``).
        StoreUnavailable: a store cannot be reached, or the time is over.
    """
    deadline = Deadline(stores.warehouse.read_seconds)
    names = active_courses(stores, deadline, project, person_id, question)
    shown = [name for name in names if readable is None or (project, name) in readable]
    with deadline.reading(stores.engine) as connection:
        courses = courses_as_cut(connection, [(project, name) for name in shown])
    return [
        value
        for course in courses
        for value in user_values(stores, course, person_id, question, now=now, deadline=deadline)
    ]


def _seen(
    stores: Stores,
    deadline: Deadline,
    course: LearningCourse,
    person_id: str,
    answered: Sequence[Asked],
    found: Mapping[Asked, ValueRow],
    now: dt.datetime,
) -> set[Period]:
    """Periods the person has events in; asked for only where the values themselves do not tell."""
    seen = {period for _, period in found}
    told = {period for card, period in answered if holds_everybody(card)}
    unsure = dict.fromkeys(period for _, period in answered if period not in seen | told)
    card = card_of(Metric.ENGAGEMENT_SCORE, 1, course.zone.key, stores.settings)
    with deadline.reading(stores.engine) as connection:
        batches = plan(connection, course, [(card, period) for period in unsure], now=now)
    return seen | {period for _, period in derive_person(stores, deadline, batches, person_id)}


def _value(
    stores: Stores,
    course: LearningCourse,
    asked: Asked,
    row: ValueRow | None,
    seen: Container[Period],
    stored_at: dt.datetime | None,
    now: dt.datetime,
) -> UserValue:
    card, period = asked
    return UserValue(
        course=course,
        card=card,
        period=period,
        value=row.value if row else None,
        numerator=row.numerator if row else None,
        denominator=row.denominator if row else None,
        sample_n=row.sample_n if row else 0,
        null_reason=row.null_reason or None if row else _why_no_row(card, has_events=period in seen),
        by_timeout=row.by_timeout if row else None,
        state=period_state(period.end_at, now=now, grace_hours=stores.settings.grace_hours),
        calculated_at=stored_at or now,
        is_stored=stored_at is not None,
    )


def _why_no_row(card: Card, *, has_events: bool) -> str:
    """A metric with a row for everybody knew of no events when it was calculated, whatever came since."""
    return NO_ROW[card.metric] if has_events and not holds_everybody(card) else NO_EVENTS
