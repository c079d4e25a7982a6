"""The values behind the figures of a course: as stored, else rolled up from user-days when somebody asks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from include.metrics.catalogue.cards import card_of
from include.metrics.courses import LearningCourse
from include.metrics.names import Metric
from include.metrics.periods.grains import Period
from include.metrics.reading.asked import askable, holds_everybody
from include.metrics.reading.asking import Question, Stores
from include.metrics.reading.cutting import require_cut
from include.metrics.reading.derived import count_people, iter_derived, plan
from include.metrics.reading.limits import Deadline
from include.metrics.reading.people import People
from include.metrics.reading.stored import Asked, StoredSlice, find_slices, iter_people, person_counts

# Metrics with a row for everybody with an event, in both versions and all grains.
OF_EVERYBODY = (Metric.ENGAGEMENT_SCORE, Metric.COMPLETION_RATE, Metric.ACTIVITY_INDEX, Metric.FOCUS_RATIO)


@dataclass(frozen=True)
class Found:
    """The values of everybody for one card and period.

    Attributes:
        asked: card and period.
        people: the values.
        n_users: people with at least one event in the period.
        stored_at: when the values were calculated; None for values that are not stored.
    """

    asked: Asked
    people: People
    n_users: int
    stored_at: dt.datetime | None


def iter_found(
    stores: Stores, deadline: Deadline, course: LearningCourse, question: Question, *, now: dt.datetime
) -> Iterator[Found]:
    """Read the values a question asks for, of everybody.

    Args:
        stores: where values are.
        deadline: of the answer.
        course: the course.
        question: what is asked.
        now: aware UTC; which days have begun and ended.

    Yields:
        What was stored under the current definition, then what whole days make up; in no order that matters.

    Raises:
        InputError: too many periods (code ``bad_period``).
        StoreUnavailable: a store cannot be reached, the time is over, or days are just being cut in another zone.
    """
    asked = askable(course, question, stores.settings)
    with deadline.reading(stores.engine) as connection:
        slices = find_slices(connection, course, asked)
        counts = _stored_counts(stores, deadline, connection, course, slices, now)
        for one, people in iter_people(connection, slices):
            yield Found(one, people, _n_users(one, people, counts), slices[one].calculated_at)
    derivable = [(card, period) for card, period in asked if period.is_whole_days and (card, period) not in slices]
    if not derivable:
        return
    require_cut(stores.warehouse, course, limit_seconds=deadline.left_seconds())
    counts = count_people(stores, deadline, course, list(dict.fromkeys(period for _, period in derivable)))
    with deadline.reading(stores.engine) as connection:
        batches = plan(connection, course, derivable, now=now, rows_of=counts)
    for one, people in iter_derived(stores, deadline, batches):
        yield Found(one, people, _n_users(one, people, counts), None)


def _n_users(asked: Asked, people: People, counts: Mapping[Period, int]) -> int:
    card, period = asked
    return len(people.values) if holds_everybody(card) else counts[period]


def _stored_counts(
    stores: Stores,
    deadline: Deadline,
    connection: Connection,
    course: LearningCourse,
    slices: Mapping[Asked, StoredSlice],
    now: dt.datetime,
) -> dict[Period, int]:
    """People with events in the periods of stored slices that hold some of them only."""
    wanted = list(dict.fromkeys(period for card, period in slices if not holds_everybody(card)))
    if not wanted:
        return {}
    counts = person_counts(connection, course, wanted, OF_EVERYBODY)
    unknown = [period for period in wanted if period not in counts]
    whole = [period for period in unknown if period.is_whole_days]
    return (
        counts
        | count_people(stores, deadline, course, whole)
        | _counted(
            stores, deadline, connection, course, [period for period in unknown if not period.is_whole_days], now
        )
    )


def _counted(
    stores: Stores,
    deadline: Deadline,
    connection: Connection,
    course: LearningCourse,
    periods: Sequence[Period],
    now: dt.datetime,
) -> dict[Period, int]:
    """Periods that cut days: only events tell."""
    card = card_of(Metric.ENGAGEMENT_SCORE, 1, course.zone.key, stores.settings)
    batches = plan(connection, course, [(card, period) for period in periods], now=now)
    return {period: len(people.values) for (_, period), people in iter_derived(stores, deadline, batches)}
