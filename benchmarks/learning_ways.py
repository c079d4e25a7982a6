"""Ways to get from a table of events to the values of all learning metrics, each for a process of its own."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.learning_stores import COURSES, FIRST_DAY, PROJECT, REQUIRED, RETENTION_DAYS, SQL
from include.days import iter_days
from include.metrics.catalogue.cards import cards_of
from include.metrics.courses import learning_course
from include.metrics.names import VERSIONS, Metric
from include.metrics.parts.building import ensure_user_days, rebuild_days
from include.metrics.parts.snapshot import Snapshot
from include.metrics.parts.sql import PARTS_SETTINGS, parts_of_events
from include.metrics.parts.taking import take_loads
from include.metrics.parts.touching import forget_touched, read_touched
from include.metrics.periods.grains import STANDARD_GRAINS, periods_of
from include.metrics.recalculating.job import recalculate
from include.metrics.recalculating.orders import Order
from include.metrics.tables import KINDS, TIMEOUTS_SECONDS, USER_DAYS
from include.metrics.values.batches import Batch, batches_of
from include.metrics.values.computing import read_values
from include.services.stores import Stores
from include.settings import Settings
from include.warehouse.client import bound
from include.warehouse.schema import drop_tables

EPOCH_DAY = dt.date(1970, 1, 1)
START_AT = dt.datetime.combine(FIRST_DAY, dt.time(), dt.UTC)
EVERYTHING = Snapshot(frontier=2**62, excluded=(), repeating=())
PIECE_BYTES = 1 << 20
USER_DAY_COLUMNS = {
    "course_id": "course_id",
    "person_id": "person_id",
    "day": "toUInt16(day)",
    "event_count": "event_count",
    **{f"{kind}_count": f"{kind}_count" for kind in KINDS},
    "first_ms": "toUnixTimestamp64Milli(first_at)",
    "last_ms": "toUnixTimestamp64Milli(last_at)",
    "is_task_start_last": "is_task_start_last",
    "gap_capped_ms": "gap_capped_ms",
    "task_gap_capped_ms": "task_gap_capped_ms",
    **{f"{what}_{s}_ms": f"{what}_{s}_ms" for s in TIMEOUTS_SECONDS for what in ("active", "task")},
    "session_count": "session_count",
    "engaged_session_count": "engaged_session_count",
    "done_items": "done_items",
}
"""What user-days by ClickHouse and by pandas are compared on: name and how ClickHouse gives it."""
Steps = dict[str, float]


@contextmanager
def timed(steps: Steps, name: str) -> Iterator[None]:
    """Add the seconds of a block to a step."""
    started = time.perf_counter()
    yield
    steps[name] = steps.get(name, 0.0) + time.perf_counter() - started


def moment_of(days: int) -> dt.datetime:
    """The instant at which everything is calculated: the cohorts of the last days have not had their n days."""
    return dt.datetime.combine(FIRST_DAY + dt.timedelta(days=days + 1), dt.time(12), dt.UTC)


def calculate_ours(stores: Stores, settings: Settings, days: int, folder: Path) -> Steps:
    """User-days in ClickHouse, then the values of every grain, written to files as PostgreSQL would copy them in."""
    steps: Steps = {}
    drop_tables(stores.warehouse, [USER_DAYS.name])
    ensure_user_days(stores.warehouse)
    table = settings.intake.events_table
    listed = tuple(iter_days(FIRST_DAY, FIRST_DAY + dt.timedelta(days=days)))  # sessions run over the last midnight
    for course_id in COURSES:
        with stores.state.connect() as connection:
            course = learning_course(connection, PROJECT, course_id)
        with timed(steps, "parts"):
            rebuild_days(stores.warehouse, stores.state, table, course, listed, EVERYTHING)
    for course_id in COURSES:
        with timed(steps, "values"):
            for number, batch in enumerate(_batches(stores, settings, course_id, days)):
                name = f"{course_id}_{batch.periods[0].grain}_{number}.tsv"
                with read_values(stores.warehouse, table, batch) as body, (folder / name).open("wb") as file:
                    while piece := body.read(PIECE_BYTES):
                        file.write(piece)
    return steps


def _batches(stores: Stores, settings: Settings, course_id: str, days: int) -> Iterator[Batch]:
    with stores.state.connect() as connection:
        course = learning_course(connection, PROJECT, course_id)
        cards = cards_of(Metric, VERSIONS, course.zone.key, settings.learning)
        listed = list(iter_days(FIRST_DAY, FIRST_DAY + dt.timedelta(days=days)))
        for grain in STANDARD_GRAINS:
            periods = periods_of(listed, grain, course.zone)
            yield from batches_of(connection, course, periods, cards, now=moment_of(days), snapshot=EVERYTHING)


def calculate_duckdb(database: Path, days: int, folder: Path) -> Steps:
    """The same by DuckDB: all tables in memory but the events, values written to files the same way."""
    import duckdb

    steps: Steps = {}
    given = {"required": list(REQUIRED), "n": RETENTION_DAYS, "today": (moment_of(days).date() - EPOCH_DAY).days}
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH '{database}' AS stored (READ_ONLY)")
        connection.execute("CREATE VIEW events AS FROM stored.events")

        def run(name: str, **places: str) -> None:
            sql = (SQL / f"duckdb_{name}.sql").read_text(encoding="utf-8")
            sql = sql.format(**places) if places else sql
            connection.execute(sql, {key: value for key, value in given.items() if f"${key}" in sql} or None)

        with timed(steps, "parts"):
            run("parts")
        with timed(steps, "values"):
            run("history")
            for grain in STANDARD_GRAINS:
                run("periods", grain=grain)
                run("values", grain=grain, file=str(folder / f"all_{grain}.tsv"))
    return steps


def read_user_days(stores: Stores, settings: Settings, days: int, file: Path) -> Steps:
    """The query of user-days alone, read as text."""
    steps: Steps = {}
    with timed(steps, "query"), file.open("wb") as target:
        for course_id in COURSES:
            with stores.state.connect() as connection:
                course = learning_course(connection, PROJECT, course_id)
            parts = parts_of_events(
                settings.intake.events_table,
                course,
                moment_of(-1) - dt.timedelta(hours=12),
                moment_of(days),
                EVERYTHING,
                is_final=False,
            )
            said = ", ".join(f"{name} = {value}" for name, value in PARTS_SETTINGS.items())
            sql = (
                f"SELECT {', '.join(USER_DAY_COLUMNS.values())} FROM ({parts.sql}) SETTINGS {said} FORMAT TabSeparated"
            )
            with stores.warehouse.read_stream(bound(sql, parts.params)) as body:
                while piece := body.read(PIECE_BYTES):
                    target.write(piece)
    return steps


def make_user_days(database: Path, file: Path) -> Steps:
    """The same by pandas, from a frame that is in memory already."""
    import duckdb

    from benchmarks.learning_pandas import user_days

    steps: Steps = {}
    with duckdb.connect(str(database), read_only=True) as connection:
        events = connection.execute(
            "SELECT DISTINCT * REPLACE (person_id::VARCHAR AS person_id, event_id::VARCHAR AS event_id) FROM events"
        ).df()
    with timed(steps, "query"):
        found = user_days(events)
    found["done_items"] = ["[" + ",".join(f"'{item}'" for item in items) + "]" for items in found["done_items"]]
    found[list(USER_DAY_COLUMNS)].to_csv(file, sep="\t", header=False, index=False)
    return steps


def run_job(stores: Stores, settings: Settings, days: int) -> dict[str, Any]:
    """The job as it is scheduled, over events that nobody has calculated yet; its report."""
    report = recalculate(stores.warehouse, stores.state, settings, Order(), run_id="benchmark", now=moment_of(days))
    return asdict(report)


def prepare_history(stores: Stores, settings: Settings, days: int) -> None:
    """Make the user-days of a history and note nothing as touched, so that the next run has late events only."""
    table = settings.intake.events_table
    ensure_user_days(stores.warehouse)
    take_loads(stores.warehouse, stores.state, table, now=moment_of(days))
    for course_id in COURSES:
        with stores.state.connect() as connection:
            course = learning_course(connection, PROJECT, course_id)
            touched = read_touched(connection, [(PROJECT, course_id)])
        rebuild_days(stores.warehouse, stores.state, table, course, sorted({row.day for row in touched}), EVERYTHING)
        with stores.state.begin() as connection:
            forget_touched(connection, read_touched(connection, [(PROJECT, course_id)]))
