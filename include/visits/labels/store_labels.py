"""Storing what an import found: a day of a counter is replaced whole, and only when something is new."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path

from sqlalchemy import Engine

from include.failpoints import failpoint
from include.state.locks import day_lock
from include.visits.labels.tables import VISIT_LABELS
from include.warehouse.client import Warehouse, quoted
from include.warehouse.day_swap import day_digest, staging, swap_day

LABEL_FAILPOINTS = ("labels.found", "labels.merged", "labels.swapped")


@cache
def read_sql(name: str) -> str:
    """A query of this folder.

    Args:
        name: file name without its ending.

    Returns:
        The text.
    """
    return (Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8")


def store_day(
    warehouse: Warehouse,
    state: Engine,
    found: str,
    *,
    counter_id: int,
    day: dt.date,
    source: str,
    now: dt.datetime,
    keeps_unnamed: bool,
) -> bool:
    """Put the labels of one source for one day in place of those stored.

    Args:
        warehouse: the warehouse, with ``visit_labels``.
        state: the state engine, for the lock.
        found: staging table of ``found_labels``.
        counter_id: the counter.
        day: the day.
        source: whose labels.
        now: stored as the time of import of what is new.
        keeps_unnamed: leave labels of this source alone that ``found`` does not name.

    Returns:
        False when the day held the very same labels already.

    Raises:
        StoreUnavailable: a store cannot be reached.
    """
    owner = f"{counter_id}d{day:%Y%m%d}"
    with (
        day_lock(state, counter_id, [day], purpose="label"),
        staging(warehouse, VISIT_LABELS, owner) as stage,
    ):
        names = ", ".join(quoted(column.name) for column in VISIT_LABELS.columns)
        warehouse.execute(
            f"INSERT INTO {quoted(stage)} ({names})\n" + read_sql("merge_labels").format(found=quoted(found)),
            {
                "counter_id": counter_id,
                "day": day,
                "source": source,
                "now": int(now.timestamp()),
                "keeps_unnamed": int(keeps_unnamed),
            },
        )
        failpoint("labels.merged")
        if day_digest(warehouse, stage, counter_id, day) == day_digest(warehouse, VISIT_LABELS.name, counter_id, day):
            return False
        swap_day(warehouse, VISIT_LABELS, stage, counter_id, day)
        failpoint("labels.swapped")
    return True
