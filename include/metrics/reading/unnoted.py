"""Courses whose events were loaded before any run of the metrics has noted them."""

from __future__ import annotations

from importlib.resources import files

from include.accounts.texts import is_writable
from include.warehouse.client import Warehouse, quoted


def unnoted_projects(
    warehouse: Warehouse, events_table: str, course_id: str, project: str | None = None
) -> tuple[str, ...]:
    """Look for a course among the loaded events.

    Args:
        warehouse: ClickHouse.
        events_table: its table of events, which must exist.
        course_id: id of the course.
        project: only this project; None for all.

    Returns:
        Up to two projects that have events of such a course, in order.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    if not is_writable(course_id + (project or "")):
        return ()
    sql = files(__package__).joinpath("unnoted.sql").read_text(encoding="utf-8").format(events=quoted(events_table))
    rows = warehouse.execute(sql, {"course_id": course_id, "project": project or ""})
    return tuple(row[0] for row in rows)
