"""Cutting work so that one transaction stays of a size a database likes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

from include.metrics.courses import LearningCourse
from include.metrics.periods.grains import Period
from include.metrics.tables import USER_DAYS
from include.warehouse.client import Warehouse, quoted

MOST_VALUES = 1_000_000  # of one transaction: some seconds, some hundred MB


def count_people(warehouse: Warehouse, course: LearningCourse, periods: Sequence[Period]) -> dict[dt.date, int]:
    """How many people were active on each day of some periods.

    Args:
        warehouse: the warehouse.
        course: the course.
        periods: the periods.

    Returns:
        People by local day; days without any are absent.
    """
    if not periods:
        return {}
    rows = warehouse.execute(
        f"SELECT day, count() FROM {quoted(USER_DAYS.name)} WHERE project = %(project)s AND course_id = %(course)s "
        "AND day >= %(first)s AND day < %(end)s GROUP BY day",
        {
            "project": course.project,
            "course": course.course_id,
            "first": min(period.first_day for period in periods),
            "end": max(period.end_day for period in periods),
        },
    )
    return dict(rows)


def iter_bundles(
    periods: Sequence[Period], card_count: int, people: Mapping[dt.date, int], *, most_values: int = MOST_VALUES
) -> Iterator[list[Period]]:
    """Cut periods into bundles of about as many values, each period whole.

    Args:
        periods: periods in the order of time.
        card_count: metrics and versions of each.
        people: people by local day.
        most_values: values of a bundle, unless a single period has more.

    Yields:
        Bundles of periods, in order.
    """
    bundle: list[Period] = []
    values = 0
    for period in periods:
        size = card_count * sum(people.get(day, 0) for day in period.days)
        if bundle and values + size > most_values:
            yield bundle
            bundle, values = [], 0
        bundle.append(period)
        values += size
    if bundle:
        yield bundle
