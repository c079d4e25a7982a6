"""Measured and scored days with known distributions, written straight into the stores."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from include.days import utc_now
from include.services.engines.endpoints import Endpoints
from include.settings import DriftSettings, Settings
from include.state.engine import connect_state, migrate
from include.state.manifest import StageRecord, write_stage
from include.visits.labels.tables import TABLES as LABEL_TABLES
from include.visits.monitoring.report_day import DayReport, report_day
from include.visits.tables import TABLES
from include.warehouse.client import Warehouse
from include.warehouse.day_swap import day_digest
from include.warehouse.schema import ensure_tables
from tests.loading import own_stores

DAY = dt.date(2025, 7, 1)
VERSIONS = {"1": "desk00000001", "2": "mobi00000001"}
THRESHOLDS = {"1": 0.48, "2": 0.36}
_counters = itertools.count(7001)


@pytest.fixture(scope="session")
def monitored_stores(endpoints: Endpoints) -> Iterator[tuple[Warehouse, Engine]]:
    with own_stores(endpoints) as environ:
        settings = Settings.from_env(environ)
        assert settings.clickhouse is not None
        assert settings.database_url is not None
        warehouse, state = Warehouse(settings.clickhouse), connect_state(settings.database_url)
        migrate(state)
        ensure_tables(warehouse, [*TABLES, *LABEL_TABLES])
        yield warehouse, state
        state.dispose()


@pytest.fixture
def monitored(monitored_stores: tuple[Warehouse, Engine]) -> MonitoredCounter:
    return MonitoredCounter(*monitored_stores, next(_counters))


@dataclass
class MonitoredCounter:
    """A counter with days of generated visits."""

    warehouse: Warehouse
    state: Engine
    counter_id: int
    day: dt.date = DAY
    settings: DriftSettings = field(default_factory=lambda: DriftSettings(blocks=True))
    _visit_ids: Iterator[int] = field(default_factory=lambda: itertools.count(2**63 + 5))

    def add_days(self, count: int, visits: int = 1_000, **shifts: Any) -> None:
        """Clean days before the day."""
        for back in range(count, 0, -1):
            self.add_day(self.day - dt.timedelta(days=back), visits, **shifts)

    def add_day(self, day: dt.date | None = None, visits: int = 1_000, **shifts: Any) -> None:
        """Store one day; ``shifts`` plant drift, see :func:`draw_day`."""
        day, seed = day or self.day, [self.counter_id, (day or self.day).toordinal()]
        drawn = draw_day(np.random.default_rng(seed), visits, **shifts)
        self.store(day, drawn)

    def store(self, day: dt.date, drawn: dict[str, Any]) -> None:
        size = len(drawn["slots"])
        common = {
            "counter_id": np.full(size, self.counter_id, np.uint32),
            "date": np.full(size, np.datetime64(day)),
            "visit_id": np.array([next(self._visit_ids) for _ in range(size)], np.uint64),
            "device_category": drawn["device_category"],
        }
        features = {name: drawn[name] for name in FEATURE_TYPES}
        scores = {name: drawn[name] for name in ("is_level4", "reason", "score", "threshold", "model_version")}
        for table, columns in (("visit_features", features), ("visit_scores", scores)):
            self.warehouse.execute(
                f"ALTER TABLE {table} DROP PARTITION (%(counter_id)s, %(day)s)",
                {"counter_id": self.counter_id, "day": day.isoformat()},
            )
            rows = {name: list(values) for name, values in {**common, **columns}.items()}
            rows["date"] = [day] * size
            self.warehouse.insert_columns(table, list(rows), [_plain(values) for values in rows.values()])
        self.seal(day)

    def seal(self, day: dt.date) -> None:
        models = {
            name: {"version": VERSIONS[device], "sha256": "", "threshold": THRESHOLDS[device]}
            for device, name in (("1", "level4_desktop"), ("2", "level4_mobile"))
        }
        digest = day_digest(self.warehouse, "visit_scores", self.counter_id, day)
        record = StageRecord(
            self.counter_id, day, "scores", digest, "", "score", 0.0, utc_now(),
            details={"features_digest": day_digest(self.warehouse, "visit_features", self.counter_id, day)}
            | {"models": models},
        )  # fmt: skip
        with self.state.begin() as connection:
            write_stage(connection, record)

    def add_labels(self, day: dt.date | None = None, *, bend: float = 1.0, share: float = 1.0) -> int:
        """Label the asked visits of a day: level 4+ with probability score ** bend."""
        day = day or self.day
        rows = self.warehouse.execute(
            "SELECT visit_id, score FROM visit_scores WHERE counter_id = %(counter_id)s AND date = %(day)s "
            "AND isNotNull(score) ORDER BY visit_id",
            {"counter_id": self.counter_id, "day": day},
        )
        rng = np.random.default_rng([self.counter_id, day.toordinal(), 1])
        chosen = [row for row in rows if rng.random() < share]
        now = utc_now().replace(microsecond=0)
        columns = {
            "counter_id": [self.counter_id] * len(chosen),
            "date": [day] * len(chosen),
            "visit_id": [visit_id for visit_id, _ in chosen],
            "source": ["csv"] * len(chosen),
            "label": [int(rng.random() < score**bend) for _, score in chosen],
            "labelled_at": [now] * len(chosen),
        }
        self.warehouse.insert_columns("visit_labels", list(columns), list(columns.values()))
        return len(chosen)

    def report(self, day: dt.date | None = None, **changes: Any) -> DayReport:
        arguments = {"counter_id": self.counter_id, "day": day or self.day, "settings": self.settings, "run_id": "test"}
        return report_day(self.warehouse, self.state, **{**arguments, **changes})


FEATURE_TYPES = {
    "slots": np.uint32,
    "slot_range": np.uint32,
    "slot_density": np.float64,
    "median_pause_seconds": np.float64,
    "mean_pause_seconds": np.float64,
    "std_pause_seconds": np.float64,
    "duration_seconds": np.uint32,
    "page_views": np.int32,
    "is_bounce": np.uint8,
    "hit_count": np.uint32,
}


def draw_day(
    rng: np.random.Generator,
    visits: int,
    *,
    pause_times: float = 1.0,
    mobile_share: float = 0.55,
    lost_hits_share: float = 0.0,
    bounce_share: float = 0.35,
) -> dict[str, Any]:
    """Visits as a shop has them; every argument but the defaults plants a drift.

    Args:
        rng: source of chance.
        visits: how many.
        pause_times: pauses between hits are so many times longer.
        mobile_share: share of phones, the rest are desktops.
        lost_hits_share: share of hits that the tracker no longer sends.
        bounce_share: share of bounces.
    """
    is_bounce = rng.random(visits) < bounce_share
    hits = np.where(is_bounce, 1, 2 + rng.geometric(0.2, visits))
    hits = np.where(rng.random(visits) < 0.02, 0, rng.binomial(hits, 1 - lost_hits_share))
    pause = rng.lognormal(2.8, 0.9, visits) * pause_times * (hits > 1)
    span = pause * np.maximum(hits - 1, 0)
    slots = np.minimum(hits, 1 + span // 15) * (hits > 0)
    duration = span + rng.exponential(20, visits)
    views = np.maximum(1, rng.binomial(np.maximum(hits, 1), 0.7))
    mean = np.where(hits > 1, span / np.maximum(hits - 1, 1), 0.0)
    device = np.where(rng.random(visits) < mobile_share, "2", "1").astype(object)
    by_rule = (duration >= 180) & (views >= 5) & (slots >= 5)
    score = 1 / (1 + np.exp(-(slots * 0.25 - 2.2 + rng.normal(0, 0.5, visits))))
    asked = ~by_rule & (hits > 0)
    threshold = np.where(device == "1", THRESHOLDS["1"], THRESHOLDS["2"])
    flagged = by_rule | (asked & (score > threshold))
    reason = np.select([by_rule, hits == 0, flagged], ["rule", "no_hits", "model"], "below_threshold").astype(object)
    return {
        "slots": slots.astype(np.uint32),
        "slot_range": (span // 15).astype(np.uint32),
        "slot_density": slots / (duration / 60 + 1),
        "median_pause_seconds": mean * rng.uniform(0.7, 1.0, visits),
        "mean_pause_seconds": mean,
        "std_pause_seconds": mean * rng.uniform(0.2, 1.0, visits) * (hits > 2),
        "duration_seconds": duration.astype(np.uint32),
        "page_views": views.astype(np.int32),
        "is_bounce": is_bounce.astype(np.uint8),
        "hit_count": hits.astype(np.uint32),
        "device_category": device,
        "is_level4": flagged.astype(np.uint8),
        "reason": reason,
        "score": np.where(asked, score, None),
        "threshold": np.where(asked, threshold, None),
        "model_version": np.where(asked, np.where(device == "1", VERSIONS["1"], VERSIONS["2"]), "").astype(object),
    }


def _plain(values: list[Any]) -> list[Any]:
    return [value.item() if isinstance(value, np.generic) else value for value in values]
