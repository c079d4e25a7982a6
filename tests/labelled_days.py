"""Days with planted truth: which visits are positive, when their goal was reached, and what came after it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from include.metrika.fields.resolving import resolve_fields
from include.metrika.loading.tables import source_table
from include.visits.labels.csv_labels import LabelFile, import_csv
from include.visits.labels.reports import LabelReport
from include.visits.training_job.dataset import TrainingSet, build_training_set
from include.visits.training_job.sources import TrainingData
from include.warehouse.schema import ensure_tables
from tests.visit_days import CLIENT, MIDNIGHT, LoadedDay

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = dt.datetime(2025, 8, 1, tzinfo=dt.UTC)
GOAL = 77
DAY_SECONDS = 86_400


def at(second: int) -> dt.datetime:
    """A second of the first day, as an instant."""
    return dt.datetime.fromtimestamp(MIDNIGHT + second, dt.UTC)


def with_goals(day: LoadedDay) -> LoadedDay:
    """Give the stored tables the columns of goals and addresses."""
    fields = {"visits": ("ym:s:goalsID", "ym:s:goalsDateTime"), "hits": ("ym:pv:URL",)}
    ensure_tables(
        day.warehouse, [source_table(source, resolve_fields(source, more)) for source, more in fields.items()]
    )
    return day


def add_visitor(day: LoadedDay, client: int, hit_seconds: list[int], **columns: Any) -> int:
    """A visit of one client; every hit is a page view."""
    before = len(day.hits)
    visit_id = day.add_visit(hit_seconds, client_id=CLIENT + client, **columns)
    for hit in day.hits[before:]:
        hit |= {"client_id": CLIENT + client, "is_page_view": 1}
    return visit_id


def fill_day(day: LoadedDay, visits: int, *, seed: int = 0, clients: int | None = None) -> dict[int, int]:
    """Visits of desktops and phones whose truth depends on their hits; returns label by visit id."""
    rng = np.random.default_rng(seed)
    labels = {}
    for number in range(visits):
        is_busy = rng.random() < 0.4
        count = int(rng.integers(4, 14) if is_busy else rng.integers(1, 7))
        start = int(rng.integers(0, 80_000))
        seconds = (start + np.cumsum(rng.integers(1, 40, count))).tolist()
        client = int(rng.integers(0, clients)) if clients else number
        visit_id = add_visitor(day, client, seconds, device_category="1" if number % 2 else "2")
        labels[visit_id] = int(rng.random() < (0.7 if is_busy else 0.1))
    return labels


def write_labels(path: Path, labels: Mapping[int, int], *, column: str = "label") -> Path:
    """A file of labels."""
    path.write_text(f"visit_id,{column}\n" + "".join(f"{visit_id},{label}\n" for visit_id, label in labels.items()))
    return path


def import_file(day: LoadedDay, path: Path, *, now: dt.datetime = NOW, **changes: Any) -> LabelReport:
    """Import a file of labels for one counter."""
    file = LabelFile(**({"path": path, "zone": MOSCOW, "counter_ids": [day.counter_id]} | changes))
    return import_csv(day.warehouse, day.state, file, run_id="test", now=now)


def training_set(day: LoadedDay, *sources: str, **changes: Any) -> TrainingSet:
    """The training set of one counter from the day on."""
    values = {
        "counter_ids": [day.counter_id],
        "first": day.day,
        "last": day.day + dt.timedelta(days=30),
        "sources": sources or ("csv",),
        "as_of": NOW,
    }
    return build_training_set(day.warehouse, TrainingData(**(values | changes)), run_id="test")


def stored_labels(day: LoadedDay, columns: str = "visit_id, label") -> list[tuple[Any, ...]]:
    """The stored labels of the counter, ordered."""
    return day.warehouse.execute(
        f"SELECT {columns} FROM visit_labels WHERE counter_id = %(counter_id)s ORDER BY date, source, visit_id",
        {"counter_id": day.counter_id},
    )


@contextmanager
def no_stages_left(day: LoadedDay) -> Iterator[None]:
    """Check at the end that no staging table is left."""
    yield
    left = day.warehouse.scalar(
        "SELECT count() FROM system.tables WHERE database = currentDatabase() AND position(name, '_stage_') > 0"
    )
    assert left == 0
