"""Slot features of some visits of a stored day, by the very query that measures whole days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from include.visits.measuring.features import features_parameters, features_sql
from include.visits.tables import VISIT_FEATURES
from include.warehouse.client import Warehouse

NARROWED = ("some_visits.sql", "some_hits.sql")


def features_of_visits(
    warehouse: Warehouse, counter_id: int, day: dt.date, clients: Mapping[int, int]
) -> dict[int, dict[str, Any]]:
    """Measure some visits of a stored day again; nothing is stored.

    Args:
        warehouse: the warehouse; holds ``visits`` of the day, ``hits`` of it and of the next.
        counter_id: the counter.
        day: the day the visits started on.
        clients: client id by visit id, both as stored in ``visits``; at most some thousands.

    Returns:
        By visit id, the columns of ``visit_features``; a visit that is not stored is absent.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    if not clients:
        return {}
    parameters = {
        **features_parameters(counter_id, day),
        "visit_ids": list(clients),
        "client_ids": sorted(set(clients.values())),
    }
    names = [column.name for column in VISIT_FEATURES.columns]
    rows = warehouse.execute(_sql(), parameters)
    return {row[names.index("visit_id")]: dict(zip(names, row, strict=True)) for row in rows}


@cache
def _sql() -> str:
    """The query of whole days over narrower tables: no formula is written twice."""
    return features_sql(*(f"({Path(__file__).with_name(name).read_text(encoding='utf-8')})" for name in NARROWED))
