"""Loading the inbox into ClickHouse, against a bare clickhouse-driver insert of the same blocks.

Both write the same events to tables of the same definition. Ours starts from batches of 500 in PostgreSQL as intake
leaves them and ends when receipts and people are written, every id has been read back and the inbox is empty. The
reference holds the events as columns in memory, numpy arrays where the driver takes them, and only inserts them; it
inserts the blocks that ours inserts, one per load.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import os
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert

from benchmarks.measuring import in_fresh_process, peak_rss_mb, report
from include.days import utc_now
from include.events.loading.load_events import load_events
from include.events.loading.tables import ensure_event_tables
from include.events.tables import EVENTS, INBOX_COLUMNS, events_table
from include.services.stack import running_engines
from include.services.stores import Stores, open_stores
from include.settings import Settings
from include.state.tables import inbox_batches, receipts
from include.warehouse.client import Warehouse
from include.warehouse.schema import drop_tables, ensure_tables

BATCH_EVENTS = 500
PEOPLE = 20_000
PLAIN = "events_plain"
NAMES = ("page_view", "scroll", "video_play", "task_start", "task_attempt", "task_success")
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"
START_SECONDS = 1_795_000_000  # 2026-11-18, UTC
DIGEST = "SELECT count(), uniqExact(event_id), sum(cityHash64(*)) FROM (SELECT * EXCEPT load_id FROM {} FINAL)"
"""What ours and the reference must agree on."""


def columns_of(first: int, count: int) -> dict[str, Any]:
    """Events ``first`` to ``first + count`` as columns the driver takes."""
    numbers = np.arange(first, first + count)
    received = START_SECONDS + numbers // 5_000
    occurred = received - numbers % 60
    person = numbers * 7_919 % PEOPLE
    people = [uuid.uuid5(uuid.NAMESPACE_URL, f"person|default|user_id|{one}") for one in range(PEOPLE)]
    empty = np.full(count, "", dtype=object)
    text: dict[str, Any] = {column.name: empty for column in INBOX_COLUMNS if column.type == "String"}
    names = np.array(NAMES, dtype=object)[numbers % len(NAMES)]
    text |= {
        "project": np.full(count, "default", dtype=object),
        "event_name": names,
        "sent_name": names,
        "source": np.full(count, "lms", dtype=object),
        "user_id": np.array([str(one) for one in person], dtype=object),
        "session_id": np.array([f"session-{one // 20}" for one in numbers], dtype=object),
        "scope_type": np.full(count, "course", dtype=object),
        "scope_id": np.array([f"course-{one % 50}" for one in numbers], dtype=object),
        "module_id": np.array([f"module-{one % 400}" for one in numbers], dtype=object),
        "props": np.array([f'{{"attempt":{one % 7},"task_id":"task-{one % 900}"}}' for one in numbers], dtype=object),
        "context": np.array([f'{{"ip":"10.0.{one % 250}.7","user_agent":"{AGENT}"}}' for one in numbers], dtype=object),
    }  # fmt: skip
    return text | {
        "event_id": [uuid.UUID(int=int(one) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128) for one in numbers],
        "person_id": [people[one] for one in person],
        "schema_version": np.ones(count, dtype=np.uint32),
        "occurred_at": occurred.astype("datetime64[s]").astype("datetime64[ms]"),
        "event_time": occurred.astype("datetime64[s]").astype("datetime64[ms]"),
        "offset_minutes": [None] * count,
        "received_at": received.astype("datetime64[s]").astype("datetime64[us]"),
        "warnings": [[]] * count,
        "receipt_id": [uuid.UUID(int=int(one) // BATCH_EVENTS + 1) for one in numbers],
        "position": (numbers % BATCH_EVENTS).astype(np.uint16),
        "version": np.uint64(2**64 - 1) - (received * 1_000_000).astype(np.uint64),
    }


def insert_bare(warehouse: Warehouse, events: int, block_events: int) -> float:
    """Insert every block with the driver; give the seconds spent inserting."""
    logging.getLogger("clickhouse_driver").setLevel(logging.ERROR)  # it says that arrays take its generic path
    drop_tables(warehouse, [PLAIN])
    ensure_tables(warehouse, [events_table(PLAIN)])
    seconds = 0.0
    for load_id, first in enumerate(range(0, events, block_events), 1):
        count = min(block_events, events - first)
        columns = {name: _array(values) for name, values in columns_of(first, count).items()}
        columns["load_id"] = np.full(count, load_id, dtype=np.uint64)
        names = [column.name for column in EVENTS.columns]
        started = time.perf_counter()
        warehouse.insert_columns(PLAIN, names, [columns[name] for name in names])
        seconds += time.perf_counter() - started
    return seconds


def _array(values: Any) -> Any:
    if isinstance(values, np.ndarray):
        return values
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def fill_inbox(stores: Stores) -> None:
    """Put the events of the plain table into an empty inbox, as intake would have."""
    names = ", ".join(column.name for column in INBOX_COLUMNS)
    sql = f"SELECT {names} FROM {PLAIN} ORDER BY reinterpretAsUInt128(receipt_id), position FORMAT TabSeparated"
    with stores.state.begin() as connection:
        for table in ("inbox_batches", "receipts", "event_loads", "identities", "persons"):
            connection.exec_driver_sql(f"TRUNCATE {table} CASCADE")
    with stores.warehouse.read_stream(sql) as body, stores.state.begin() as connection:
        lines: list[bytes] = []
        rest = b""
        while piece := body.read(1 << 20):
            *whole, rest = (rest + piece).split(b"\n")
            lines += whole
            while len(lines) >= BATCH_EVENTS:
                _put(connection, lines[:BATCH_EVENTS])
                del lines[:BATCH_EVENTS]
        if lines:
            _put(connection, lines)


def _put(connection: Any, lines: list[bytes]) -> None:
    now, payload = utc_now(), gzip.compress(b"\n".join(lines) + b"\n", 1)
    number = connection.execute(
        insert(receipts)
        .values(
            receipt_id=str(uuid.uuid4()), project_number=0, principal="key:bench", body_sha256=b"", received_at=now,
            received_count=len(lines), accepted_count=len(lines), duplicate_count=0, rejected_count=0,
        )
        .returning(receipts.c.receipt_number)
    ).scalar_one()  # fmt: skip
    connection.execute(
        insert(inbox_batches).values(
            receipt_number=number, event_count=len(lines), size_bytes=len(payload), payload=payload, received_at=now
        )
    )


def run_one(way: str, events: int) -> None:
    """Measure one way in this process."""
    settings = Settings.from_env()
    stores = open_stores(settings)
    block_events = settings.intake.load_max_events
    table = PLAIN
    if way == "bare":
        before = peak_rss_mb()
        seconds = insert_bare(stores.warehouse, events, block_events)
    else:
        table = settings.intake.events_table
        drop_tables(stores.warehouse, [table])
        ensure_event_tables(stores.warehouse, settings.intake)
        fill_inbox(stores)
        before, started = peak_rss_mb(), time.perf_counter()
        found = load_events(stores.warehouse, stores.state, settings.intake, run_id="bench")
        seconds = time.perf_counter() - started
        assert (found.events, found.waiting_events) == (events, 0)
    digest = stores.warehouse.execute(DIGEST.format(table))[0]
    line = {"seconds": seconds, "growth_mb": peak_rss_mb() - before, "digest": [str(one) for one in digest]}
    print(json.dumps(line))


def measure(events: int, repeats: int) -> None:
    """Run both ways in turn and report their ratio."""
    with tempfile.TemporaryDirectory(prefix="counterflow-bench-") as folder:
        os.chmod(folder, 0o755)  # PostgreSQL runs as another user when we are root
        with running_engines(Path(folder), {}) as endpoints:
            arguments = ("--events", str(events))
            runs = [
                (way, in_fresh_process(__file__, "--way", way, *arguments, environ=endpoints.environment()))
                for _ in range(repeats)
                for way in ("bare", "job")  # the inbox is filled from what the bare way wrote
            ]
    if len({str(run["digest"]) for _, run in runs}) != 1:
        raise SystemExit(f"The ways stored different events: {runs}")
    best = {
        way: min((run for name, run in runs if name == way), key=lambda run: run["seconds"]) for way in ("bare", "job")
    }
    report(
        "load_events_against_bare_insert",
        best["job"]["seconds"],
        best["bare"]["seconds"],
        unit="s",
        rows=events,
        libraries=("clickhouse-driver", "requests", "psycopg2-binary"),
        rows_per_second=round(events / best["job"]["seconds"]),
        reference_rows_per_second=round(events / best["bare"]["seconds"]),
        growth_mb=round(best["job"]["growth_mb"], 1),
        reference_growth_mb=round(best["bare"]["growth_mb"], 1),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--way", choices=("job", "bare"))
    arguments = parser.parse_args()
    if arguments.way:
        run_one(arguments.way, arguments.events)
    else:
        measure(arguments.events, arguments.repeats)


if __name__ == "__main__":
    sys.exit(main())
