"""The events of a load in the warehouse: streamed in, then read back."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Iterator

from sqlalchemy import Engine

from include.errors import StoreError
from include.events.loading.loads import Load
from include.events.loading.payloads import EventKey, in_chunks, iter_payloads, keys_of
from include.events.tables import INBOX_COLUMNS
from include.failpoints import failpoint
from include.warehouse.client import Warehouse, quoted

IDS_AT_ONCE = 5_000  # 39 bytes each: below the 256 KiB that one statement may have
# Looking for equal rows while inserting takes longer than the insert itself; merges and FINAL do it anyway. Events may
# be of any month from 1970 to 2100.
AS_THEY_COME = "SETTINGS optimize_on_insert = 0, max_partitions_per_insert_block = 0"
# An event that comes again once its id is forgotten happened before that, give or take the sender's clock.
CLOCK_MARGIN = dt.timedelta(days=2)


def insert_load(warehouse: Warehouse, engine: Engine, table: str, load: Load) -> None:
    """Stream the batches of a load into the warehouse as one insert.

    The same load inserted again changes nothing: same sort key, same version, same row.

    Args:
        warehouse: the warehouse.
        engine: the state engine.
        table: table of events.
        load: the load.

    Raises:
        StoreUnavailable: a store cannot be reached; some rows may be there already.
        RowsRefused: ClickHouse cannot read a row.
        StoreError: ClickHouse refuses for another reason.
    """
    names = ", ".join(quoted(column.name) for column in INBOX_COLUMNS)
    form = ", ".join(f"{column.name} {column.type}" for column in INBOX_COLUMNS).replace("'", "\\'")
    sql = (
        f"INSERT INTO {quoted(table)} ({names}, load_id) {AS_THEY_COME} SELECT {names}, {{load_id:UInt64}} "
        f"FROM input('{form}') FORMAT TabSeparated"
    )
    chunks = _watched(in_chunks(iter_payloads(engine, load.load_id)))
    warehouse.insert_stream(sql, chunks, {"load_id": load.load_id}, is_gzip=True)


def read_back(warehouse: Warehouse, engine: Engine, table: str, load: Load, *, seen: dt.timedelta) -> int:
    """Count the events of a load where readers will look for them.

    An event whose id was forgotten may have come again. The first copy stays, so its new row goes with the next
    merge: such an event has landed when any row has its id.

    Args:
        warehouse: the warehouse.
        engine: the state engine.
        table: table of events.
        load: the load.
        seen: how long ids are remembered.

    Returns:
        How many of its events have their id in common with another: in an earlier load, or twice in this one.

    Raises:
        StoreError: an event is missing; the load is to be repeated.
    """
    suspects = set(_old_keys(warehouse, table, load, seen - CLOCK_MARGIN))  # first: merges only take rows away
    found = warehouse.scalar(
        f"SELECT uniqExact(project, event_id) FROM {quoted(table)} WHERE load_id = %(load_id)s",
        {"load_id": load.load_id},
    )
    missing, doubles = set[EventKey](), 0
    if found != load.event_count:
        keys = keys_of(engine, load.load_id)
        missing = keys - set(_keys(warehouse, table, "load_id = %(load_id)s", load))
        doubles = load.event_count - len(keys)
    elsewhere = _elsewhere(warehouse, table, load, suspects | missing)
    if lost := missing - elsewhere:
        raise StoreError(
            f"Load {load.load_id}: ClickHouse does not show {len(lost)} of {load.event_count} events that it took; "
            "nothing was removed from the inbox, and the next run repeats the load. If this stays, read the log of "
            "ClickHouse."
        )
    return len(elsewhere) + doubles


def _watched(chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk
        failpoint("events_load.piece_sent")


def _old_keys(warehouse: Warehouse, table: str, load: Load, age: dt.timedelta) -> Iterator[EventKey]:
    seconds = max(0, int(age.total_seconds()))
    condition = f"load_id = %(load_id)s AND occurred_at < received_at - toIntervalSecond({seconds})"
    return _keys(warehouse, table, condition, load)


def _keys(warehouse: Warehouse, table: str, condition: str, load: Load) -> Iterator[EventKey]:
    rows = warehouse.execute(
        f"SELECT DISTINCT project, event_id FROM {quoted(table)} WHERE {condition}", {"load_id": load.load_id}
    )
    return ((str(project), event_id) for project, event_id in rows)


def _elsewhere(warehouse: Warehouse, table: str, load: Load, keys: set[EventKey]) -> set[EventKey]:
    """Those of the keys that rows of other loads have."""
    ids: list[uuid.UUID] = sorted({event_id for _, event_id in keys})
    found: set[EventKey] = set()
    for start in range(0, len(ids), IDS_AT_ONCE):
        rows = warehouse.execute(
            f"SELECT DISTINCT project, event_id FROM {quoted(table)} "
            "WHERE load_id != %(load_id)s AND event_id IN %(ids)s",
            {"load_id": load.load_id, "ids": tuple(ids[start : start + IDS_AT_ONCE])},
        )
        found |= {(str(project), event_id) for project, event_id in rows}
    return found & keys
