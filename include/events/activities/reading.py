"""Reading activities: one by id, also before it is loaded, and lists of those that are."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, select

from include.events.activities.activity import OTHER_SOURCES, STORED_COLUMNS, Activity, activity_from
from include.events.activities.waiting import find_waiting
from include.events.envelope.times import EPOCH, ONE_MS
from include.state.engine import reachable
from include.state.tables import projects
from include.warehouse.client import Warehouse, quoted

LARGEST_SKEW = dt.timedelta(days=1)  # the clock of a sender is corrected by no more
COLUMNS = ", ".join(STORED_COLUMNS)


@dataclass(frozen=True)
class Wanted:
    """Which activities are wanted; None where any will do.

    Attributes:
        project: app code, or ``default``.
        start_at: first instant, aware.
        end_at: first instant after the period.
        customer_id: of this customer.
        session_id: of this session.
        event_name: of this action, in its one spelling.
    """

    project: str
    start_at: dt.datetime | None = None
    end_at: dt.datetime | None = None
    customer_id: str | None = None
    session_id: str | None = None
    event_name: str | None = None


def find_activity(
    warehouse: Warehouse, engine: Engine, table: str, *, project: str, activity_id: UUID
) -> Activity | None:
    """Find one activity, wherever it is on its way.

    Args:
        warehouse: ClickHouse.
        engine: the state engine.
        table: ClickHouse table of events.
        project: app code, or ``default``.
        activity_id: id of its event.

    Returns:
        The activity, or None when there is none of this id.

    Raises:
        StoreUnavailable: a store cannot be reached.
    """
    # The inbox first: an event leaves it only after it can be read in the warehouse.
    waiting = _find_in_inbox(engine, project, activity_id)
    if waiting is not None:
        return None if waiting["source"] in OTHER_SOURCES else activity_from(waiting)
    values = {"project": project, "event_id": str(activity_id), "other_sources": OTHER_SOURCES}
    rows = _ask(warehouse, "one", values, columns=COLUMNS, table=quoted(table))
    return _activity(rows[0]) if rows else None


def list_activities(
    warehouse: Warehouse, table: str, wanted: Wanted, *, limit: int, skip: int
) -> tuple[list[Activity], int]:
    """List activities that have been loaded, newest first.

    Args:
        warehouse: ClickHouse.
        table: its table of events.
        wanted: which ones.
        limit: activities of the page.
        skip: activities before it.

    Returns:
        The page, and how many there are in all.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached, or it took too long.
    """
    conditions, values = _conditions(wanted)
    parts = {"table": quoted(table), "conditions": " AND ".join(conditions)}
    total: int = _ask(warehouse, "total", values, **parts)[0][0]
    if skip >= total:
        return [], total
    rows = _ask(warehouse, "page", {**values, "limit": limit, "skip": skip}, columns=COLUMNS, **parts)
    return [_activity(row) for row in rows], total


def list_session(warehouse: Warehouse, table: str, *, project: str, session_id: str, limit: int) -> list[Activity]:
    """List what happened in a session, as far as it has been loaded.

    Args:
        warehouse: ClickHouse.
        table: its table of events.
        project: app code, or ``default``.
        session_id: the session.
        limit: most activities.

    Returns:
        Activities, the earliest first.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached, or it took too long.
    """
    values = {"project": project, "session_id": session_id, "other_sources": OTHER_SOURCES, "limit": limit}
    return [_activity(row) for row in _ask(warehouse, "session", values, columns=COLUMNS, table=quoted(table))]


def _find_in_inbox(engine: Engine, project: str, activity_id: UUID) -> dict[str, Any] | None:
    with reachable(engine), engine.connect() as connection:
        query = select(projects.c.project_number).where(projects.c.project == project)
        project_number = connection.execute(query).scalar()
    return None if project_number is None else find_waiting(engine, project_number, activity_id)


def _conditions(wanted: Wanted) -> tuple[list[str], dict[str, Any]]:
    found = ["project = %(project)s", "source NOT IN %(other_sources)s"]
    values: dict[str, Any] = {"project": wanted.project, "other_sources": OTHER_SOURCES}
    for column in ("event_name", "customer_id", "session_id"):
        value = getattr(wanted, column)
        if value is not None:
            found.append(f"{column} = %({column})s")
            values[column] = value
    # occurred_at lies at most a day from event_time and is in the sort key, so it narrows what is read.
    if wanted.start_at is not None:
        found += [_bound("event_time", ">=", "start"), _bound("occurred_at", ">=", "first")]
        values |= {"start": _ms(wanted.start_at), "first": _ms(wanted.start_at - LARGEST_SKEW)}
    if wanted.end_at is not None:
        found += [_bound("event_time", "<", "end"), _bound("occurred_at", "<", "last")]
        values |= {"end": _ms(wanted.end_at), "last": _ms(wanted.end_at + LARGEST_SKEW)}
    return found, values


def _bound(column: str, comparison: str, name: str) -> str:
    return f"{column} {comparison} fromUnixTimestamp64Milli(%({name})s, 'UTC')"


def _ms(moment: dt.datetime) -> int:
    return (moment - EPOCH) // ONE_MS


def _ask(warehouse: Warehouse, name: str, values: dict[str, Any], **parts: str) -> list[tuple[Any, ...]]:
    settings = {"max_execution_time": warehouse.read_seconds}
    return warehouse.execute(_read(name).format(**parts), values, settings)


def _activity(row: tuple[Any, ...]) -> Activity:
    return activity_from(dict(zip(STORED_COLUMNS, row, strict=True)))


@cache
def _read(name: str) -> str:
    return files(__package__).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8").strip()
