"""User-days of one zone are never read under the name of another."""

from __future__ import annotations

from importlib.resources import files

from include.errors import StoreUnavailable
from include.metrics.courses import LearningCourse
from include.metrics.tables import USER_DAYS
from include.warehouse.client import Warehouse, quoted


def require_cut(warehouse: Warehouse, course: LearningCourse, *, limit_seconds: float) -> None:
    """Make sure that all user-days of a course are cut in its zone.

    Args:
        warehouse: ClickHouse with user-days.
        course: the course with the zone that values shall be in.
        limit_seconds: how long this may take.

    Raises:
        StoreUnavailable: some are of another zone, and the run that cuts them anew has not ended; or ClickHouse cannot
            be reached, or the time is over.
    """
    sql = files(__package__).joinpath("foreign_days.sql").read_text(encoding="utf-8")
    params = {"project": course.project, "course_id": course.course_id, "zone": course.zone.key}
    settings = {"max_execution_time": limit_seconds}
    if warehouse.execute(sql.replace("{user_days}", quoted(USER_DAYS.name)), params, settings):
        raise StoreUnavailable(
            f"The days of course {course.course_id} are being cut in the zone {course.zone.key}; ask again when the "
            "run of learning_metrics has ended."
        )
