"""A day as loading leaves it, written straight into the stores, and the fixtures around it."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from include.days import utc_now
from include.metrika.fields.resolving import resolve_fields
from include.metrika.loading.tables import source_table
from include.services.engines.endpoints import Endpoints
from include.settings import Settings
from include.state.counters import Counter, write_counter
from include.state.engine import connect_state, migrate
from include.state.manifest import StageRecord, write_stage
from include.visits.scoring.score_day import ScoreReport, score_day
from include.visits.tables import TABLES
from include.warehouse.client import Warehouse
from include.warehouse.day_swap import day_digest
from include.warehouse.schema import ensure_tables
from tests.loading import own_stores

DAY = dt.date(2025, 7, 1)
MIDNIGHT = 1751317200  # 2025-07-01 00:00 in Moscow
CLIENT = 1_750_856_904_411_275_031
_counters = itertools.count(5001)


@pytest.fixture(scope="session")
def visit_environ(endpoints: Endpoints) -> Iterator[dict[str, str]]:
    with own_stores(endpoints) as environ:
        yield environ


@pytest.fixture(scope="session")
def warehouse(visit_environ: dict[str, str]) -> Warehouse:
    found = Settings.from_env(visit_environ).clickhouse
    assert found is not None
    store = Warehouse(found)
    raw = [source_table(source, resolve_fields(source)) for source in ("visits", "hits")]
    ensure_tables(store, [*raw, *TABLES])
    return store


@pytest.fixture(scope="session")
def migrated(visit_environ: dict[str, str]) -> Iterator[Engine]:
    url = Settings.from_env(visit_environ).database_url
    assert url is not None
    engine = connect_state(url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def state(migrated: Engine) -> Engine:
    with migrated.begin() as connection:
        connection.execute(text("TRUNCATE models, model_promotions"))
    return migrated


@dataclass
class LoadedDay:
    """A day as loading leaves it: rows in the two tables, stages in the manifest."""

    warehouse: Warehouse
    state: Engine
    counter_id: int
    day: dt.date = DAY
    zone: str = "Europe/Moscow"
    visits: list[dict[str, Any]] = field(default_factory=list)
    hits: list[dict[str, Any]] = field(default_factory=list)
    _watch_ids: Iterator[int] = field(default_factory=lambda: itertools.count(2**63 + 11))

    def add_visit(
        self,
        hit_seconds: list[int],
        *,
        visit_id: int | None = None,
        hits_name_visit: bool = True,
        listed: bool = True,
        started: int | None = None,
        **columns: Any,
    ) -> int:
        """Add a visit with hits at these seconds of the day; return its id."""
        visit_id = visit_id or 17_000_000_000_000_000_000 + len(self.visits)
        watch_ids = [next(self._watch_ids) for _ in hit_seconds]
        for watch_id, second in zip(watch_ids, hit_seconds, strict=True):
            self.add_hit(watch_id, second, visit_id if hits_name_visit else 0)
        first = min(hit_seconds, default=0) if started is None else started
        self.visits.append(
            {
                "visit_id": visit_id,
                "client_id": CLIENT,
                "watch_ids": watch_ids if listed else [],
                "started_at": dt.datetime.fromtimestamp(MIDNIGHT + first, dt.UTC),
                "duration_seconds": max(hit_seconds, default=0) - min(hit_seconds, default=0),
                "page_views": len(hit_seconds),
                "is_bounce": int(len(hit_seconds) == 1),
                "device_category": "1",
                **columns,
            }
        )
        return visit_id

    def add_hit(self, watch_id: int, second: int, visit_id: int) -> None:
        at = dt.datetime.fromtimestamp(MIDNIGHT + second, dt.UTC)
        date = self.day + dt.timedelta(days=second // 86400)
        self.hits.append({"watch_id": watch_id, "visit_id": visit_id, "client_id": CLIENT, "hit_at": at, "date": date})

    def store(self, *, digests: bool = True) -> None:
        """Replace what is stored of the day and the next by these rows."""
        for table, rows in (("visits", self.visits), ("hits", self.hits)):
            for day in (self.day, self.day + dt.timedelta(days=1)):
                self.warehouse.execute(
                    f"ALTER TABLE {table} DROP PARTITION (%(counter_id)s, %(day)s)",
                    {"counter_id": self.counter_id, "day": day.isoformat()},
                )
            full = [{"counter_id": self.counter_id, "date": self.day, **row} for row in rows]
            if full:
                names = list(full[0])
                self.warehouse.insert_columns(table, names, [[row[name] for row in full] for name in names])
        if digests:
            self.seal()

    def seal(self) -> None:
        with self.state.begin() as connection:
            write_counter(connection, Counter(self.counter_id, "shop", self.zone))
            for stage, day in (("visits", 0), ("hits", 0), ("hits", 1)):
                self._seal_stage(connection, stage, self.day + dt.timedelta(days=day))

    def seal_as(self, digest: str) -> None:
        """Say in the manifest that the visits were loaded again with this digest."""
        with self.state.begin() as connection:
            write_stage(
                connection,
                StageRecord(self.counter_id, self.day, "visits", digest, "", "load", 0.0, utc_now()),
            )

    def _seal_stage(self, connection: Any, stage: str, day: dt.date) -> None:
        digest = day_digest(self.warehouse, stage, self.counter_id, day)
        write_stage(connection, StageRecord(self.counter_id, day, stage, digest, "", "load", 0.0, utc_now()))

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The stored rows of the day, ordered by visit."""
        names = [column.name for column in next(t for t in TABLES if t.name == table).columns]
        found = self.warehouse.execute(
            f"SELECT {', '.join(names)} FROM {table} "
            "WHERE counter_id = %(counter_id)s AND date = %(day)s ORDER BY visit_id",
            {"counter_id": self.counter_id, "day": self.day},
        )
        return [dict(zip(names, row, strict=True)) for row in found]

    def twin(self) -> LoadedDay:
        """The same rows for a counter of its own."""
        return replace(self, counter_id=next(_counters))


@pytest.fixture
def loaded(warehouse: Warehouse, state: Engine) -> LoadedDay:
    return LoadedDay(warehouse, state, next(_counters))


@pytest.fixture
def score(warehouse: Warehouse, state: Engine, tmp_path: Path) -> Callable[..., ScoreReport]:
    def run(loaded: LoadedDay, **changes: Any) -> ScoreReport:
        arguments: dict[str, Any] = {
            "counter_id": loaded.counter_id,
            "day": loaded.day,
            "exports_dir": tmp_path / "exports",
            "models_dir": tmp_path / "models",
            "run_id": "test",
        }
        return score_day(warehouse, state, **{**arguments, **changes})

    return run
