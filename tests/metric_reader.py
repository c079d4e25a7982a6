"""Somebody who reads what recalculations leave behind."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from include.metrics.courses import LearningCourse
from include.metrics.names import Metric
from include.metrics.reading.asking import Question, Stores, ask
from include.metrics.reading.course_figures import CourseFigure, course_figures
from include.metrics.reading.users import UserValue, user_values
from include.state.tables import metric_slices, metric_values
from tests.metric_events import COURSE, MONDAY, person_id
from tests.metric_runs import CLOSED, MetricRuns


def day_of(number: int) -> dt.date:
    """A day counted from the first Monday."""
    return MONDAY + dt.timedelta(days=number)


def instant(text: str) -> dt.datetime:
    """An instant in UTC."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


WEEK = (instant("2025-03-03"), instant("2025-03-10"))


@dataclass
class Reader:
    """Somebody who reads what a recalculation leaves behind."""

    runs: MetricRuns

    @property
    def stores(self) -> Stores:
        """Where values are."""
        mine = self.runs.stores
        return Stores.of(mine.warehouse, mine.state, mine.settings)

    def course(self, course: str = COURSE) -> LearningCourse:
        """A course with the zone of its days."""
        return self.runs.stores.course(course)

    def question(self, bounds: tuple[dt.datetime, dt.datetime] = WEEK, **asked: Any) -> Question:
        """A question of both versions of all metrics."""
        return ask(*bounds, **{"version": "all", **asked}, default_version=1)

    def user(
        self, user: str = "u1", *, now: dt.datetime = CLOSED, course: str = COURSE, **asked: Any
    ) -> list[UserValue]:
        """Values of a learner."""
        return user_values(self.stores, self.course(course), person_id(user), self.question(**asked), now=now)

    def figures(self, *, now: dt.datetime = CLOSED, course: str = COURSE, **asked: Any) -> list[CourseFigure]:
        """Figures of a course."""
        return course_figures(self.stores, self.course(course), self.question(**asked), now=now)

    def figure(self, metric: str, version: int, **asked: Any) -> CourseFigure:
        """The only figure of a metric."""
        (found,) = self.figures(metrics=[metric], version=version, **asked)
        return found

    def forget_values(self) -> None:
        """Leave user-days alone, but nothing that was calculated from them."""
        with self.runs.stores.state.begin() as connection:
            connection.execute(metric_values.delete())
            connection.execute(metric_slices.delete())


def values_by_key(values: list[UserValue]) -> dict[tuple[Metric, int], UserValue]:
    """Values of one period by metric and version."""
    return {(one.metric, one.version): one for one in values}
