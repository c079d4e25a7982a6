"""Rejected events in the warehouse, for analysis: a copy of the quarantine."""

from __future__ import annotations

from sqlalchemy import Engine, RowMapping, select, update

from include.events.tables import REJECTED
from include.failpoints import failpoint
from include.state.engine import reachable
from include.state.tables import event_quarantine, projects
from include.warehouse.client import Warehouse

ROWS_AT_ONCE = 1_000  # an event has at most 64 KiB
_NAMES = [column.name for column in REJECTED.columns]


def copy_rejections(warehouse: Warehouse, engine: Engine, table: str) -> int:
    """Copy what came into the quarantine since the last time.

    A copy made twice, because the process died before it was noted, is one row again after a merge.

    Args:
        warehouse: the warehouse.
        engine: the state engine.
        table: table of rejected events.

    Returns:
        How many rows.

    Raises:
        StoreUnavailable: a store cannot be reached.
    """
    copied = 0
    while rows := _uncopied(engine):
        warehouse.insert_columns(table, _NAMES, [[row[name] for row in rows] for name in _NAMES])
        failpoint("events_load.rejections_copied")
        _mark(engine, [str(row["quarantine_id"]) for row in rows])
        failpoint("events_load.rejections_marked")
        copied += len(rows)
    return copied


def _uncopied(engine: Engine) -> list[RowMapping]:
    q = event_quarantine.c
    query = (
        select(projects.c.project, *(q[name] for name in _NAMES if name != "project"))
        .join(projects, projects.c.project_number == q.project_number)
        .where(q.is_copied.is_(False))
        .order_by(q.quarantine_id)
        .limit(ROWS_AT_ONCE)
    )
    with reachable(engine), engine.connect() as connection:
        return list(connection.execute(query).mappings())


def _mark(engine: Engine, ids: list[str]) -> None:
    c = event_quarantine.c
    with reachable(engine), engine.begin() as connection:
        connection.execute(update(event_quarantine).where(c.quarantine_id.in_(ids)).values(is_copied=True))
