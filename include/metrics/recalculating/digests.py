"""Whether building the user-days of a day anew has changed them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from include.metrics.courses import LearningCourse
from include.metrics.tables import USER_DAYS
from include.warehouse.client import Warehouse, quoted

WITHOUT = "load_id"  # events that came once more change who brought them, and nothing else


def digest_days(warehouse: Warehouse, course: LearningCourse, days: Sequence[dt.date]) -> dict[dt.date, int]:
    """Digests of the user-days of a course.

    Args:
        warehouse: the warehouse.
        course: the course.
        days: local days.

    Returns:
        A number by day that any change of a person's day changes; 0 where nobody was.
    """
    if not days:
        return {}
    rows = warehouse.execute(
        f"SELECT day, sum(cityHash64(* EXCEPT ({WITHOUT}))) FROM {quoted(USER_DAYS.name)} "
        "WHERE project = %(project)s AND course_id = %(course)s AND day IN %(days)s GROUP BY day",
        {"project": course.project, "course": course.course_id, "days": tuple(days)},
    )
    found = dict(rows)
    return {day: int(found.get(day, 0)) for day in days}
