"""Recalculations of learning metrics on real stores, and what they leave behind."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select, text

from include.metrics.recalculating.job import RecalculationReport, recalculate
from include.metrics.recalculating.orders import Order
from include.services.engines.endpoints import Endpoints
from include.state.tables import metric_restatements, metric_slices, metric_touched_days, metric_values
from tests.metric_events import COURSE, PROJECT, LearningStores, opened_learning, own_learning, person_id

CLOSED = dt.datetime(2025, 6, 1, tzinfo=dt.UTC)  # long after the golden week
SUMS_AGREE = 1e-9


@dataclass(frozen=True)
class Key:
    """One person of one slice."""

    course: str
    metric: str
    version: int
    digest: str
    grain: str
    start_at: dt.datetime
    end_at: dt.datetime
    person: str


@dataclass(frozen=True)
class Found:
    """What is stored for it."""

    value: float | None
    sample_n: int
    null_reason: str
    numerator: float | None = None
    denominator: float | None = None
    by_timeout: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Restated:
    """One restatement."""

    key: Key
    old_value: float | None
    new_value: float | None
    old_sample_n: int
    new_sample_n: int
    cause: str
    load_ids: tuple[int, ...]
    run_id: str


@dataclass
class MetricRuns:
    """Both stores with a recalculation to run on them."""

    stores: LearningStores

    def run(self, *, now: dt.datetime | None = CLOSED, run_id: str = "", **order: Any) -> RecalculationReport:
        """Recalculate; keywords make the order, none of them asks for touched days and closings only."""
        return recalculate(
            self.stores.warehouse,
            self.stores.state,
            self.stores.settings,
            Order(**order),
            run_id=run_id or f"test_{uuid.uuid4().hex[:8]}",
            now=now,
        )

    def with_settings(self, **changes: Any) -> MetricRuns:
        """The same stores under other settings of the metrics."""
        learning = replace(self.stores.settings.learning, **changes)
        settings = replace(self.stores.settings, learning=learning)
        return MetricRuns(replace(self.stores, settings=settings))

    def values(self, **narrowing: Any) -> dict[Key, Found]:
        """Stored values; narrow by fields of Key, ``user`` for a learner's id."""
        s, v = metric_slices.c, metric_values.c
        query = select(*_KEY, v.person_id, *(v[name] for name in _FOUND)).join(metric_slices, s.slice_id == v.slice_id)
        with self.stores.state.connect() as connection:
            rows = connection.execute(query).all()
        found = {
            _key(row): Found(
                **{name: getattr(row, name) for name in _FOUND if name != "by_timeout"},
                by_timeout=None if row.by_timeout is None else tuple(row.by_timeout),
            )
            for row in rows
        }
        return {key: value for key, value in found.items() if _fits(key, narrowing)}

    def value(self, metric: str, version: int, grain: str, user: str, **narrowing: Any) -> Found | None:
        """The only value that fits, or None."""
        found = self.values(metric=metric, version=version, grain=grain, user=user, **narrowing)
        assert len(found) <= 1, list(found)
        return next(iter(found.values()), None)

    def restatements(self, **narrowing: Any) -> list[Restated]:
        """Restatements in the order they were written."""
        s, r = metric_slices.c, metric_restatements.c
        names = ("old_value", "new_value", "old_sample_n", "new_sample_n", "cause", "load_ids", "run_id")
        query = select(*_KEY, r.person_id, *(r[name] for name in names)).join(metric_slices, s.slice_id == r.slice_id)
        with self.stores.state.connect() as connection:
            rows = connection.execute(query.order_by(r.restatement_id)).all()
        found = [
            Restated(_key(row), *(getattr(row, name) for name in names[:-2]), tuple(row.load_ids), row.run_id)
            for row in rows
        ]
        return [one for one in found if _fits(one.key, narrowing)]

    def slices(self) -> dict[tuple[Any, ...], tuple[int, dt.datetime | None]]:
        """Rows and next change of each slice, by its key."""
        s = metric_slices.c
        with self.stores.state.connect() as connection:
            rows = connection.execute(select(*_KEY, s.row_count, s.next_change_at)).all()
        return {tuple(row[: len(_KEY)]): (row.row_count, row.next_change_at) for row in rows}

    def stored_rows(self) -> list[tuple[Any, ...]]:
        """Values with where PostgreSQL keeps each row version: equal when nobody wrote any."""
        query = text("SELECT ctid::text, xmin::text, slice_id, person_id, value FROM metric_values ORDER BY 3, 4")
        with self.stores.state.connect() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def waiting_days(self) -> list[tuple[dt.date, str]]:
        """Days that wait, with their kind."""
        c = metric_touched_days.c
        with self.stores.state.connect() as connection:
            return [tuple(row) for row in connection.execute(select(c.day, c.kind).order_by(c.day, c.kind))]

    def assert_explained(self) -> None:
        """Restatements of a key follow each other, and with the first value they give the stored one."""
        current, chains = self.values(), dict[Key, list[Restated]]()
        for one in self.restatements():
            chains.setdefault(one.key, []).append(one)
        for key, chain in chains.items():
            for before, after in itertools.pairwise(chain):
                assert before.new_value == after.old_value, key
            total = (chain[0].old_value or 0.0) + sum((one.new_value or 0.0) - (one.old_value or 0.0) for one in chain)
            stored = current[key].value if key in current else None
            assert stored == chain[-1].new_value, key
            assert abs(total - (stored or 0.0)) <= SUMS_AGREE * max(1.0, abs(total)), key


_KEY = (
    metric_slices.c.course_id,
    metric_slices.c.metric,
    metric_slices.c.version,
    metric_slices.c.card_digest,
    metric_slices.c.grain,
    metric_slices.c.period_start_at,
    metric_slices.c.period_end_at,
)
_FOUND = ("value", "sample_n", "null_reason", "numerator", "denominator", "by_timeout")


def _key(row: Any) -> Key:
    return Key(*row[: len(_KEY)], str(row.person_id))


def _fits(key: Key, narrowing: dict[str, Any]) -> bool:
    wanted = {name: value for name, value in narrowing.items() if name != "user"}
    if "user" in narrowing:
        wanted["person"] = person_id(narrowing["user"], PROJECT)
    return all(getattr(key, name) == value for name, value in wanted.items())


def fresh_values(runs: MetricRuns, days: Iterable[dt.date], *, now: dt.datetime) -> dict[Key, Found]:
    """What a calculation from scratch gives: nothing stored before, everything asked for at once."""
    with runs.stores.state.begin() as connection:
        for name in ("restatements", "values", "slices", "touched_days", "loads", "courses"):
            connection.execute(text(f"DELETE FROM metric_{name}"))
    runs.stores.warehouse.execute("TRUNCATE TABLE user_days")
    runs.run(now=now)
    runs.run(now=now, courses=(COURSE,), days=tuple(days))
    return runs.values()


@contextlib.contextmanager
def own_runs(endpoints: Endpoints) -> Iterator[MetricRuns]:
    """Empty stores that nobody else uses."""
    with own_learning(endpoints) as stores:
        yield MetricRuns(stores)


@contextlib.contextmanager
def opened_runs(environ: dict[str, str]) -> Iterator[MetricRuns]:
    """The stores behind some addresses."""
    with opened_learning(environ) as stores:
        yield MetricRuns(stores)
