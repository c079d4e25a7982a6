"""What a calculation of learning metrics left behind: one row per metric and period, with counts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, and_, func, select

from include.api.context import ApiContext
from include.api.tasks.task_views import TaskRef
from include.metrics.names import Metric
from include.state.engine import reachable
from include.state.tables import metric_restatements, metric_slices, metric_values


def calculated_slices(context: ApiContext, ref: TaskRef, limit: int, offset: int) -> tuple[list[dict[str, Any]], int]:
    """List what a task calculated.

    A task of the API shows the period it was asked for, whichever run wrote it last; a run of others shows what it
    wrote itself.

    Args:
        context: of the app.
        ref: a task of the kind metrics.
        limit: most rows.
        offset: rows left out from the start.

    Returns:
        Rows in order of project, course, metric, version and period, and how many there are in all.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    s = metric_slices.c
    asked = ref.row.parameters if ref.row else {}
    is_meant = _is_asked(asked) if asked else s.run_id == ref.task_id
    order = (s.project, s.course_id, s.metric, s.version, s.period_start_at, s.period_end_at, s.slice_id)
    engine = context.stores.state
    with reachable(engine), engine.connect() as connection:
        if asked:
            rows = _newest(connection.execute(_query(is_meant, ref).order_by(*order)).mappings().all())
            return [_shown(row) for row in rows[offset : offset + limit]], len(rows)
        total = connection.execute(select(func.count()).select_from(metric_slices).where(is_meant)).scalar_one()
        page = _query(is_meant, ref).order_by(*order).limit(limit).offset(offset)
        return [_shown(row) for row in connection.execute(page).mappings()], total


def _is_asked(asked: Mapping[str, Any]) -> ColumnElement[bool]:
    s = metric_slices.c
    return and_(
        s.project == asked["project"],
        s.course_id == asked["course_id"],
        s.metric.in_(asked["metrics"]),
        s.version.in_(asked["versions"]),
        s.period_start_at == dt.datetime.fromisoformat(asked["period_start"]),
        s.period_end_at == dt.datetime.fromisoformat(asked["period_end"]),
    )


def _query(is_meant: ColumnElement[bool], ref: TaskRef) -> Select[Any]:
    s, v, r = metric_slices.c, metric_values.c, metric_restatements.c
    unknown = select(func.count()).where(v.slice_id == s.slice_id, v.value.is_(None)).scalar_subquery()
    restated = select(func.count()).where(r.slice_id == s.slice_id, r.run_id == ref.task_id).scalar_subquery()
    return select(metric_slices, unknown.label("null_count"), restated.label("restated_count")).where(is_meant)


def _newest(rows: Sequence[RowMapping]) -> list[RowMapping]:
    """Of slices with several definitions, the one that was calculated last; metrics in the order of the catalogue."""
    found: dict[tuple[str, int], RowMapping] = {}
    for row in rows:
        key = row["metric"], row["version"]
        if key not in found or found[key]["calculated_at"] < row["calculated_at"]:
            found[key] = row
    places = {metric.value: place for place, metric in enumerate(Metric)}
    return sorted(found.values(), key=lambda row: (places[row["metric"]], row["version"]))


def _shown(row: RowMapping) -> dict[str, Any]:
    return {
        "metric_name": row["metric"],
        "version": row["version"],
        "project": row["project"],
        "course_id": row["course_id"],
        "grain": row["grain"],
        "period_start": _written(row["period_start_at"]),
        "period_end": _written(row["period_end_at"]),
        "timezone": row["time_zone"],
        "n_users": row["row_count"],
        "n_null": row["null_count"],
        "restated": row["restated_count"],
        "calculated_at": _written(row["calculated_at"]),
    }


def _written(instant: dt.datetime) -> str:
    return instant.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
