"""Scored days, a real sandbox and a real ledger for the tests of conversions."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Engine, select

from include.conversions.tracking import TrackReport, track
from include.conversions.upload_day import UploadReport, upload_day
from include.days import utc_now
from include.metrika.client.conversions_api import ConversionsApi
from include.metrika.client.quota import StateQuotaGate
from include.metrika.client.retry import RetryPolicy
from include.metrika.client.session import MetrikaSession
from include.metrika_sandbox.behaviour.config import DEMO_TOKEN, CounterConfig, SandboxConfig
from include.metrika_sandbox.serving.server import SandboxHandle, run_sandbox
from include.secret import Secret
from include.services.engines.endpoints import Endpoints
from include.settings import ConversionSettings, MetrikaSettings, Settings
from include.state.engine import connect_state, migrate
from include.state.manifest import StageRecord, write_stage
from include.state.tables import conversion_uploads, conversions
from include.visits.tables import TABLES
from include.warehouse.client import Warehouse
from include.warehouse.schema import ensure_tables
from tests.loading import own_stores

ZONE = "Europe/Moscow"
COUNTERS = tuple(range(301, 1301))
FIRST_VISIT_ID = 2**63 + 17  # ids are UInt64: above what a signed column holds
FAST = RetryPolicy(first_wait_seconds=0.01, cap_seconds=0.05, outage_tries=3, quota_tries=6)
SETTLE_SECONDS = 0.3
_counters = iter(COUNTERS)


@dataclass(frozen=True)
class Visit:
    """One level 4+ visit."""

    visit_id: int
    client_id: int
    epoch: int


@dataclass
class ScoredDay:
    """One counter-day as scoring leaves it, with the sandbox that knows its visitors."""

    warehouse: Warehouse
    state: Engine
    api: ConversionsApi
    sandbox: SandboxHandle
    counter_id: int
    day: dt.date
    settings: ConversionSettings = field(default_factory=ConversionSettings)
    visits: list[Visit] = field(default_factory=list)
    _rounds: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def known_visits(self, count: int) -> list[Visit]:
        """Visits that the sandbox can link."""
        starts: dict[tuple[int, int], None] = {}
        for heads in self.sandbox.traffic.iter_heads(self.counter_id, self.day):
            starts.update(dict.fromkeys(zip(heads.client_ids.tolist(), heads.start_epochs.tolist(), strict=True)))
        picked = itertools.islice(starts, count)
        return [Visit(FIRST_VISIT_ID + place, client, epoch) for place, (client, epoch) in enumerate(picked)]

    def score(self, visits: Iterable[Visit]) -> None:
        """Store these as the day's level 4+ visits, beside one visit that is not."""
        self.visits = list(visits)
        self.warehouse.execute(
            "ALTER TABLE visit_scores DROP PARTITION (%(counter_id)s, %(day)s)",
            {"counter_id": self.counter_id, "day": self.day.isoformat()},
        )
        flags = [1] * len(self.visits) + [0]
        rows = [*self.visits, Visit(5, 6, int(utc_now().timestamp()) - 86_400 * 3)]
        columns: dict[str, list[Any]] = {
            "counter_id": [self.counter_id] * len(rows),
            "date": [self.day] * len(rows),
            "visit_id": [one.visit_id for one in rows],
            "client_id": [one.client_id for one in rows],
            "started_at": [dt.datetime.fromtimestamp(one.epoch, dt.UTC) for one in rows],
            "is_level4": flags,
            "decided_by": ["rule" if flag else "none" for flag in flags],
        }
        self.warehouse.insert_columns("visit_scores", list(columns), list(columns.values()))
        record = StageRecord(
            self.counter_id, self.day, "scores", f"scores{next(self._rounds)}", "", "score", 0.0, utc_now(),
            counts={"level4": len(self.visits)},
        )  # fmt: skip
        with self.state.begin() as connection:
            write_stage(connection, record)

    def upload(self, **changes: Any) -> UploadReport:
        """Run the job."""
        arguments: dict[str, Any] = {
            "counter_id": self.counter_id,
            "day": self.day,
            "settings": self.settings,
            "run_id": "test",
            "settle_seconds": SETTLE_SECONDS,
        }
        return upload_day(self.warehouse, self.state, self.api, **{**arguments, **changes})

    def track(self, **changes: Any) -> TrackReport:
        """Look once at this counter's uploads."""
        arguments = {"counter_ids": [self.counter_id], "settings": self.settings}
        return track(self.state, self.api, **{**arguments, **changes})

    def accepted(self) -> list[tuple[str, int]]:
        """Every conversion that the sandbox took: identifier and time, as often as it came."""
        rows = [row for upload in self.sandbox.uploads(self.counter_id) for row in upload["rows"]]
        return sorted((row["ClientId"], int(row["DateTime"])) for row in rows)

    def expected(self) -> list[tuple[str, int]]:
        """Every conversion that the sandbox ought to have, if all visits are eligible."""
        return sorted((str(one.client_id), one.epoch) for one in self.visits)

    def ledger(self) -> list[dict[str, Any]]:
        """The ledger of this counter, by visit."""
        query = select(conversions).where(conversions.c.counter_id == self.counter_id)
        with self.state.connect() as connection:
            return [dict(row) for row in connection.execute(query.order_by(conversions.c.visit_id)).mappings()]

    def uploads(self) -> list[dict[str, Any]]:
        """The uploads of this counter, oldest first."""
        query = select(conversion_uploads).where(conversion_uploads.c.counter_id == self.counter_id)
        with self.state.connect() as connection:
            return [
                dict(row) for row in connection.execute(query.order_by(conversion_uploads.c.prepared_at)).mappings()
            ]


