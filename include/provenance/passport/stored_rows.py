"""Rows of ClickHouse behind some visits of one counter-day, read by partition and sort key."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from include.provenance.passport.cases import Hit
from include.visits.measuring.features import WATCH_IDS_CAP
from include.visits.tables import VISIT_FEATURES, VISIT_SCORES
from include.warehouse.client import Warehouse, quoted

TABLES = ("visits", "hits", VISIT_FEATURES.name, VISIT_SCORES.name)
RAW_COLUMNS = (
    "visit_id",
    "client_id",
    "started_at",
    "duration_seconds",
    "page_views",
    "is_bounce",
    "device_category",
    "watch_ids",
)
OF_VISITS = "counter_id = %(counter_id)s AND date = %(day)s AND visit_id IN %(visit_ids)s"
BY_CLIENT = " AND client_id IN %(client_ids)s"
NAMED = " OR visit_id IN %(capped_ids)s"
Rows = Mapping[int, Mapping[str, Any]]


@dataclass(frozen=True)
class StoredRows:
    """What is stored of some visits, by visit id.

    Attributes:
        visits: rows of ``visits``.
        features: rows of ``visit_features``.
        scores: rows of ``visit_scores``.
        hits: matched hits by time.
    """

    visits: Rows = field(default_factory=dict)
    features: Rows = field(default_factory=dict)
    scores: Rows = field(default_factory=dict)
    hits: Mapping[int, Sequence[Hit]] = field(default_factory=dict)


def read_stored(
    warehouse: Warehouse, counter_id: int, day: dt.date, visit_ids: Iterable[int], *, with_hits: bool
) -> StoredRows:
    """Read what is stored of some visits.

    Args:
        warehouse: the warehouse.
        counter_id: the counter.
        day: the day the visits started on.
        visit_ids: the visits; at most some thousands.
        with_hits: read their hits as well.

    Returns:
        The rows; what is not stored is absent.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    wanted, tables = sorted(visit_ids), existing_tables(warehouse)
    if not wanted or "visits" not in tables:
        return StoredRows()
    key = {"counter_id": counter_id, "day": day, "next_day": day + dt.timedelta(days=1), "visit_ids": wanted}
    features = scores = dict[int, Mapping[str, Any]]()
    if VISIT_SCORES.name in tables:
        features = _rows(warehouse, VISIT_FEATURES.name, [column.name for column in VISIT_FEATURES.columns], key)
        scores = _rows(warehouse, VISIT_SCORES.name, [column.name for column in VISIT_SCORES.columns], key)
    visits = _visits(warehouse, scores, key)
    hits = _hits(warehouse, visits, features, key) if with_hits and "hits" in tables else {}
    return StoredRows(visits, features, scores, hits)


def existing_tables(warehouse: Warehouse) -> set[str]:
    """Tables there are; nothing may have been loaded or scored yet.

    Args:
        warehouse: the warehouse.

    Returns:
        Names out of ``visits``, ``hits``, ``visit_features`` and ``visit_scores``.
    """
    sql = "SELECT name FROM system.tables WHERE database = %(database)s AND name IN %(names)s"
    return {name for (name,) in warehouse.execute(sql, {"database": warehouse.database, "names": list(TABLES)})}


def _visits(warehouse: Warehouse, scores: Rows, key: Mapping[str, Any]) -> Rows:
    """Raw visits are sorted by client: first those whose scores tell it, then the rest by a look at all ids."""
    clients = sorted({row["client_id"] for row in scores.values()})
    found: dict[int, Mapping[str, Any]] = {}
    if clients:
        found = _rows(warehouse, "visits", RAW_COLUMNS, {**key, "client_ids": clients}, BY_CLIENT)
    missing = [visit_id for visit_id in key["visit_ids"] if visit_id not in found]
    if missing:
        found |= _rows(warehouse, "visits", RAW_COLUMNS, {**key, "visit_ids": missing})
    return found


def _rows(
    warehouse: Warehouse, table: str, names: Sequence[str], key: Mapping[str, Any], narrowing: str = ""
) -> dict[int, Mapping[str, Any]]:
    listed = ", ".join(quoted(name) for name in names)
    sql = f"SELECT {listed} FROM {quoted(table)} WHERE {OF_VISITS}{narrowing}"
    rows = (dict(zip(names, row, strict=True)) for row in warehouse.execute(sql, key))
    return {row["visit_id"]: row for row in rows}


def _hits(warehouse: Warehouse, visits: Rows, features: Rows, key: Mapping[str, Any]) -> Mapping[int, Sequence[Hit]]:
    """Matched hits by visit; first by client, since a hit nearly always carries its visit's client."""
    clients = sorted({visit["client_id"] for visit in visits.values()})
    found = _matched(warehouse, visits, {**key, "client_ids": clients}, BY_CLIENT)
    wanted = {visit_id: row["hit_count"] for visit_id, row in features.items()}
    if all(len(found.get(visit_id, ())) == wanted.get(visit_id) for visit_id in visits):
        return found
    return _matched(warehouse, visits, key, "")


def _matched(warehouse: Warehouse, visits: Rows, key: Mapping[str, Any], clients: str) -> dict[int, Sequence[Hit]]:
    listed = sorted({watch_id for visit in visits.values() for watch_id in visit["watch_ids"]})
    capped = [visit_id for visit_id, visit in visits.items() if len(visit["watch_ids"]) >= WATCH_IDS_CAP]
    if not listed:
        return {}
    sql = _hits_sql().format(named=NAMED if capped else "", clients=clients)
    rows = warehouse.execute(sql, {**key, "watch_ids": listed, "capped_ids": capped})
    by_watch = {watch_id: (named, at) for watch_id, named, at in rows}
    return {visit_id: _of_visit(visit, by_watch) for visit_id, visit in visits.items()}


def _of_visit(visit: Mapping[str, Any], by_watch: Mapping[int, tuple[int, dt.datetime]]) -> Sequence[Hit]:
    """Those the visit lists; at Metrika's cap those that name it, and listed ones that name none."""
    is_capped = len(visit["watch_ids"]) >= WATCH_IDS_CAP
    listed = {watch_id for watch_id in visit["watch_ids"] if watch_id in by_watch}
    if is_capped:
        naming = {watch_id for watch_id, (named, _) in by_watch.items() if named == visit["visit_id"]}
        listed = naming | {watch_id for watch_id in listed if by_watch[watch_id][0] == 0}
    hits = (Hit(watch_id, by_watch[watch_id][1]) for watch_id in listed)
    return tuple(sorted(hits, key=lambda hit: (hit.hit_at, hit.watch_id)))


@cache
def _hits_sql() -> str:
    return files(__package__).joinpath("sql", "hits_of_visits.sql").read_text(encoding="utf-8")
