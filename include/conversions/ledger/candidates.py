"""Level 4+ visits of a day, from ClickHouse into a temporary table of the ledger's transaction."""

from __future__ import annotations

import datetime as dt
from io import StringIO
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import Connection, text

from include.conversions.ledger.statements import sql_text, statement
from include.conversions.rules.holding import hold_visits
from include.progress import Progress
from include.warehouse.client import Warehouse

if TYPE_CHECKING:
    import pandas as pd

COPY_CANDIDATES = "COPY candidates (visit_id, identifier, event_epoch, held_reason) FROM STDIN"


def copy_candidates(
    connection: Connection,
    warehouse: Warehouse,
    *,
    counter_id: int,
    day: dt.date,
    offset_seconds: int,
    now: dt.datetime,
    include_old: bool,
    progress: Progress,
) -> int:
    """Judge the day's level 4+ visits block by block and lay them beside the ledger.

    Args:
        connection: open transaction; the table is gone at its end.
        warehouse: ClickHouse with ``visit_scores``.
        counter_id: the counter.
        day: local day.
        offset_seconds: added to the time that is sent.
        now: aware instant of the upload.
        include_old: send visits older than 21 days as well.
        progress: told after each block.

    Returns:
        How many visits there are.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    connection.execute(statement("create_candidates"))
    cursor, count = connection.connection.cursor(), 0
    for frame in warehouse.iter_frames(sql_text("level4_visits"), {"counter_id": counter_id, "day": day}):
        reasons = hold_visits(
            frame["client_id"].to_numpy(np.uint64),
            frame["event_epoch"].to_numpy(np.int64),
            offset_seconds=offset_seconds,
            now=now,
            include_old=include_old,
        )
        cursor.copy_expert(COPY_CANDIDATES, _copy_lines(frame, reasons.tolist()))
        count += len(frame)
        progress("reading level 4+ visits", count, 0)
    connection.execute(text("ANALYZE candidates"))
    return count


def _copy_lines(frame: pd.DataFrame, reasons: list[str]) -> StringIO:
    visits, clients = frame["visit_id"].tolist(), frame["client_id"].tolist()
    rows = zip(visits, clients, frame["event_epoch"].tolist(), reasons, strict=True)
    return StringIO("".join(f"{visit}\t{client}\t{epoch}\t{reason}\n" for visit, client, epoch, reason in rows))
