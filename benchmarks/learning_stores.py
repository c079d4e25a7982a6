"""The stores of a learning platform for benchmarks: made-up events as loads leave them, and the same in DuckDB."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import psutil
from sqlalchemy import Connection, delete, insert, text

from include.days import utc_now
from include.events.tables import events_table
from include.metrics.tables import USER_DAYS
from include.services.stores import Stores
from include.settings import Settings
from include.state.tables import (
    course_items,
    courses,
    event_loads,
    metric_cards,
    metric_courses,
    metric_loads,
    metric_restatements,
    metric_slices,
    metric_touched_days,
    metric_values,
)
from include.warehouse.client import Warehouse
from include.warehouse.schema import drop_tables, ensure_tables

SQL = Path(__file__).parent / "learning_sql"
PROJECT, COURSES = "default", ("course-0", "course-1")
FIRST_DAY = dt.date(2025, 9, 1)  # a Monday, and the first day of a month
LEARNERS = 50_000
SESSION_EVENTS = 13  # mean
LOAD_SESSIONS = 500_000 // SESSION_EVENTS  # loads hold at most half a million events
COPIED_SHARE = 50  # one of so many rows is there twice, as a killed loader leaves them
REQUIRED = tuple(f"task-{number}" for number in range(40))
RETENTION_DAYS = 7
INPUT = (course_items, courses, event_loads)
VALUES = (
    *(metric_restatements, metric_values, metric_slices, metric_cards, metric_touched_days, metric_loads),
    metric_courses,
)
EXPORT = """
SELECT scope_id AS course_id, toString(person_id) AS person_id, toString(event_id) AS event_id,
    toUnixTimestamp64Milli(event_time) AS event_ms, event_name, props, module_id
FROM {table} ORDER BY event_time FORMAT Parquet
"""


def fill(stores: Stores, settings: Settings, *, events: int, days: int) -> int:
    """Put events into empty stores, over so many days, some of them twice; give how many there are without copies."""
    table = settings.intake.events_table
    drop_tables(stores.warehouse, [table, USER_DAYS.name])
    ensure_tables(stores.warehouse, [events_table(table)])
    sessions = events // SESSION_EVENTS
    stores.warehouse.execute(_events_sql(table), _given(first_session=0, sessions=sessions, days=days))
    stores.warehouse.execute(
        f"INSERT INTO {table} SELECT * FROM {table} WHERE cityHash64(event_id) % {COPIED_SHARE} = 0"
    )
    loads = stores.warehouse.scalar(f"SELECT max(load_id) FROM {table}")
    with stores.state.begin() as connection:
        for one in (*VALUES, *INPUT):
            connection.execute(delete(one))
        _register(connection)
        _land(connection, range(1, loads + 1))
    return int(stores.warehouse.scalar(f"SELECT count() FROM {table} FINAL"))


def send_late(stores: Stores, settings: Settings, *, day: dt.date, sessions: int, load_id: int) -> None:
    """Land one more load, whose events all begin on one day."""
    given = _given(first_session=load_id * 10_000_000, sessions=sessions, days=1, day=day)
    given |= {"first_load": load_id, "load_sessions": 2**40}
    stores.warehouse.execute(_events_sql(settings.intake.events_table), given)
    with stores.state.begin() as connection:
        _land(connection, [load_id])


def forget_values(stores: Stores) -> None:
    """Leave the events as they are, as if nobody had calculated anything."""
    drop_tables(stores.warehouse, [USER_DAYS.name])
    with stores.state.begin() as connection:
        connection.execute(text("TRUNCATE " + ", ".join(table.name for table in VALUES)))


def export(warehouse: Warehouse, table: str, folder: Path) -> None:
    """Write every row of the events, copies too, in the order of time, to the database ``events.duckdb``."""
    import duckdb

    parquet = folder / "events.parquet"
    with warehouse.read_stream(EXPORT.format(table=table)) as body, parquet.open("wb") as file:
        while piece := body.read(1 << 20):
            file.write(piece)
    target = folder / "events.duckdb"
    target.unlink(missing_ok=True)
    with duckdb.connect(str(target)) as connection:
        connection.execute(
            "CREATE TABLE events AS SELECT course_id::VARCHAR AS course_id, person_id::UUID AS person_id, "
            "event_id::UUID AS event_id, event_ms::BIGINT AS event_ms, event_name::VARCHAR AS event_name, "
            f"props::VARCHAR AS props, module_id::VARCHAR AS module_id FROM '{parquet}'"
        )
    parquet.unlink()


def server_process(folder: Path) -> psutil.Process:
    """The ClickHouse server whose files lie in a folder."""
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if "clickhouse_server" in line and str(folder) in line:
            return process
    raise SystemExit(f"No ClickHouse server runs in {folder}.")


def _events_sql(table: str) -> str:
    return (SQL / "events.sql").read_text(encoding="utf-8").replace("{table}", table)


def _given(*, first_session: int, sessions: int, days: int, day: dt.date = FIRST_DAY) -> dict[str, int]:
    start = dt.datetime.combine(day, dt.time(), dt.UTC)
    return {
        "first_session": first_session,
        "sessions": sessions,
        "days": days,
        "start_ms": int(start.timestamp() * 1000),
        "learners": LEARNERS,
        "first_load": 1,
        "load_sessions": LOAD_SESSIONS,
    }


def _register(connection: Connection) -> None:
    now, long_ago = utc_now(), dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    for course in COURSES:
        key = {"project": PROJECT, "course_id": course}
        connection.execute(insert(courses).values(**key, time_zone="UTC", updated_by="benchmark", updated_at=now))
        items = [
            {
                **key,
                "item_id": item,
                "module_id": "",
                "is_required": True,
                "valid_from_at": long_ago,
                "valid_to_at": None,
            }
            for item in REQUIRED
        ]
        connection.execute(insert(course_items), items)


def _land(connection: Connection, load_ids: range | list[int]) -> None:
    now = utc_now()
    counts = {"batch_count": 1, "event_count": 1, "landed_count": 1, "repeat_count": 0, "attempt_count": 1}
    moments = {"first_received_at": now, "last_received_at": now, "claimed_at": now, "landed_at": now}
    connection.execute(
        insert(event_loads),
        [{"load_id": load_id, "run_id": "benchmark", **counts, **moments} for load_id in load_ids],
    )