@pytest.fixture(scope="session")
def engine_settings(endpoints: Endpoints) -> Iterator[Settings]:
    with own_stores(endpoints) as environ:
        yield Settings.from_env(environ)


@pytest.fixture(scope="session")
def warehouse(engine_settings: Settings) -> Warehouse:
    assert engine_settings.clickhouse is not None
    store = Warehouse(engine_settings.clickhouse)
    ensure_tables(store, TABLES)
    return store


@pytest.fixture(scope="session")
def state(engine_settings: Settings) -> Iterator[Engine]:
    assert engine_settings.database_url is not None
    engine = connect_state(engine_settings.database_url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[SandboxHandle]:
    counters = tuple(CounterConfig(number, ZONE) for number in COUNTERS)
    config = SandboxConfig(counters=counters, visits_per_day=400, status_seconds=0.1)
    with run_sandbox(config) as handle:
        yield handle


@pytest.fixture(scope="session")
def shared_api(state: Engine, shared_sandbox: SandboxHandle) -> Iterator[ConversionsApi]:
    with open_api(state, shared_sandbox.url) as api:
        yield api


@pytest.fixture
def scored(
    warehouse: Warehouse, state: Engine, shared_sandbox: SandboxHandle, shared_api: ConversionsApi
) -> Iterator[ScoredDay]:
    """A day of a counter of its own; switches are put back at the end."""
    healthy = shared_sandbox.faults
    yield new_scored_day(warehouse, state, shared_api, shared_sandbox)
    shared_sandbox.set_faults(healthy)


def new_scored_day(warehouse: Warehouse, state: Engine, api: ConversionsApi, sandbox: SandboxHandle) -> ScoredDay:
    """A day of a counter that nobody has used yet, with five level 4+ visits."""
    day = utc_now().date() - dt.timedelta(days=3)
    one = ScoredDay(warehouse, state, api, sandbox, next(_counters), day)
    one.score(one.known_visits(5))
    return one


@contextlib.contextmanager
def open_api(state: Engine, url: str) -> Iterator[ConversionsApi]:
    """A client of the sandbox."""
    settings = MetrikaSettings(token=Secret(DEMO_TOKEN), api_url=url)
    gate = StateQuotaGate.for_settings(state, settings)
    try:
        yield ConversionsApi(MetrikaSession(settings, gate, policy=FAST))
    finally:
        gate.close()
