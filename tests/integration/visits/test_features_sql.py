from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.visits.measuring.features import WATCH_IDS_CAP, features_parameters, features_sql
from include.visits.tables import VISIT_FEATURES
from tests.visit_days import loaded, migrated, state, visit_environ, warehouse

__all__ = ["loaded", "migrated", "state", "visit_environ", "warehouse"]

NAMES = [column.name for column in VISIT_FEATURES.columns]
MEASURED = [
    "hit_count",
    "slots",
    "slot_range",
    "slot_density",
    *(f"{n}_pause_seconds" for n in ("median", "mean", "std")),
]


def measure(loaded: Any) -> pd.DataFrame:
    rows = loaded.warehouse.execute(features_sql(), features_parameters(loaded.counter_id, loaded.day))
    return pd.DataFrame(rows, columns=NAMES).set_index("visit_id").sort_index()


def measure_one(loaded: Any) -> dict[str, Any]:
    loaded.store()
    return measure(loaded).iloc[0].to_dict()


def expected_features(visits: list[dict[str, Any]], hits: list[dict[str, Any]]) -> pd.DataFrame:
    """The definitions written down a second time, visit by visit."""
    found = pd.DataFrame(hits, columns=["watch_id", "visit_id", "hit_at"]).drop_duplicates("watch_id")
    rows = []
    for visit in visits:
        listed, named = found["watch_id"].isin(visit["watch_ids"]), found["visit_id"] == visit["visit_id"]
        is_capped = len(visit["watch_ids"]) >= WATCH_IDS_CAP
        chosen = named | (listed & (found["visit_id"] == 0)) if is_capped else listed
        seconds = np.sort([at.timestamp() for at in found.loc[chosen, "hit_at"]])
        gaps, bins = np.diff(seconds), (seconds - seconds[:1]) // 15
        differs = (listed & ~named & (found["visit_id"] > 0)) | (named & ~listed)
        rows.append(
            {
                "visit_id": visit["visit_id"],
                "hit_count": len(seconds),
                "visit_id_hit_count": int(named.sum()),
                "slots": len(set(bins)),
                "slot_range": max(bins, default=0),
                "slot_density": len(set(bins)) / (visit["duration_seconds"] / 60 + 1),
                "median_pause_seconds": np.median(gaps) if len(gaps) else 0,
                "mean_pause_seconds": gaps.mean() if len(gaps) else 0,
                "std_pause_seconds": gaps.std() if len(gaps) else 0,
                "join_disagrees": int(differs.any() and not is_capped),
            }
        )
    return pd.DataFrame(rows).set_index("visit_id").sort_index()


WORKED_CASES = [
    ([0, 14, 15, 29, 30, 200], 200, (6, 4, 13, 0.923077, 14, 40, 65.259482)),
    ([0, 20, 95, 100], 180, (4, 3, 6, 0.75, 20, 33.333333, 30.092450)),
    ([7, 7], 45, (2, 1, 0, 0.571429, 0, 0, 0)),
    ([], 90, (0, 0, 0, 0, 0, 0, 0)),
    ([11], 120, (1, 1, 0, 1 / 3, 0, 0, 0)),
    ([5], 0, (1, 1, 0, 1, 0, 0, 0)),
    ([0, 14], 14, (2, 1, 0, 0.810811, 14, 14, 0)),
    ([0, 15], 15, (2, 2, 1, 1.6, 15, 15, 0)),
    ([0, 10, 30], 30, (3, 2, 2, 1.333333, 15, 15, 5)),
    ([0, 86399], 86399, (2, 2, 5759, 0.001388, 86399, 86399, 0)),
]


