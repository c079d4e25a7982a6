"""Two periods beside each other: of a course, or of one person in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from include.days import utc_now
from include.errors import InputError
from include.metrics.courses import LearningCourse
from include.metrics.names import Metric
from include.metrics.periods.grains import Period
from include.metrics.reading.asking import Question, Stores, day_count, written
from include.metrics.reading.course_figures import CourseFigure, figure_of
from include.metrics.reading.gathering import iter_found
from include.metrics.reading.limits import Deadline
from include.metrics.reading.pairing import Paired, paired_of
from include.metrics.reading.people import People, nobody
from include.metrics.reading.users import UserValue, user_values

Key = tuple[Metric, int]


@dataclass(frozen=True)
class Compared:
    """One metric in both periods.

    Attributes:
        metric: which of the six.
        version: 1 or 2.
        periods: the first and the second.
        first: figure or value of the first period; None when there is none to be had.
        second: of the second.
        paired: of the people in both periods; None for one person.
    """

    metric: Metric
    version: int
    periods: tuple[Period, Period]
    first: CourseFigure | UserValue | None
    second: CourseFigure | UserValue | None
    paired: Paired | None

    @property
    def first_value(self) -> float | None:
        """Mean of the course, or value of the person, in the first period."""
        return _value(self.first)

    @property
    def second_value(self) -> float | None:
        """The same in the second period."""
        return _value(self.second)

    @property
    def difference(self) -> float | None:
        """Second minus first; None without both."""
        first, second = self.first_value, self.second_value
        return None if first is None or second is None else second - first

    @property
    def relative_difference(self) -> float | None:
        """The difference as a share of the first value; None without both, and where the first is 0."""
        return self.difference / abs(self.first_value) if self.first_value and self.difference is not None else None

    def document(self, user_id: str | int | None = None) -> dict[str, Any]:
        """The comparison as answers show it.

        Args:
            user_id: the person, as the question named them; None for a course.

        Returns:
            Ready for JSON; ``first`` and ``second`` are whole figures or values, with the lengths of their periods
            beside them: nothing is divided by these lengths.
        """
        shown = self.first or self.second
        both = {"first": self.first, "second": self.second}
        found: dict[str, Any] = {
            "metric_name": self.metric.value,
            "version": self.version,
            "unit": shown.unit if shown else None,
            "first_value": self.first_value,
            "second_value": self.second_value,
            "difference": self.difference,
            "relative_difference": self.relative_difference,
        }
        for (name, one), period in zip(both.items(), self.periods, strict=True):
            found |= {f"{name}_{key}": value for key, value in _length(period).items()}
            found[name] = one and (one.document() if isinstance(one, CourseFigure) else one.document(user_id or ""))
        return found if self.paired is None else {**found, **asdict(self.paired)}


@dataclass(frozen=True)
class Comparison:
    """Two periods of a course, or of one person in it.

    Attributes:
        course: the course.
        first: the first period.
        second: the second period; may overlap the first, lie before it, or be of another length.
        rows: by metric and version.
    """

    course: LearningCourse
    first: Period
    second: Period
    rows: tuple[Compared, ...]

    def document(self, user_id: str | int | None = None) -> dict[str, Any]:
        """The whole comparison.

        Args:
            user_id: the person, as the question named them; None for a course.

        Returns:
            Course, both periods with their lengths, and ``items``; ready for JSON.
        """
        return {
            "project": self.course.project,
            "course_id": self.course.course_id,
            **{f"first_{key}": value for key, value in _length(self.first).items()},
            **{f"second_{key}": value for key, value in _length(self.second).items()},
            "items": [row.document(user_id) for row in self.rows],
        }


def compare_course(
    stores: Stores, course: LearningCourse, first: Question, second: Question, *, now: dt.datetime | None = None
) -> Comparison:
    """Compare two periods of a course.

    Args:
        stores: where values are.
        course: the course.
        first: the first period, without a grain.
        second: the second period, without a grain.
        now: aware instant to use instead of the clock.

    Returns:
        Both figures of every metric that one of the periods has, and what became of the people in both.

    Raises:
        InputError: a question has a grain (code ``conflicting_input``).
        StoreUnavailable: a store cannot be reached, or the time is over.
    """
    now = (now or utc_now()).astimezone(dt.UTC)
    periods = _periods(course, first, second)
    deadline = Deadline(stores.warehouse.read_seconds)
    figures: list[dict[Key, CourseFigure]] = []
    people: list[dict[Key, People]] = []
    for question in (first, second):
        found = list(iter_found(stores, deadline, course, question, now=now))
        drawn = [figure_of(one, course, stores.settings, now) for one in found]
        figures.append({(one.metric, one.version): one for one in drawn})
        people.append({(one.metric, one.version): few.people for one, few in zip(drawn, found, strict=True)})
    rows = tuple(
        Compared(
            *key,
            periods,
            figures[0].get(key),
            figures[1].get(key),
            paired_of(people[0].get(key) or nobody(), people[1].get(key) or nobody()),
        )
        for key in _keys(first, second)
        if key in figures[0] or key in figures[1]
    )
    return Comparison(course, *periods, rows)


def compare_user(
    stores: Stores,
    course: LearningCourse,
    person_id: str,
    first: Question,
    second: Question,
    *,
    now: dt.datetime | None = None,
) -> Comparison:
    """Compare two periods of one person in a course.

    Args:
        stores: where values are.
        course: the course.
        person_id: a known person of its project.
        first: the first period, without a grain.
        second: the second period, without a grain.
        now: aware instant to use instead of the clock.

    Returns:
        Both values of every metric that one of the periods has.

    Raises:
        InputError: a question has a grain (code ``conflicting_input``).
        StoreUnavailable: a store cannot be reached, or the time is over.
    """
    now = (now or utc_now()).astimezone(dt.UTC)
    periods = _periods(course, first, second)
    deadline = Deadline(stores.warehouse.read_seconds)
    values: list[Mapping[Key, UserValue]] = [
        {
            (one.metric, one.version): one
            for one in user_values(stores, course, person_id, question, now=now, deadline=deadline)
        }
        for question in (first, second)
    ]
    rows = tuple(
        Compared(*key, periods, values[0].get(key), values[1].get(key), None)
        for key in _keys(first, second)
        if key in values[0] or key in values[1]
    )
    return Comparison(course, *periods, rows)


def _periods(course: LearningCourse, first: Question, second: Question) -> tuple[Period, Period]:
    if first.grain or second.grain:
        raise InputError(
            "Two periods are compared as they are; leave the grain out.", code="conflicting_input", pointer="/grain"
        )
    return first.periods(course.zone)[0], second.periods(course.zone)[0]


def _keys(*questions: Question) -> Sequence[Key]:
    asked = {(metric, version) for one in questions for metric in one.metrics for version in one.versions}
    return _in_order(asked)


def _in_order(keys: Iterable[Key]) -> list[Key]:
    places = {metric: place for place, metric in enumerate(Metric)}
    return sorted(keys, key=lambda key: (places[key[0]], key[1]))


def _value(found: CourseFigure | UserValue | None) -> float | None:
    if found is None:
        return None
    return found.statistics.average_value if isinstance(found, CourseFigure) else found.value


def _length(period: Period) -> dict[str, Any]:
    return {
        "start": written(period.start_at),
        "end": written(period.end_at),
        "seconds": (period.end_at - period.start_at).total_seconds(),
        "days": day_count(period),
    }
