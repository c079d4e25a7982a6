"""No event of a course lost on its way into user-days, and none counted twice."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from importlib.resources import files
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, select

from include.metrics.parts.snapshot import Snapshot, read_snapshot
from include.metrics.parts.sql import PARTS_SETTINGS, milliseconds_of
from include.metrics.periods.grains import day_start, local_day
from include.metrics.tables import USER_DAYS
from include.provenance.conservation import Balance
from include.state.engine import reachable
from include.state.tables import metric_courses, metric_touched_days
from include.warehouse.client import Warehouse, quoted

ADVICE = (
    "Calculate the days again: python -m include metrics recalculate --from D --to D; user-days are made of events."
)
Key = tuple[str, str]
Counts = dict[Key, int]


@dataclass(frozen=True)
class _Settled:
    """Courses whose user-days should say what their events say, and which events count."""

    zones: dict[Key, str]
    snapshot: Snapshot


def balance_courses(warehouse: Warehouse, state: Engine, table: str, *, since: dt.datetime) -> list[Balance]:
    """Balance the events of courses with the user-days made of them.

    Args:
        warehouse: the warehouse.
        state: the state engine.
        table: table of events.
        since: aware instant; whole local days of each course from the one it lies in.

    Returns:
        One balance per course, in order; none of courses that wait for a calculation, and none at all while a
        calculation changes what counts.

    Raises:
        StoreUnavailable: a store cannot be reached.
    """
    before = _settled(state)
    by_zone: dict[str, list[Key]] = defaultdict(list)
    for key, name in before.zones.items():
        by_zone[name].append(key)
    came: Counts = {}
    became: Counts = {}
    for name, keys in by_zone.items():
        zone = ZoneInfo(name)
        first_day = local_day(since, zone)
        came |= _events(warehouse, table, keys, day_start(first_day, zone), before.snapshot)
        became |= _days(warehouse, keys, first_day)
    if _settled(state) != before:
        return []
    return [
        Balance(
            f"events of course {'/'.join(key)}",
            {"events": came.get(key, 0)},
            {"in_user_days": became.get(key, 0)},
            ADVICE,
        )
        for key in sorted(before.zones)
    ]


def _settled(state: Engine) -> _Settled:
    c, w = metric_courses.c, metric_touched_days.c
    with reachable(state), state.connect() as connection:
        connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            waits = connection.execute(select(w.project, w.course_id).distinct()).all()
            rows = connection.execute(select(c.project, c.course_id, c.time_zone)).all()
            snapshot = read_snapshot(connection)
    waiting = {(row.project, row.course_id) for row in waits}
    zones = {(row.project, row.course_id): row.time_zone for row in rows}
    return _Settled({key: zone for key, zone in zones.items() if key not in waiting}, snapshot)


def _events(warehouse: Warehouse, table: str, keys: list[Key], start_at: dt.datetime, snapshot: Snapshot) -> Counts:
    values = {"courses": tuple(keys), "start_ms": milliseconds_of(start_at), **snapshot.params}
    sql = _sql("course_events").format(table=quoted(table), snapshot=snapshot.sql)
    rows = warehouse.execute(sql, values, PARTS_SETTINGS)
    return {(project, course_id): int(count) for project, course_id, count in rows}


def _days(warehouse: Warehouse, keys: list[Key], first_day: dt.date) -> Counts:
    sql = _sql("course_days").format(table=quoted(USER_DAYS.name))
    rows = warehouse.execute(sql, {"courses": tuple(keys), "first_day": first_day})
    return {(project, course_id): int(count) for project, course_id, count in rows}


def _sql(name: str) -> str:
    return files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
