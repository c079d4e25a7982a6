"""``metrics restatements``: what changed in closed periods, and why."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from include.commands.metrics.sharing import (
    LimitOption,
    OffsetOption,
    ProjectOption,
    metric_stores,
    named_course,
    period_asked,
    period_text,
)
from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.metrics.names import parse_metrics
from include.metrics.reading.restatements import Restatement
from include.metrics.reading.restatements import restatements as read_restatements

USUAL_LIMIT = 100
UTC = ZoneInfo("UTC")  # of days when no course is named
AnyCourseOption = Annotated[str | None, typer.Option("--course", help="Only this course.")]
SinceOption = Annotated[str | None, typer.Option("--from", help="First day of restating, YYYY-MM-DD; any when absent.")]
UntilOption = Annotated[str | None, typer.Option("--to", help="Last day of restating, included.")]
OneMetricOption = Annotated[str | None, typer.Option("--metric", help="Only this metric.")]


@guarded
def restatements(
    course: AnyCourseOption = None,
    project: ProjectOption = None,
    first: SinceOption = None,
    last: UntilOption = None,
    metric: OneMetricOption = None,
    limit: LimitOption = USUAL_LIMIT,
    offset: OffsetOption = 0,
    as_json: JsonOption = False,
) -> None:
    """List values of closed periods that changed, the newest first, with old, new and cause.

    Args:
        course: only this course.
        project: its app.
        first: first day of restating.
        last: last day of it.
        metric: only this metric.
        limit: rows of a page.
        offset: rows before it.
        as_json: print one line of JSON.
    """
    stores = metric_stores(settings_here())
    named = named_course(stores.engine, course, project) if course is not None else None
    from_at, to_at = _bounds(named.zone if named else UTC, first, last)
    page = read_restatements(
        stores.engine,
        project=named.project if named else project,
        course_id=course,
        from_at=from_at,
        to_at=to_at,
        metric=parse_metrics([metric])[0] if metric else None,
        limit=limit,
        offset=offset,
    )
    if as_json:
        show({"items": [one.document() for one in page.items], "total": page.total}, as_json=True, title="")
        return
    rows = [_row(one) for one in page.items]
    title = f"Restatements, {offset + 1} to {offset + len(rows)} of {page.total}" if rows else "Restatements"
    show({"restatements": "none"}, as_json=False, title=title, rows=rows)


def _bounds(zone: ZoneInfo, first: str | None, last: str | None) -> tuple[dt.datetime | None, dt.datetime | None]:
    if not (first or last):
        return None, None
    from_at, to_at = period_asked(zone, first or last, last or first, None, None)
    return (from_at if first else None), (to_at if last else None)


def _row(one: Restatement) -> dict[str, Any]:
    return {
        "restated": f"{one.restated_at:%Y-%m-%d %H:%M}",
        "course": one.course_id,
        "metric": f"{one.metric} v{one.version}",
        "period": period_text(one.period),
        "user": one.user_ids or one.person_id,
        "old": "none" if one.old_value is None else one.old_value,
        "new": "none" if one.new_value is None else one.new_value,
        "cause": one.cause.replace("_", " "),
    }
