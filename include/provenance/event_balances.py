"""No event lost, none twice: what came in and what became of it, per project and day of reception."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from sqlalchemy import Engine, RowMapping, select, text

from include.provenance.conservation import Balance
from include.state.engine import reachable
from include.state.tables import event_loads
from include.warehouse.client import Warehouse, quoted

# Grain: one project and UTC day of reception. Receipts and quarantine that housekeeping dropped live on in the totals.
_COUNTS = text("""
WITH counted AS (
    SELECT project_number, (received_at AT TIME ZONE 'UTC')::date AS day,
           CASE WHEN principal = 'replay' THEN 0 ELSE received_count END AS received,
           CASE WHEN principal = 'replay' THEN 0 ELSE accepted_count END AS accepted,
           duplicate_count AS duplicates, rejected_count AS rejected,
           CASE WHEN principal = 'replay' THEN accepted_count ELSE 0 END AS replayed,
           CASE WHEN landed_at IS NULL THEN 0 ELSE accepted_count END AS landed,
           0 AS spooled, 0 AS quarantine_open, 0 AS quarantine_replayed, 0 AS quarantine_discarded
    FROM receipts WHERE received_at >= :since
    UNION ALL
    SELECT r.project_number, (r.received_at AT TIME ZONE 'UTC')::date, 0, 0, 0, 0, 0, 0, i.event_count, 0, 0, 0
    FROM inbox_batches AS i JOIN receipts AS r USING (receipt_number) WHERE r.received_at >= :since
    UNION ALL
    SELECT project_number, (received_at AT TIME ZONE 'UTC')::date, 0, 0, 0, 0, 0, 0, 0,
           (status = 'open')::int, (status = 'replayed')::int, (status = 'discarded')::int
    FROM event_quarantine WHERE received_at >= :since
    UNION ALL
    SELECT project_number, day, received_count, accepted_count, duplicate_count, rejected_count, replayed_count,
           landed_count, 0, 0, replayed_quarantine_count, discarded_quarantine_count
    FROM event_totals WHERE day >= (:since AT TIME ZONE 'UTC')::date
)
SELECT project, day, sum(received)::bigint AS received, sum(accepted)::bigint AS accepted,
       sum(duplicates)::bigint AS duplicates, sum(rejected)::bigint AS rejected, sum(replayed)::bigint AS replayed,
       sum(landed)::bigint AS landed, sum(spooled)::bigint AS spooled,
       sum(quarantine_open)::bigint AS quarantine_open, sum(quarantine_replayed)::bigint AS quarantine_replayed,
       sum(quarantine_discarded)::bigint AS quarantine_discarded
FROM counted JOIN projects USING (project_number)
GROUP BY project, day ORDER BY day, project
""")
INTAKE_ADVICE = "Intake and loading write these counts together; restore the state from the last backup and report it."
LANDING_ADVICE = "Rows were removed from the events' table by hand; restore its partition from the last backup."


def balance_intake(state: Engine, *, since: dt.datetime) -> list[Balance]:
    """Balance what was sent with what became of it, from the state alone.

    Args:
        state: the state engine.
        since: aware instant; days of reception from its UTC day on.

    Returns:
        Three balances per project and day, the oldest day first.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    start = since.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with reachable(state), state.connect() as connection:
        rows = connection.execute(_COUNTS, {"since": start}).mappings().all()
    return [balance for row in rows for balance in _balances(row)]


def balance_landed(warehouse: Warehouse, state: Engine, table: str, *, since: dt.datetime) -> Balance:
    """Balance the loads that landed lately with the rows that ClickHouse has of them.

    Args:
        warehouse: the warehouse.
        state: the state engine.
        table: table of events.
        since: aware instant; loads that landed before are passed over.

    Returns:
        One balance of all of them.

    Raises:
        StoreUnavailable: a store cannot be reached.
    """
    c = event_loads.c
    query = select(c.load_id, c.event_count, c.repeat_count).where(c.landed_at >= since).order_by(c.load_id)
    with reachable(state), state.connect() as connection:
        loads = connection.execute(query).all()
    stored = _stored(warehouse, table, [load.load_id for load in loads])
    found = sum(stored.get(load.load_id, 0) for load in loads)
    # A repeated event has its own row until a merge leaves the first copy alone.
    merged = sum(min(load.repeat_count, max(0, load.event_count - stored.get(load.load_id, 0))) for load in loads)
    became = {"in_the_table": found, "kept_as_an_earlier_copy": merged}
    return Balance("events landed", {"loaded": sum(load.event_count for load in loads)}, became, LANDING_ADVICE)


def _stored(warehouse: Warehouse, table: str, load_ids: list[int]) -> dict[int, int]:
    if not load_ids:
        return {}
    rows = warehouse.execute(
        f"SELECT load_id, uniqExact(project, event_id) FROM {quoted(table)} "
        "WHERE load_id BETWEEN %(first)s AND %(last)s GROUP BY load_id",
        {"first": load_ids[0], "last": load_ids[-1]},
    )
    return {int(load_id): int(count) for load_id, count in rows}


def _balances(row: RowMapping) -> Iterator[Balance]:
    place = f"project {row['project']}, day {row['day']}"

    def balance(name: str, came: tuple[str, ...], became: tuple[str, ...]) -> Balance:
        """Take both sides from the row."""
        sides = [{one: int(row[one]) for one in names} for names in (came, became)]
        return Balance(f"{name}, {place}", sides[0], sides[1], INTAKE_ADVICE)

    yield balance("events received", ("received",), ("accepted", "duplicates", "rejected"))
    yield balance("events accepted", ("accepted", "replayed"), ("landed", "spooled"))
    states = ("quarantine_open", "quarantine_replayed", "quarantine_discarded")
    yield balance("events rejected", ("rejected",), states)