class TestM17SlotFeatures:
    @pytest.mark.parametrize(("hit_seconds", "duration", "expected"), WORKED_CASES)
    @pytest.mark.parametrize("hits_name_visit", [True, False], ids=["by_visit_id", "by_watch_ids"])
    def test_should_equal_the_worked_case_when_measured_in_sql(
        self, loaded, hit_seconds, duration, expected, hits_name_visit
    ):
        loaded.add_visit(hit_seconds, duration_seconds=duration, hits_name_visit=hits_name_visit)
        features = measure_one(loaded)
        assert [features[name] for name in MEASURED] == pytest.approx(expected, abs=1e-6)

    def test_should_not_depend_on_order_when_hits_and_listed_ids_are_shuffled(self, loaded):
        loaded.add_visit([200, 14, 0, 30, 29, 15], started=0)
        loaded.visits[0]["watch_ids"].reverse()
        features = measure_one(loaded)
        assert (features["slots"], features["slot_range"], features["median_pause_seconds"]) == (4, 13, 14)

    def test_should_count_a_hit_once_when_its_id_is_listed_twice(self, loaded):
        loaded.add_visit([0, 20])
        loaded.visits[0]["watch_ids"] *= 2
        assert measure_one(loaded)["hit_count"] == 2

    def test_should_count_a_hit_once_when_both_days_hold_it(self, loaded):
        loaded.add_visit([0, 20])
        repeated = {**loaded.hits[0], "date": loaded.day + dt.timedelta(days=1)}
        loaded.hits.append(repeated)
        assert measure_one(loaded)["hit_count"] == 2

    def test_should_start_slots_at_the_first_hit_when_the_visit_started_earlier(self, loaded):
        loaded.add_visit([14, 16], started=0)
        assert measure_one(loaded)["slots"] == 1

    def test_should_give_exactly_zero_deviation_when_long_gaps_are_equal(self, loaded):
        loaded.add_visit([0, 28_657, 57_314, 85_971])
        assert measure_one(loaded)["std_pause_seconds"] == 0.0

    def test_should_use_true_seconds_when_clocks_change_inside_the_visit(self, loaded):
        # Berlin, 2025-10-26: 02:59:50 summer time and 02:00:05 winter time are 15 seconds apart.
        loaded.zone, loaded.day = "Europe/Berlin", dt.date(2025, 10, 26)
        change = dt.datetime(2025, 10, 26, 1, 0, tzinfo=dt.UTC)
        loaded.add_visit([0, 0])
        for hit, offset in zip(loaded.hits, (-10, 5), strict=True):
            hit.update(hit_at=change + dt.timedelta(seconds=offset), date=loaded.day)
        features = measure_one(loaded)
        assert (features["slots"], features["mean_pause_seconds"]) == (2, 15)

    def test_should_leave_other_counters_and_days_alone_when_ids_repeat_there(self, loaded):
        other = loaded.twin()
        other.visits, other.hits = [], []
        visit_id = loaded.add_visit([0, 20])
        other.add_visit([1, 2, 3], visit_id=visit_id)
        for hit, source in zip(other.hits, loaded.hits, strict=False):
            hit["watch_id"] = source["watch_id"]
        other.store()
        assert measure_one(loaded)["hit_count"] == 2


