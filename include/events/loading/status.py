"""How far loading is behind, from the state alone."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select, text

from include.days import utc_now
from include.state.engine import reachable
from include.state.tables import event_loads

# Grain: one row.
_STATUS = text("""
SELECT
    inbox.*, open_loads.*,
    (SELECT max(landed_at) FROM event_loads) AS last_landed_at,
    (SELECT count(*) FROM event_quarantine WHERE status = 'open') AS quarantine_open,
    (SELECT count(*) FROM event_quarantine WHERE NOT is_copied) AS uncopied_rejections
FROM
    (SELECT count(*) AS waiting_batches, coalesce(sum(event_count), 0) AS waiting_events,
            coalesce(sum(size_bytes), 0) AS waiting_bytes, min(received_at) AS oldest_received_at
     FROM inbox_batches) AS inbox,
    (SELECT count(*) AS open_loads, max(attempt_count) AS most_attempts, string_agg(failure, ' ') AS failure
     FROM event_loads WHERE landed_at IS NULL) AS open_loads
""")


@dataclass(frozen=True)
class InboxStatus:
    """What waits, and what was done lately.

    Attributes:
        waiting_batches: batches that have not landed.
        waiting_events: their events.
        waiting_bytes: their payload, gzip.
        oldest_received_at: when the oldest of them was received; None when none waits.
        lag_seconds: its age, 0 when none waits.
        open_loads: loads begun and not landed.
        most_attempts: tries of the one tried most often, 0 without one.
        failure: what the warehouse refuses, and why; empty when nothing.
        last_landed_at: when a load last landed; None before the first.
        quarantine_open: rejected events that wait for a replay.
        uncopied_rejections: rejected events that are not in the warehouse's copy yet.
    """

    waiting_batches: int
    waiting_events: int
    waiting_bytes: int
    oldest_received_at: dt.datetime | None
    lag_seconds: float
    open_loads: int
    most_attempts: int
    failure: str
    last_landed_at: dt.datetime | None
    quarantine_open: int
    uncopied_rejections: int

    @property
    def is_idle(self) -> bool:
        """Whether a loader would find nothing to do."""
        return not (self.waiting_batches or self.open_loads or self.uncopied_rejections)


def read_status(engine: Engine) -> InboxStatus:
    """Look at the inbox, the loads and the quarantine.

    Args:
        engine: the state engine.

    Returns:
        The status now.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    with reachable(engine), engine.connect() as connection:
        row = connection.execute(_STATUS).mappings().one()
    oldest = row["oldest_received_at"]
    return InboxStatus(
        waiting_batches=int(row["waiting_batches"]),
        waiting_events=int(row["waiting_events"]),
        waiting_bytes=int(row["waiting_bytes"]),
        oldest_received_at=oldest,
        lag_seconds=max(0.0, (utc_now() - oldest).total_seconds()) if oldest else 0.0,
        open_loads=int(row["open_loads"]),
        most_attempts=int(row["most_attempts"] or 0),
        failure=str(row["failure"] or ""),
        last_landed_at=row["last_landed_at"],
        quarantine_open=int(row["quarantine_open"]),
        uncopied_rejections=int(row["uncopied_rejections"]),
    )


def recent_loads(engine: Engine, most: int) -> list[dict[str, Any]]:
    """List the newest loads.

    Args:
        engine: the state engine.
        most: how many at most.

    Returns:
        Rows of the table of loads, the newest first.
    """
    query = select(event_loads).order_by(event_loads.c.load_id.desc()).limit(most)
    with reachable(engine), engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]
