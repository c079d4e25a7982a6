"""Labels from goals and events: who did what in time, what is still awaited, and nothing leaks from after it."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from include.errors import DayNotReady, InputError
from include.visits.labels.window_labels import Window, label_by_events, label_by_goal
from include.visits.training.evaluation import evaluate_out_of_fold
from tests.labelled_days import (
    DAY_SECONDS,
    GOAL,
    MOSCOW,
    NOW,
    add_visitor,
    at,
    fill_day,
    import_file,
    no_stages_left,
    stored_labels,
    training_set,
    with_goals,
)
from tests.visit_days import CLIENT, MIDNIGHT, LoadedDay, loaded, migrated, score, state, visit_environ, warehouse

__all__ = ["loaded", "migrated", "score", "state", "visit_environ", "warehouse"]


def window(day: LoadedDay, **changes) -> Window:
    values = {
        "counter_ids": [day.counter_id],
        "first": None,
        "last": None,
        "within_days": 0,
        "as_of": NOW,
        "source": "goal-77",
    }
    return Window(**(values | changes))


def by_goal(day: LoadedDay, *, now: dt.datetime = NOW, **changes):
    return label_by_goal(day.warehouse, day.state, window(day, **changes), GOAL, run_id="test", now=now)


def by_events(day: LoadedDay, path, text: str, **changes):
    path.write_text("client_id,occurred_at\n" + text)
    given = window(day, **({"source": "events", "within_days": 7} | changes))
    return label_by_events(day.warehouse, day.state, given, path, MOSCOW, run_id="test", now=NOW)


def reaches(day: LoadedDay, client: int, hit_seconds: list[int], *goals: tuple[int, int], **columns) -> int:
    """A visit that reaches goals at seconds of the day."""
    return add_visitor(
        day, client, hit_seconds, goal_ids=[goal for goal, _ in goals], goal_at=[at(second) for _, second in goals],
        **columns,
    )  # fmt: skip


@pytest.fixture
def shop(loaded: LoadedDay) -> LoadedDay:
    """Three clients: one reaches the goal in the visit, one in a later visit, one another goal."""
    with_goals(loaded)
    loaded.visit = {
        "inside": reaches(loaded, 1, [100, 160, 220], (GOAL, 160)),
        "before": reaches(loaded, 2, [100, 130]),
        "later": reaches(loaded, 2, [5000, 5060], (9, 5000), (GOAL, 5060)),
        "other": reaches(loaded, 3, [100, 130], (9, 130)),
    }
    loaded.store()
    return loaded


def names(day: LoadedDay) -> dict[str, tuple]:
    by_id = {visit_id: rest for visit_id, *rest in stored_labels(day, "visit_id, label, labelled_at, event_at")}
    return {name: tuple(by_id[visit_id]) for name, visit_id in day.visit.items() if visit_id in by_id}


class TestLabelByGoal:
    def test_should_ask_for_the_setting_when_goals_are_not_loaded(self, loaded, warehouse):
        if "goal_ids" in str(warehouse.execute("DESCRIBE visits")):
            warehouse.execute("ALTER TABLE visits DROP COLUMN goal_ids, DROP COLUMN goal_at")
        loaded.add_visit([5])
        loaded.store()
        with pytest.raises(InputError, match="ym:s:goalsID and ym:s:goalsDateTime to METRIKA_VISIT_FIELDS and load"):
            by_goal(loaded)

    def test_should_count_the_visit_alone_when_the_window_is_zero(self, shop):
        with no_stages_left(shop):
            report = by_goal(shop)
        assert {name: label for name, (label, *_) in names(shop).items()} == {
            "inside": 1, "before": 0, "later": 1, "other": 0,
        }  # fmt: skip
        assert (report.rows, report.matched, report.positive, report.pending) == (4, 4, 2, 0)

    def test_should_say_when_the_outcome_was_known(self, shop):
        by_goal(shop)
        assert names(shop)["inside"] == (1, at(160), at(160))
        assert names(shop)["other"] == (0, at(130), None)

    def test_should_count_later_visits_of_the_client_when_days_are_given(self, shop):
        for more in (1, 2):
            seal_empty(shop, more)
        by_goal(shop, within_days=1)
        assert names(shop)["before"] == (1, at(5060), at(5060))
        assert names(shop)["other"] == (0, at(100 + DAY_SECONDS), None)

    def test_should_call_visits_pending_when_later_days_are_not_loaded(self, shop):
        report = by_goal(shop, within_days=1)
        assert (report.positive, report.negative, report.pending) == (3, 0, 1)

    def test_should_call_visits_pending_when_the_window_is_not_over(self, shop):
        for more in range(1, 9):
            seal_empty(shop, more)
        report = by_goal(shop, within_days=7, as_of=at(3 * DAY_SECONDS))
        assert (report.positive, report.pending, report.early) == (3, 1, 3)

    def test_should_not_know_a_goal_when_it_was_reached_after_as_of(self, shop):
        by_goal(shop, as_of=at(5059))
        assert names(shop)["inside"][0] == 1
        assert "later" not in names(shop)

    def test_should_learn_only_from_visits_whose_window_is_over(self, shop):
        for more in range(1, 9):
            seal_empty(shop, more)
        by_goal(shop, within_days=7, as_of=at(3 * DAY_SECONDS))
        early = training_set(shop, "goal-77", as_of=at(3 * DAY_SECONDS))
        assert (early.labelled, early.unused) == (0, 3)
        assert training_set(shop, "goal-77").labelled == 3

    def test_should_change_nothing_when_run_again(self, shop):
        by_goal(shop)
        before = stored_labels(shop, "*")
        assert by_goal(shop, now=NOW + dt.timedelta(days=1)).changed_days == 0
        assert stored_labels(shop, "*") == before

    def test_should_forget_labels_that_no_longer_hold_when_the_day_was_loaded_again(self, shop):
        by_goal(shop)
        shop.visits = [visit for visit in shop.visits if visit["visit_id"] != shop.visit["inside"]]
        shop.store()
        by_goal(shop)
        assert "inside" not in names(shop)

    def test_should_refuse_when_no_day_is_loaded(self, loaded):
        with_goals(loaded)
        with pytest.raises(DayNotReady, match="nothing to label"):
            by_goal(loaded)


class TestLabelByEvents:
    def test_should_label_from_the_start_to_the_end_of_the_window(self, shop, tmp_path):
        text = f"{CLIENT + 1},{at(100 + 7 * DAY_SECONDS).isoformat()}\n{CLIENT + 3},{at(99).isoformat()}\n"
        report = by_events(shop, tmp_path / "orders.csv", text)
        assert {name: label for name, (label, *_) in names(shop).items()} == {
            "inside": 1, "before": 0, "later": 0, "other": 0,
        }  # fmt: skip
        assert (report.rows, report.matched, report.positive) == (2, 4, 1)

    def test_should_list_clients_without_a_visit(self, shop, tmp_path):
        text = f"{CLIENT + 1},2025-07-01 01:00:00\n12345678901234567890,2025-07-01 01:00:00\n"
        report = by_events(shop, tmp_path / "orders.csv", text * 2)
        assert (report.unknown_ids, report.duplicates) == (("12345678901234567890",), 2)

    def test_should_name_the_line_when_a_time_is_bad(self, shop, tmp_path):
        with pytest.raises(InputError, match="line 3: occurred_at 'yesterday' is no time"), no_stages_left(shop):
            by_events(shop, tmp_path / "orders.csv", f"{CLIENT},2025-07-01\n{CLIENT},yesterday\n")
        assert stored_labels(shop) == []


def seal_empty(day: LoadedDay, days_later: int) -> None:
    """Say that a later day is loaded, without a visit."""
    LoadedDay(day.warehouse, day.state, day.counter_id, day.day + dt.timedelta(days=days_later)).store()


class TestLeak:
    """A goal that opens further pages: its label shows in the hits after it, unless they are cut off."""

    @pytest.fixture
    def leaking(self, loaded: LoadedDay) -> LoadedDay:
        """The same visits twice: as they were before the goal, and as stored, with pages that only the goal opens."""
        with_goals(loaded)
        honest = loaded.twin()
        honest.visits, honest.hits = [], []
        labels = fill_day(honest, 600, seed=3)
        for number, visit in enumerate(honest.visits):
            hits = [second_of(hit) for hit in honest.hits if hit["visit_id"] == visit["visit_id"]]
            after = [hits[-1] + 20 + 12 * step for step in range(9)] if labels[visit["visit_id"]] else []
            goals = [(GOAL, hits[-1] + 20)] if after else []
            reaches(loaded, number, [*hits, *after], *goals, device_category="1")
            visit |= {"device_category": "1", "goal_ids": [], "goal_at": [], "client_id": CLIENT + number}
        honest.store()
        loaded.store()
        loaded.honest = honest
        return loaded

    def test_should_give_the_features_of_before_the_goal_and_their_roc(self, leaking, score, tmp_path):
        by_goal(leaking)
        cut = training_set(leaking, "goal-77").samples["desktop"]
        from_file = tmp_path / "labels.csv"
        from_file.write_text(
            "visit_id,label\n" + "".join(f"{visit},{label}\n" for visit, label in stored_labels(leaking))
        )
        import_file(leaking.honest, from_file)
        import_file(leaking, from_file)
        honest = training_set(leaking.honest, "csv").samples["desktop"]
        uncut = training_set(leaking, "csv").samples["desktop"]
        assert np.array_equal(cut.features.to_numpy(), honest.features.to_numpy())
        rocs = [roc_auc_score(one.labels, evaluate_out_of_fold(one).probabilities) for one in (uncut, cut, honest)]
        assert rocs[0] > 0.95
        assert rocs[1] == rocs[2] < 0.85


def second_of(hit: dict) -> int:
    return int(hit["hit_at"].timestamp()) - MIDNIGHT
