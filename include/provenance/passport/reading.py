"""Reading everything stored about some cases of one counter-day, by its partition and sort keys."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, select

from include.conversions.ledger.uploads import Upload, read_uploads
from include.errors import ModelError
from include.provenance.passport.cases import Case, Evidence, Hit
from include.provenance.passport.ledger_rows import zone_of_counter
from include.registry.versions import ModelVersion, find_version
from include.state.engine import reachable
from include.state.manifest import StageRecord, read_stages
from include.state.tables import upload_blocks
from include.visits.measuring.features import WATCH_IDS_CAP
from include.visits.tables import VISIT_FEATURES, VISIT_SCORES
from include.warehouse.client import Warehouse, quoted

NEXT_HITS = "next_hits"
BY_CLIENT = " AND client_id IN %(client_ids)s"
NAMED = " OR visit_id IN %(capped_ids)s"
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
Rows = Mapping[int, Mapping[str, Any]]


@dataclass(frozen=True)
class DayFacts:
    """What PostgreSQL knows of a counter-day.

    Attributes:
        zone: the counter's zone.
        stages: records by stage.
        blocked_by: why its uploads wait for a person, or an empty text.
        uploads: files by our id.
    """

    zone: ZoneInfo
    stages: Mapping[str, StageRecord]
    blocked_by: str
    uploads: Mapping[str, Upload] = field(default_factory=dict)


def read_evidence(
    warehouse: Warehouse, state: Engine, cases: Sequence[Case], *, with_hits: bool = True
) -> list[Evidence]:
    """Read everything stored about cases of one counter-day.

    Args:
        warehouse: the warehouse.
        state: the state engine.
        cases: at least one, all of the same counter and day.
        with_hits: read their hits as well.

    Returns:
        The evidence, in the order of the cases.

    Raises:
        StoreUnavailable: a store cannot be reached.
    """
    counter_id, day = cases[0].counter_id, cases[0].day
    key = {"counter_id": counter_id, "day": day, "next_day": day + dt.timedelta(days=1)}
    key["visit_ids"] = sorted({case.visit_id for case in cases if case.visit_id})
    with reachable(state), state.connect() as connection:
        facts = _facts(connection, counter_id, day, cases)
    visits = _rows(warehouse, "visits", RAW_COLUMNS, key)
    features = _rows(warehouse, VISIT_FEATURES.name, [column.name for column in VISIT_FEATURES.columns], key)
    scores = _rows(warehouse, VISIT_SCORES.name, [column.name for column in VISIT_SCORES.columns], key)
    hits = _hits(warehouse, visits, features, key) if with_hits else {}
    models = _models(state, scores)
    return [
        Evidence(
            case=case,
            zone=facts.zone,
            upload=facts.uploads.get(case.row.upload_id or "") if case.row else None,
            visit=visits.get(case.visit_id),
            hits=hits.get(case.visit_id, ()),
            features=features.get(case.visit_id),
            score=(score := scores.get(case.visit_id)),
            model=models.get((score["model_name"], score["model_version"])) if score else None,
            stages=facts.stages,
            blocked_by=facts.blocked_by,
        )
        for case in cases
    ]


def _facts(connection: Connection, counter_id: int, day: dt.date, cases: Sequence[Case]) -> DayFacts:
    next_day = day + dt.timedelta(days=1)
    records = read_stages(connection, counter_id, [day, next_day])
    stages = {record.stage: record for record in records if record.day == day}
    stages |= {f"next_{record.stage}": record for record in records if record.day == next_day}
    wanted = {case.row.upload_id for case in cases if case.row and case.row.upload_id}
    uploads = {upload.upload_id: upload for upload in read_uploads(connection, wanted)} if wanted else {}
    return DayFacts(zone_of_counter(connection, counter_id), stages, _blocked_by(connection, counter_id, day), uploads)


def _blocked_by(connection: Connection, counter_id: int, day: dt.date) -> str:
    b = upload_blocks.c
    query = select(b.cause).where(b.counter_id == counter_id, b.day == day, b.released_at.is_(None)).order_by(b.cause)
    return ", ".join(connection.execute(query).scalars())


def _rows(warehouse: Warehouse, table: str, names: Sequence[str], key: Mapping[str, Any]) -> Rows:
    if not key["visit_ids"] or not has_table(warehouse, table):
        return {}
    listed = ", ".join(quoted(name) for name in names)
    sql = (
        f"SELECT {listed} FROM {quoted(table)} "
        "WHERE counter_id = %(counter_id)s AND date = %(day)s AND visit_id IN %(visit_ids)s"
    )
    rows = (dict(zip(names, row, strict=True)) for row in warehouse.execute(sql, key))
    return {row["visit_id"]: row for row in rows}


def has_table(warehouse: Warehouse, table: str) -> bool:
    """Whether a table exists: nothing may have been loaded or scored yet.

    Args:
        warehouse: the warehouse.
        table: its name.

    Returns:
        True when it exists.
    """
    sql = "SELECT count() FROM system.tables WHERE database = %(database)s AND name = %(table)s"
    return bool(warehouse.scalar(sql, {"database": warehouse.database, "table": table}))


def _models(state: Engine, scores: Rows) -> dict[tuple[str, str], ModelVersion]:
    asked = {(row["model_name"], row["model_version"]) for row in scores.values() if row["model_version"]}
    found = {}
    for name, version in asked:
        try:
            found[name, version] = find_version(state, name, version)
        except ModelError:
            continue  # a version that is gone is told by its absence
    return found


def _hits(warehouse: Warehouse, visits: Rows, features: Rows, key: Mapping[str, Any]) -> dict[int, Sequence[Hit]]:
    """Matched hits by visit; first by client, since a hit nearly always carries its visit's client."""
    if not visits or not has_table(warehouse, "hits"):
        return {}
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