class TestM15JoinOfHits:
    def test_should_keep_the_tail_when_a_visit_runs_over_midnight(self, loaded):
        loaded.add_visit([86_390, 86_410, 86_450])
        features = measure_one(loaded)
        assert (features["hit_count"], features["slots"], features["slot_range"]) == (3, 3, 4)

    def test_should_give_equal_features_when_hits_name_their_visit_or_not(self, loaded):
        random = np.random.default_rng(7)
        for _ in range(60):
            loaded.add_visit(random.integers(0, 3_000, random.integers(0, 12)).tolist())
        unnamed = loaded.twin()
        unnamed.hits = [{**hit, "visit_id": 0} for hit in loaded.hits]
        loaded.store()
        unnamed.store()
        ignored = ["counter_id", "visit_id_hit_count"]
        pd.testing.assert_frame_equal(measure(loaded).drop(columns=ignored), measure(unnamed).drop(columns=ignored))

    def test_should_use_listed_hits_and_say_so_when_another_hit_names_the_visit(self, loaded):
        visit_id = loaded.add_visit([0, 20])
        loaded.add_hit(77, 500, visit_id)
        features = measure_one(loaded)
        assert (features["hit_count"], features["visit_id_hit_count"], features["join_disagrees"]) == (2, 3, 1)

    def test_should_flag_both_visits_when_a_listed_hit_names_the_other(self, loaded):
        loaded.add_visit([0, 20])
        loaded.add_visit([100, 140])
        loaded.hits[1]["visit_id"] = loaded.visits[1]["visit_id"]
        loaded.store()
        features = measure(loaded)
        assert features["join_disagrees"].tolist() == [1, 1]
        assert features["hit_count"].tolist() == [2, 2]

    def test_should_not_flag_when_a_listed_hit_is_missing_from_the_store(self, loaded):
        loaded.add_visit([0, 20, 40])
        loaded.hits.pop()
        features = measure_one(loaded)
        assert (features["hit_count"], features["join_disagrees"]) == (2, 0)

    def test_should_count_a_hit_for_both_when_two_visits_list_it(self, loaded):
        loaded.add_visit([0, 20])
        loaded.add_visit([40])
        loaded.visits[1]["watch_ids"].append(loaded.visits[0]["watch_ids"][0])
        loaded.store()
        assert measure(loaded)["hit_count"].tolist() == [2, 2]

    def test_should_use_visit_ids_when_the_list_is_at_the_cap(self, loaded):
        loaded.add_visit(list(range(WATCH_IDS_CAP + 100)))
        loaded.visits[0]["watch_ids"] = loaded.visits[0]["watch_ids"][:WATCH_IDS_CAP]
        features = measure_one(loaded)
        assert (features["hit_count"], features["join_disagrees"]) == (WATCH_IDS_CAP + 100, 0)

    def test_should_use_the_list_when_it_is_at_the_cap_and_hits_name_no_visit(self, loaded):
        loaded.add_visit(list(range(WATCH_IDS_CAP + 100)), hits_name_visit=False)
        loaded.visits[0]["watch_ids"] = loaded.visits[0]["watch_ids"][:WATCH_IDS_CAP]
        assert measure_one(loaded)["hit_count"] == WATCH_IDS_CAP

    def test_should_use_the_list_and_flag_when_it_is_one_below_the_cap(self, loaded):
        loaded.add_visit(list(range(WATCH_IDS_CAP)))
        loaded.visits[0]["watch_ids"] = loaded.visits[0]["watch_ids"][: WATCH_IDS_CAP - 1]
        features = measure_one(loaded)
        assert (features["hit_count"], features["join_disagrees"]) == (WATCH_IDS_CAP - 1, 1)


@st.composite
def histories(draw):
    """Visits with listed ids drawn from a small pool, hits that name any visit, another one, or none."""
    pool = [2**63 + n for n in range(24)]
    visits = [
        {"visit_id": 10**18 + n, "watch_ids": draw(st.lists(st.sampled_from(pool), max_size=9)), "duration_seconds": d}
        for n, d in enumerate(draw(st.lists(st.integers(0, 4_000), min_size=1, max_size=5)))
    ]
    owners = st.sampled_from([0, 5, *(visit["visit_id"] for visit in visits)])
    stored = draw(st.lists(st.sampled_from(pool), unique=True))
    hits = [(watch_id, draw(st.integers(0, 90_000)), draw(owners)) for watch_id in stored]
    return visits, hits


class TestM17AgainstPandas:
    @settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(history=histories())
    def test_should_equal_the_definitions_when_histories_are_random(self, loaded, history):
        visits, hits = history
        loaded.visits, loaded.hits, loaded._watch_ids = [], [], itertools.count(1)
        for visit in visits:
            loaded.add_visit([], **visit)
        for watch_id, second, visit_id in hits:
            loaded.add_hit(watch_id, second, visit_id)
        loaded.store(digests=False)
        expected = expected_features(loaded.visits, loaded.hits)
        measured = measure(loaded)[expected.columns]
        pd.testing.assert_frame_equal(measured, expected, check_dtype=False, rtol=1e-9, atol=1e-9)
