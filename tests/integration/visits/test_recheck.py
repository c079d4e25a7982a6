from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from include.errors import DayNotReady, ModelError
from include.registry.artefacts import artefact_path
from include.registry.promotions import COMMAND, promote
from include.registry.versions import register
from include.visits.scoring.recheck import Recheck, recheck_day
from tests.visit_days import LoadedDay, loaded, migrated, score, state, visit_environ, warehouse
from tests.visit_models import SlotShare

__all__ = ["loaded", "migrated", "score", "state", "visit_environ", "warehouse"]


@pytest.fixture
def recheck(warehouse, state, tmp_path: Path):
    return lambda day: recheck_day(
        warehouse, state, counter_id=day.counter_id, day=day.day, models_dir=tmp_path / "models"
    )


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


class TestRecheckDay:
    def test_should_decide_every_visit_alike_when_both_writings_of_the_rules_run(self, loaded, score, recheck, models):
        score(fill(loaded))
        assert recheck(loaded) == Recheck(300, True, True, 0)

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
        assert recheck(loaded) == Recheck(0, True, True, 0)

    def test_should_notice_when_stored_decisions_were_changed(self, loaded, score, recheck, warehouse):
        score(fill(loaded))
        warehouse.execute(
            "ALTER TABLE visit_scores UPDATE reason = 'rule' WHERE counter_id = %(counter_id)s AND reason = 'no_hits' "
            "SETTINGS mutations_sync = 2",
            {"counter_id": loaded.counter_id},
        )
        found = recheck(loaded)
        assert (found.features_hold, found.scores_hold, found.decisions_differ > 0) == (True, False, True)

    def test_should_notice_when_hits_were_replaced_behind_the_scores(self, loaded, score, recheck):
        score(fill(loaded))
        loaded.hits = loaded.hits[: len(loaded.hits) // 2]
        loaded.store(digests=False)
        assert not recheck(loaded).features_hold

    def test_should_refuse_when_a_model_of_the_day_was_swapped(self, loaded, score, recheck, models, tmp_path):
        score(fill(loaded))
        artefact_path(tmp_path / "models", models[0].sha256).write_bytes(b"other")
        with pytest.raises(ModelError, match="digest differs"):
            recheck(loaded)

    def test_should_name_the_command_when_the_day_is_not_scored(self, loaded, recheck):
        loaded.store()
        with pytest.raises(DayNotReady, match="python -m include score --date 2025-07-01"):
            recheck(loaded)
