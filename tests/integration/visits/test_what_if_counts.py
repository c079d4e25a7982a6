"""The comparing query against a recount in pandas, over random sides of a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.visits.tables import VISIT_SCORES
from include.visits.what_if.comparing import Comparison, DayPair, compare_day, iter_changes
from include.visits.what_if.value import GIVEN, ValueRule
from include.warehouse.client import Warehouse
from include.warehouse.day_swap import create_staging, staging_name
from include.warehouse.schema import drop_tables
from tests.visit_days import DAY, migrated, state, visit_environ, warehouse

__all__ = ["migrated", "state", "visit_environ", "warehouse"]

COUNTER = 4_000_001
DEVICES = ("1", "2", "3", "")
REASONS = ("rule", "model", "below_threshold", "no_hits", "device_not_modelled")
CENTS = 250  # given to every visit that is stored

SIDE = st.none() | st.sampled_from(REASONS)
VISITS = st.lists(st.tuples(SIDE, SIDE, st.sampled_from(DEVICES), st.booleans()), max_size=60)


@pytest.fixture(scope="module")
def trial(warehouse: Warehouse) -> Iterator[str]:
    name = staging_name(VISIT_SCORES, "whatifcounts")
    yield name
    drop_tables(warehouse, [name])


def store(warehouse: Warehouse, table: str, rows: list[tuple[int, str, str]]) -> None:
    if not rows:
        return
    names = ("counter_id", "date", "visit_id", "started_at", "device_category", "reason", "is_level4")
    start = dt.datetime(2025, 7, 1, 9, tzinfo=dt.UTC)
    full = [(COUNTER, DAY, n, start, device, reason, int(reason in ("rule", "model"))) for n, device, reason in rows]
    warehouse.insert_columns(table, names, [list(column) for column in zip(*full, strict=True)])


def empty(warehouse: Warehouse, trial: str) -> None:
    create_staging(warehouse, VISIT_SCORES, trial)
    for table in ("visit_scores", "visits"):
        warehouse.execute(
            f"ALTER TABLE {table} DROP PARTITION (%(counter)s, %(day)s)", {"counter": COUNTER, "day": DAY.isoformat()}
        )


def recount(frame: pd.DataFrame) -> dict[str, Any]:
    before, after = (frame[side].isin(["rule", "model"]) for side in ("old", "new"))
    counts = {"kept": before & after, "added": ~before & after, "removed": before & ~after}
    return {
        **{name: int(mask.sum()) for name, mask in counts.items()},
        **{f"{name}_value": int((mask & frame["is_stored"]).sum()) * CENTS / 100 for name, mask in counts.items()},
    }


def as_dict(found: Comparison) -> dict[str, Any]:
    return {
        **{name: getattr(found, name) for name in ("kept", "added", "removed")},
        **{f"{name}_value": found.value[name] for name in ("kept", "added", "removed")},
    }


class TestCompareDay:
    @given(visits=VISITS)
    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    def test_should_equal_a_recount_whatever_the_sides_are(
        self, warehouse: Warehouse, trial: str, visits: list[tuple[str | None, str | None, str, bool]]
    ) -> None:
        empty(warehouse, trial)
        store(warehouse, "visit_scores", [(n, one[2], one[0]) for n, one in enumerate(visits, 1) if one[0]])
        store(warehouse, trial, [(n, one[2], one[1]) for n, one in enumerate(visits, 1) if one[1]])
        stored = [n for n, one in enumerate(visits, 1) if one[3]]
        if stored:
            columns = [[COUNTER] * len(stored), [DAY] * len(stored), stored]
            warehouse.insert_columns("visits", ("counter_id", "date", "visit_id"), columns)
        found = compare_day(warehouse, DayPair(COUNTER, DAY, trial, ValueRule(GIVEN, f"toInt64({CENTS})")))
        frame = pd.DataFrame(visits, columns=["old", "new", "device", "is_stored"]).astype({"is_stored": bool})
        assert as_dict(found) == recount(frame)
        assert found.before == int(frame["old"].isin(["rule", "model"]).sum()) == found.kept + found.removed
        assert found.after == int(frame["new"].isin(["rule", "model"]).sum()) == found.kept + found.added
        assert sum(group["visits"] for group in found.groups) == found.kept + found.added + found.removed

    def test_should_ask_about_every_changed_visit_when_there_are_many(self, warehouse: Warehouse, trial: str) -> None:
        empty(warehouse, trial)
        count = 150_000  # more than two blocks
        store(warehouse, "visit_scores", [(n, "1", "below_threshold") for n in range(1, count + 1)])
        store(warehouse, trial, [(n, "1", "model") for n in range(1, count + 1)])
        asked: list[int] = []

        def status_of(*, visit_ids: Any, **_: Any) -> Any:
            asked.extend(visit_ids.tolist())
            return np.full(len(visit_ids), "can_be_sent", dtype=object)

        pair = DayPair(COUNTER, DAY, trial, ValueRule("none"))
        rows = sum(len(block) for block in iter_changes(warehouse, pair, status_of))
        assert (rows, asked == list(range(1, count + 1))) == (count, True)
