"""I7, I13, I18: scoring killed at any point and run again leaves the rows of an unbroken run."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from include.failpoints import VARIABLE
from include.registry.promotions import COMMAND, promote
from include.registry.versions import register
from include.visits.scoring.score_day import SCORE_FAILPOINTS
from tests.score_process import score_and_die
from tests.visit_days import LoadedDay, loaded, migrated, score, state, visit_environ, warehouse
from tests.visit_models import SlotShare

__all__ = ["loaded", "migrated", "score", "state", "visit_environ", "warehouse"]


@pytest.fixture
def busy(loaded: LoadedDay, state, tmp_path: Path) -> LoadedDay:
    """A loaded day with visits for every reason, and a model for desktops."""
    for name in ("level4_desktop", "level4_mobile"):
        made = register(state, tmp_path / "models", name=name, artefact=SlotShare(), threshold=0.25, features=["slots"])
        promote(state, name, made.version, cause=COMMAND)
    for device in ("1", "2", "3", ""):
        for hits in ([0, 60, 120, 180, 240], [0, 15, 30], [0], []):
            loaded.add_visit(hits, device_category=device)
    loaded.store()
    return loaded


def contents(day: LoadedDay, folder: Path) -> tuple[object, ...]:
    lists = {path.name: path.read_text() for path in (folder / "exports" / str(day.counter_id)).iterdir()}
    return [
        [{**row, "counter_id": 0} for row in day.rows(table)] for table in ("visit_features", "visit_scores")
    ], lists


class TestScoringKilled:
    """I7, I13 and I18 for scores: exact rows after a kill, whole days for readers, every visit decided."""

    @pytest.mark.parametrize("point", SCORE_FAILPOINTS)
    def test_should_leave_the_rows_of_an_unbroken_run_when_killed_at(
        self, busy, score, visit_environ, warehouse, tmp_path, point
    ):
        unbroken = busy.twin()
        unbroken.store()
        score(unbroken)
        environ = {**visit_environ, VARIABLE: point}
        assert score_and_die(environ, busy.counter_id, busy.day, tmp_path)
        report = score(busy)
        assert report.scored == 16
        assert contents(busy, tmp_path) == contents(unbroken, tmp_path)
        left = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND position(name, '_stage_') > 0"
        assert warehouse.scalar(left) == 0

    def test_should_show_readers_a_whole_day_when_it_is_scored_again(self, busy, score, warehouse):
        score(busy)
        seen, stop = set(), threading.Event()
        reader = threading.Thread(target=_watch, args=(warehouse, busy, seen, stop))
        reader.start()
        try:
            for _ in range(5):
                busy.add_visit([0])
                busy.store()
                score(busy)
        finally:
            stop.set()
            reader.join(30)
        assert seen <= set(range(16, 22))

    def test_should_score_once_when_two_runs_of_a_day_meet(self, busy, score):
        reports = []
        threads = [threading.Thread(target=lambda n=n: reports.append(score(busy, run_id=f"r{n}"))) for n in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(report.unchanged for report in reports) == [False, True, True]
        assert len({report.digest for report in reports}) == 1


def _watch(warehouse, day: LoadedDay, seen: set[int], stop: threading.Event) -> None:
    while not stop.is_set():
        seen.add(len(day.rows("visit_scores")))
