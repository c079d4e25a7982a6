from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from include.registry.artefacts import artefact_path
from include.registry.promotions import COMMAND, promote
from include.registry.versions import register
from include.state.manifest import read_stage
from include.visits.scoring.recheck import rechecked_day
from include.visits.scoring.scored_models import REGISTRY, find_scored_models
from include.warehouse.day_swap import day_digest
from tests.visit_days import LoadedDay, loaded, migrated, score, state, visit_environ, warehouse
from tests.visit_models import SlotShare

__all__ = ["loaded", "migrated", "score", "state", "visit_environ", "warehouse"]


@pytest.fixture
def find(state, tmp_path: Path):
    """The models of a scored day as they are found now."""

    def run(day: LoadedDay):
        with state.connect() as connection:
            record = read_stage(connection, day.counter_id, day.day, "scores")
        assert record is not None
        return find_scored_models(state, tmp_path / "models", record)

    return run


@pytest.fixture
def recheck(warehouse, find):
    def run(day: LoadedDay, **changes):
        found = find(day)
        with rechecked_day(
            warehouse, found.models, counter_id=day.counter_id, day=day.day, silent=found.silent, **changes
        ) as result:
            return result

    return run


@pytest.fixture
def models(state, tmp_path: Path):
    made = [
        register(state, tmp_path / "models", name=name, artefact=SlotShare(), threshold=limit, features=["slots"])
        for name, limit in (("level4_desktop", 0.3), ("level4_mobile", 0.2))
    ]
    return [promote(state, one.name, one.version, cause=COMMAND) for one in made]


def fill(loaded: LoadedDay, visits: int = 300) -> LoadedDay:
    """Random visits on both sides of every border."""
    random = np.random.default_rng(11)
    for _ in range(visits):
        hits = np.cumsum(random.integers(0, 40, random.integers(0, 9))).tolist()
        loaded.add_visit(
            hits,
            duration_seconds=int(random.choice([0, 179, 180, 181])),
            page_views=int(random.choice([4, 5, 6])),
            device_category=str(random.choice(["1", "2", "3", "4", ""])),
        )
    loaded.store()
    return loaded


class TestRecheckedDay:
    def test_should_decide_every_visit_alike_when_both_writings_of_the_rules_run(self, loaded, score, recheck, models):
        score(fill(loaded))
        found = recheck(loaded)
        assert (found.visits, found.holds, found.writings.row_count) == (300, True, 0)

    def test_should_use_the_models_of_the_day_when_others_serve_now(
        self, loaded, score, recheck, models, state, tmp_path
    ):
        score(fill(loaded))
        other = register(
            state,
            tmp_path / "models",
            name="level4_desktop",
            artefact=SlotShare(3.0),
            threshold=0.9,
            features=["slots"],
        )
        promote(state, other.name, other.version, cause=COMMAND)
        assert recheck(loaded).holds

    def test_should_hold_when_no_model_was_there(self, loaded, score, recheck):
        score(fill(loaded))
        assert recheck(loaded).holds

    def test_should_hold_when_the_day_is_empty(self, loaded, score, recheck):
        loaded.store()
        score(loaded)
        found = recheck(loaded)
        assert (found.visits, found.holds) == (0, True)

    def test_should_leave_everything_as_it_is(self, loaded, score, recheck, models, warehouse):
        score(fill(loaded))
        tables = ("visits", "hits", "visit_features", "visit_scores")
        before = [day_digest(warehouse, name, loaded.counter_id, loaded.day) for name in tables]
        recheck(loaded)
        assert [day_digest(warehouse, name, loaded.counter_id, loaded.day) for name in tables] == before
        left = "SELECT count() FROM system.tables WHERE database = %(name)s AND position(name, 'check') > 0"
        assert warehouse.scalar(left, {"name": warehouse.database}) == 0

    def test_should_count_all_and_show_twenty_when_stored_decisions_were_changed(
        self, loaded, score, recheck, warehouse
    ):
        score(fill(loaded))
        where = "counter_id = %(counter_id)s AND reason = 'no_hits'"
        key = {"counter_id": loaded.counter_id}
        changed = warehouse.scalar(f"SELECT count() FROM visit_scores WHERE {where}", key)
        warehouse.execute(
            f"ALTER TABLE visit_scores UPDATE reason = 'rule' WHERE {where} SETTINGS mutations_sync = 2", key
        )
        found = recheck(loaded)
        assert (found.scores.row_count, len(found.scores.cells), found.features.row_count) == (changed, 20, 0)
        assert {(cell.column, cell.stored, cell.derived) for cell in found.scores.cells} == {
            ("reason", "rule", "no_hits")
        }

    def test_should_measure_other_features_when_hits_were_replaced_behind_the_scores(self, loaded, score, recheck):
        score(fill(loaded))
        loaded.hits = loaded.hits[: len(loaded.hits) // 2]
        loaded.store(digests=False)
        assert recheck(loaded).features.row_count > 0

    def test_should_decide_from_stored_features_when_rows_are_not_trusted(self, loaded, score, recheck):
        score(fill(loaded))
        loaded.hits = loaded.hits[: len(loaded.hits) // 2]
        loaded.store(digests=False)
        assert recheck(loaded, from_rows=False).scores.row_count == 0

    def test_should_take_the_stored_answers_when_a_model_of_the_day_was_swapped(
        self, loaded, score, recheck, find, models, tmp_path
    ):
        score(fill(loaded))
        artefact_path(tmp_path / "models", models[0].sha256).write_bytes(b"other")
        assert find(loaded).silent == ("1", "2")  # one artefact for both
        assert recheck(loaded).holds


class TestFindScoredModels:
    def test_should_find_no_fault_when_models_are_those_of_the_day(self, loaded, score, find, models):
        score(fill(loaded))
        found = find(loaded)
        assert (sorted(found.models), found.silent, found.faults) == (["1", "2"], (), ())

    def test_should_name_the_artefact_and_both_digests_when_a_byte_was_changed(
        self, loaded, score, find, models, tmp_path
    ):
        score(fill(loaded))
        path = artefact_path(tmp_path / "models", models[0].sha256)
        path.write_bytes(path.read_bytes()[:-1] + b"!")
        fault = find(loaded).faults[0]
        assert (fault.place, fault.column, fault.derived) == (str(path), "sha256", models[0].sha256)

    def test_should_name_threshold_and_features_when_the_registry_was_edited(self, loaded, score, find, models, state):
        score(fill(loaded))
        with state.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE models SET threshold = 0.31, features = '[\"duration\"]' WHERE name = 'level4_desktop'"
            )
        found = find(loaded)
        assert [(fault.place, fault.column, fault.stored) for fault in found.faults] == [
            (REGISTRY, "threshold", "0.31"),
            (REGISTRY, "features", "('duration',)"),
        ]
        assert found.models["1"].threshold == 0.3, "the day's own"

    def test_should_say_so_and_still_decide_when_the_registry_lost_the_version(
        self, loaded, score, find, recheck, models, state
    ):
        score(fill(loaded))
        with state.begin() as connection:
            connection.exec_driver_sql("DELETE FROM models WHERE name = 'level4_mobile'")
        assert [fault.stored for fault in find(loaded).faults] == ["no row"]
        assert recheck(loaded).holds
