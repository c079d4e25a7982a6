"""Slot features of a stored day, computed where the day lies."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path

from include.visits.tables import VISIT_FEATURES
from include.warehouse.client import Warehouse, quoted

SLOT_SECONDS = 15  # quarter-minutes, as rule 180-5-5 counts them
WATCH_IDS_CAP = 500  # Metrika lists at most so many hits per visit
# Above this much memory the aggregation by watch id goes to disk; about 7 M hits fit.
SPILL_BYTES = 1_000_000_000


@cache
def features_sql(visits: str = "visits", hits: str = "hits") -> str:
    """The query of all slot features of one counter-day.

    Args:
        visits: the table of visits, or a query in parentheses with the columns of it that features need.
        hits: the same for hits.

    Returns:
        A SELECT with the columns of ``visit_features`` in order; needs :func:`features_parameters`.

    Source:
        Visit scoring, docs/metrics/slots.md.
    """
    query = (Path(__file__).parent / "features.sql").read_text(encoding="utf-8")
    return query.format(visits=visits, hits=hits)


def features_parameters(counter_id: int, day: dt.date) -> dict[str, object]:
    """Values for :func:`features_sql`.

    Args:
        counter_id: the counter.
        day: the day the visits started on, local to the counter.

    Returns:
        Parameters by name.
    """
    return {
        "counter_id": counter_id,
        "day": day,
        "next_day": day + dt.timedelta(days=1),
        "slot_seconds": SLOT_SECONDS,
        "watch_ids_cap": WATCH_IDS_CAP,
    }


def stage_features(warehouse: Warehouse, stage: str, counter_id: int, day: dt.date) -> None:
    """Compute the features of a stored day into a staging table.

    Args:
        warehouse: the warehouse; holds ``visits`` of the day, ``hits`` of it and of the next.
        stage: empty staging table of ``visit_features``.
        counter_id: the counter.
        day: the day.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    names = ", ".join(quoted(column.name) for column in VISIT_FEATURES.columns)
    warehouse.execute(
        f"INSERT INTO {quoted(stage)} ({names})\n{features_sql()}",
        features_parameters(counter_id, day),
        settings={"max_bytes_before_external_group_by": SPILL_BYTES},
    )
