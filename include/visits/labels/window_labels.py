"""Labels from what a visitor did in the visit or within some days: a goal reached, an order, an event."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, select

from include.days import day_bounds
from include.errors import DayNotReady, InputError
from include.failpoints import failpoint
from include.progress import Progress, no_progress
from include.state.counters import read_counter
from include.state.engine import reachable
from include.state.tables import day_stages
from include.visits.labels.delimited import BadRows
from include.visits.labels.event_rows import COLUMNS, iter_event_rows
from include.visits.labels.reports import LabelReport, describe_labels
from include.visits.labels.store_labels import read_sql, store_day
from include.visits.labels.tables import FOUND_LABELS, LABEL_EVENTS, TABLES
from include.warehouse.client import Warehouse, quoted
from include.warehouse.day_swap import day_count, staging
from include.warehouse.schema import ensure_tables, stored_columns

DAY_SECONDS = 86_400
GOAL_COLUMNS = {"goal_ids": "ym:s:goalsID", "goal_at": "ym:s:goalsDateTime"}
MOST_DAYS = 92  # of a window: a quarter


@dataclass(frozen=True)
class Window:
    """Which visits are labelled, and how long their outcome is awaited.

    Attributes:
        counter_ids: the counters.
        first, last: days on which the visits started; None for every loaded day.
        within_days: days after the start of a visit in which its client's deed counts; 0 for the visit itself.
        as_of: nothing that happened later is known, UTC.
        source: name under which the labels are kept.
    """

    counter_ids: Sequence[int]
    first: dt.date | None
    last: dt.date | None
    within_days: int
    as_of: dt.datetime
    source: str


@dataclass(frozen=True)
class _Events:
    """Where the deeds are read from.

    Attributes:
        query: rows of client_id, visit_id, occurred_at.
        parameters: of the query.
        are_stored_by_day: the deeds of later days are known only when those days are loaded.
    """

    query: str
    parameters: dict[str, object]
    are_stored_by_day: bool


def label_by_goal(
    warehouse: Warehouse,
    state: Engine,
    window: Window,
    goal_id: int,
    *,
    run_id: str,
    now: dt.datetime,
    progress: Progress = no_progress,
) -> LabelReport:
    """Label visits by a Metrika goal that their client reached in time.

    Args:
        warehouse: the warehouse; ``visits`` holds the goals.
        state: the state engine.
        window: which visits, and how long.
        goal_id: Metrika's goal id.
        run_id: names the staging table.
        now: time of the import.
        progress: told after each day.

    Returns:
        What was done.

    Raises:
        InputError: goals are not loaded, no day of the range is, or the window is too long.
        StoreUnavailable: a store cannot be reached.
    """
    missing = [name for column, name in GOAL_COLUMNS.items() if column not in stored_columns(warehouse, "visits")]
    if missing:
        raise InputError(
            f"Visits are stored without {' and '.join(missing)}; add both {' and '.join(GOAL_COLUMNS.values())} to "
            "METRIKA_VISIT_FIELDS and load the days again.",
            code="goals_not_loaded",
            pointer="METRIKA_VISIT_FIELDS",
        )
    events = _Events(read_sql("goal_events"), {"goal_id": goal_id}, are_stored_by_day=True)
    return _label(warehouse, state, window, events, run_id=run_id, now=now, progress=progress)


def label_by_events(
    warehouse: Warehouse,
    state: Engine,
    window: Window,
    path: Path,
    zone: ZoneInfo | None,
    *,
    run_id: str,
    now: dt.datetime,
    progress: Progress = no_progress,
) -> LabelReport:
    """Label visits by events of their clients, such as orders of a CRM.

    Args:
        warehouse: the warehouse, with ``visits``.
        state: the state engine.
        window: which visits, and how long.
        path: CSV file ``client_id,occurred_at``.
        zone: zone of times without an offset; None when every time needs one.
        run_id: names the staging tables.
        now: time of the import.
        progress: told after each day.

    Returns:
        What was done; ``unknown_ids`` are clients without a visit in the range.

    Raises:
        InputError: bad rows, no loaded day, or a window that is too long; nothing is imported then.
        StoreUnavailable: a store cannot be reached.
    """
    with staging(warehouse, LABEL_EVENTS, run_id) as stage:
        bad = BadRows(path)
        insert = f"INSERT INTO {quoted(stage)} ({', '.join(COLUMNS)}) FORMAT TabSeparated"
        warehouse.insert_stream(insert, iter_event_rows(path, zone, bad))
        bad.refuse()
        query = f"SELECT client_id, toUInt64(0) AS visit_id, occurred_at FROM {quoted(stage)}"
        events = _Events(query, {}, are_stored_by_day=False)
        report = _label(warehouse, state, window, events, run_id=run_id, now=now, progress=progress)
        ((rows, distinct),) = warehouse.execute(
            f"SELECT count(), uniqExact(client_id, occurred_at) FROM {quoted(stage)}"
        )
        unknown = _clients_without_visits(warehouse, stage, window)
    return report.with_counts(rows=int(rows), duplicates=int(rows - distinct), unknown_ids=unknown)


def _clients_without_visits(warehouse: Warehouse, stage: str, window: Window) -> tuple[str, ...]:
    dates = "AND date BETWEEN %(first)s AND %(last)s" if window.first else ""
    found = warehouse.execute(
        f"SELECT DISTINCT toString(client_id) AS client FROM {quoted(stage)} WHERE client_id GLOBAL NOT IN "
        f"(SELECT client_id FROM visits WHERE counter_id IN %(counters)s {dates}) ORDER BY client",
        {"counters": tuple(window.counter_ids), "first": window.first, "last": window.last},
    )
    return tuple(client for (client,) in found)


def _label(
    warehouse: Warehouse,
    state: Engine,
    window: Window,
    events: _Events,
    *,
    run_id: str,
    now: dt.datetime,
    progress: Progress,
) -> LabelReport:
    if not 0 <= window.within_days <= MOST_DAYS:
        raise InputError(
            f"A window of {window.within_days} days is not possible; give 0 to {MOST_DAYS}.",
            code="bad_window",
            pointer="--within-days",
        )
    ensure_tables(warehouse, TABLES)
    loaded = {counter_id: _loaded_days(state, counter_id) for counter_id in window.counter_ids}
    days = [(counter_id, day) for counter_id, found in loaded.items() for day in found if _is_wanted(window, day)]
    if not days:
        raise DayNotReady(
            "No day of the range is loaded for these counters, so there is nothing to label; run "
            "'python -m include load --date YYYY-MM-DD' first.",
            code="day_not_loaded",
            pointer="--from",
        )
    visits = 0
    with staging(warehouse, FOUND_LABELS, f"{run_id}found") as found:
        for number, (counter_id, day) in enumerate(days):
            progress("looking for outcomes", number, len(days))
            visits += day_count(warehouse, "visits", counter_id, day)
            known_until = window.as_of
            if events.are_stored_by_day and window.within_days:
                known_until = min(known_until, _complete_until(state, counter_id, day, loaded[counter_id]))
            _find(warehouse, found, window, events, counter_id=counter_id, day=day, known_until=known_until)
        failpoint("labels.found")
        changed = _store(warehouse, state, found, window, days, now)
        report = describe_labels(warehouse, found, window.source, days)
        early = warehouse.scalar(
            f"SELECT countIf(label AND window_ends_at > toDateTime(%(as_of)s, 'UTC')) FROM {quoted(found)}",
            {"as_of": int(window.as_of.timestamp())},
        )
    progress("labels stored", len(days), len(days))
    return report.with_counts(rows=visits, pending=visits - report.matched, early=int(early), changed_days=changed)


def _is_wanted(window: Window, day: dt.date) -> bool:
    return (window.first is None or day >= window.first) and (window.last is None or day <= window.last)


def _loaded_days(state: Engine, counter_id: int) -> list[dt.date]:
    c = day_stages.c
    query = select(c.day).where(c.counter_id == counter_id, c.stage == "visits").order_by(c.day)
    with reachable(state), state.connect() as connection:
        return list(connection.execute(query).scalars())


def _complete_until(state: Engine, counter_id: int, day: dt.date, loaded: Sequence[dt.date]) -> dt.datetime:
    """End of the last day of the unbroken run of loaded days: what came later is not stored here."""
    known = set(loaded)
    while day + dt.timedelta(days=1) in known:
        day += dt.timedelta(days=1)
    with reachable(state), state.connect() as connection:
        counter = read_counter(connection, counter_id)
    return day_bounds(day, counter.zone)[1]


def _find(
    warehouse: Warehouse,
    found: str,
    window: Window,
    events: _Events,
    *,
    counter_id: int,
    day: dt.date,
    known_until: dt.datetime,
) -> None:
    names = ", ".join(quoted(column.name) for column in FOUND_LABELS.columns)
    query = read_sql("window_labels").format(events=events.query)
    warehouse.execute(
        f"INSERT INTO {quoted(found)} ({names})\nSELECT * FROM (\n{query}\n) "
        "WHERE label = 1 OR window_ends_at <= toDateTime(%(known_until)s, 'UTC')",
        {
            "counter_id": counter_id,
            "day": day,
            "last_day": day + dt.timedelta(days=window.within_days + 1),  # a window ends on the day after at most
            "source": window.source,
            "within_seconds": window.within_days * DAY_SECONDS,
            "as_of": int(window.as_of.timestamp()),
            "known_until": int(known_until.timestamp()),
            **events.parameters,
        },
    )


def _store(
    warehouse: Warehouse,
    state: Engine,
    found: str,
    window: Window,
    days: Sequence[tuple[int, dt.date]],
    now: dt.datetime,
) -> int:
    return sum(
        store_day(
            warehouse,
            state,
            found,
            counter_id=counter_id,
            day=day,
            source=window.source,
            now=now,
            keeps_unnamed=False,
        )
        for counter_id, day in days
    )
