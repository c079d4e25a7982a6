"""Which batches go into the warehouse together, and what became of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, delete, select, text, update

from include.days import utc_now
from include.failpoints import failpoint
from include.state.engine import reachable
from include.state.tables import event_loads, inbox_batches, receipts

# Grain: one batch. The oldest waiting batches by receipt, as many as fit, but always one.
_CLAIM = text("""
WITH waiting AS (
    SELECT receipt_number, event_count, received_at, sum(event_count) OVER (ORDER BY receipt_number) AS running
    FROM inbox_batches WHERE load_id IS NULL ORDER BY receipt_number LIMIT :most
), chosen AS (
    SELECT * FROM waiting WHERE running <= :most OR running = event_count
), made AS (
    INSERT INTO event_loads (batch_count, event_count, first_received_at, last_received_at, run_id, claimed_at)
    SELECT count(*), sum(event_count), min(received_at), max(received_at), :run_id, :now
    FROM chosen HAVING count(*) > 0
    RETURNING *
), taken AS (
    UPDATE inbox_batches AS b SET load_id = made.load_id
    FROM made, chosen WHERE b.receipt_number = chosen.receipt_number
)
SELECT * FROM made
""")

# Grain: one batch. The later half of a load's batches go into a load of their own.
_SPLIT = text("""
WITH ranked AS (
    SELECT receipt_number, event_count, received_at,
           row_number() OVER (ORDER BY receipt_number) * 2 > count(*) OVER () AS is_later
    FROM inbox_batches WHERE load_id = :load_id
), made AS (
    INSERT INTO event_loads (batch_count, event_count, first_received_at, last_received_at, run_id, claimed_at)
    SELECT count(*), sum(event_count), min(received_at), max(received_at), :run_id, :now FROM ranked WHERE is_later
    RETURNING load_id
), moved AS (
    UPDATE inbox_batches AS b SET load_id = made.load_id
    FROM made, ranked WHERE b.receipt_number = ranked.receipt_number AND ranked.is_later
)
UPDATE event_loads AS l SET batch_count = r.batch_count, event_count = r.event_count,
    first_received_at = r.first_at, last_received_at = r.last_at
FROM (
    SELECT count(*) AS batch_count, sum(event_count) AS event_count, min(received_at) AS first_at,
           max(received_at) AS last_at FROM ranked WHERE NOT is_later
) AS r
WHERE l.load_id = :load_id
""")


@dataclass(frozen=True)
class Load:
    """Batches that go into the warehouse together.

    Attributes:
        load_id: grows with every load.
        batch_count: its batches.
        event_count: their accepted events.
        attempt_count: tries so far, this one not counted.
    """

    load_id: int
    batch_count: int
    event_count: int
    attempt_count: int


def claim_load(engine: Engine, *, most_events: int, run_id: str) -> Load | None:
    """Make a load of the oldest waiting batches.

    Args:
        engine: the state engine.
        most_events: events of one load; a single batch may hold more.
        run_id: who loads.

    Returns:
        The load, or None when nothing waits.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    values = {"most": most_events, "run_id": run_id, "now": utc_now()}
    with reachable(engine), engine.begin() as connection:
        row = connection.execute(_CLAIM, values).mappings().one_or_none()
        failpoint("events_load.claiming")
    return None if row is None else _load_of(row)


def open_loads(engine: Engine) -> list[Load]:
    """Loads that were begun and have not landed.

    Args:
        engine: the state engine.

    Returns:
        The loads, the oldest first.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    query = select(event_loads).where(event_loads.c.landed_at.is_(None)).order_by(event_loads.c.load_id)
    with reachable(engine), engine.connect() as connection:
        return [_load_of(row) for row in connection.execute(query).mappings()]


def note_attempt(engine: Engine, load: Load) -> None:
    """Count a try.

    Args:
        engine: the state engine.
        load: the load.
    """
    c = event_loads.c
    with reachable(engine), engine.begin() as connection:
        connection.execute(
            update(event_loads).where(c.load_id == load.load_id).values(attempt_count=c.attempt_count + 1)
        )


def note_failure(engine: Engine, load: Load, reason: str) -> None:
    """Remember why the warehouse refuses a load of one batch; it is tried again by the next run.

    Args:
        engine: the state engine.
        load: the load.
        reason: one sentence.
    """
    with reachable(engine), engine.begin() as connection:
        connection.execute(update(event_loads).where(event_loads.c.load_id == load.load_id).values(failure=reason))


def split_load(engine: Engine, load: Load, *, run_id: str) -> None:
    """Make two loads of one, so that what the warehouse refuses does not hold up the rest.

    Args:
        engine: the state engine.
        load: a load of at least two batches; it keeps the earlier half.
        run_id: who loads.
    """
    with reachable(engine), engine.begin() as connection:
        connection.execute(_SPLIT, {"load_id": load.load_id, "run_id": run_id, "now": utc_now()})


def close_load(engine: Engine, load: Load, *, repeat_count: int, duration_seconds: float) -> None:
    """Say that a load has landed: its receipts, its own row, and an inbox without its batches, all at once.

    Args:
        engine: the state engine.
        load: the load, read back from the warehouse.
        repeat_count: its events whose id was in the warehouse before.
        duration_seconds: how long this try took.
    """
    now = utc_now()
    with reachable(engine), engine.begin() as connection:
        _mark_receipts(connection, load, now)
        failpoint("events_load.receipts_marked")
        connection.execute(
            update(event_loads)
            .where(event_loads.c.load_id == load.load_id, event_loads.c.landed_at.is_(None))
            .values(
                landed_at=now,
                landed_count=load.event_count,
                repeat_count=repeat_count,
                duration_seconds=duration_seconds,
                failure=None,
            )
        )
        connection.execute(delete(inbox_batches).where(inbox_batches.c.load_id == load.load_id))
        failpoint("events_load.inbox_emptied")


def _mark_receipts(connection: Connection, load: Load, now: dt.datetime) -> None:
    mine = select(inbox_batches.c.receipt_number).where(inbox_batches.c.load_id == load.load_id)
    connection.execute(update(receipts).where(receipts.c.receipt_number.in_(mine)).values(landed_at=now))


def _load_of(row: RowMapping) -> Load:
    return Load(
        load_id=int(row["load_id"]),
        batch_count=int(row["batch_count"]),
        event_count=int(row["event_count"]),
        attempt_count=int(row["attempt_count"]),
    )
