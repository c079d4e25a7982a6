"""``metrics courses``: what is calculated, and what waits."""

from __future__ import annotations

from typing import Any

from include.commands.metrics.sharing import LimitOption, OffsetOption, ProjectOption, metric_stores
from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.metrics.reading.courses_listed import ListedCourse, listed_courses

USUAL_LIMIT = 100


@guarded
def courses(
    project: ProjectOption = None,
    limit: LimitOption = USUAL_LIMIT,
    offset: OffsetOption = 0,
    as_json: JsonOption = False,
) -> None:
    """List the courses with their days, people and stored periods, and how many days wait for a calculation.

    Args:
        project: only this app's.
        limit: courses of a page.
        offset: courses before it.
        as_json: print one line of JSON.
    """
    page = listed_courses(metric_stores(settings_here()), project=project, limit=limit, offset=offset)
    if as_json:
        show({"items": [one.document() for one in page.items], "total": page.total}, as_json=True, title="")
        return
    rows = [_row(one) for one in page.items]
    title = f"Courses, {offset + 1} to {offset + len(rows)} of {page.total}" if rows else "Courses"
    show({"courses": "none yet"}, as_json=False, title=title, rows=rows)


def _row(one: ListedCourse) -> dict[str, Any]:
    calculated = one.last_calculated_at
    return {
        "course": one.course_id,
        "app": one.project,
        "zone": one.time_zone,
        "days": f"{one.first_day} to {one.last_day}" if one.first_day else "none",
        "people": one.person_count,
        "periods": one.slice_count,
        "calculated": f"{calculated:%Y-%m-%d %H:%M} UTC" if calculated else "not yet",
        "waiting_days": one.pending_day_count,
    }
