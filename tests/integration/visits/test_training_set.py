"""The training set: exactly the labelled visits, with features of what was known before the outcome."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from include.errors import InputError
from include.visits.training_job.dataset import FEATURES
from include.visits.training_job.sources import TrainingData, require_sources
from tests.labelled_days import (
    DAY_SECONDS,
    NOW,
    add_visitor,
    fill_day,
    import_file,
    training_set,
    with_goals,
    write_labels,
)
from tests.visit_days import MIDNIGHT, LoadedDay, loaded, migrated, score, state, visit_environ, warehouse

__all__ = ["loaded", "migrated", "score", "state", "visit_environ", "warehouse"]


@pytest.fixture
def day(loaded: LoadedDay, tmp_path) -> LoadedDay:
    loaded.labels = fill_day(loaded, 60)
    loaded.store()
    import_file(loaded, write_labels(tmp_path / "labels.csv", loaded.labels))
    return loaded


class TestBuildTrainingSet:
    def test_should_hold_the_features_of_scoring_when_nothing_is_cut(self, day, score):
        score(day)
        found = training_set(day).samples["desktop"]
        stored = [row for row in day.rows("visit_features") if row["device_category"] == "1"]
        stored.sort(key=lambda row: (row["started_at"], row["visit_id"]))
        columns = ("slots", "slot_range", "slot_density", "median_pause_seconds", "mean_pause_seconds",
                   "std_pause_seconds", "duration_seconds", "page_views", "is_bounce")  # fmt: skip
        assert tuple(found.features.columns) == FEATURES
        assert found.features.to_numpy().tolist() == [[row[name] for name in columns] for row in stored]
        assert found.groups.tolist() == [row["client_id"] for row in stored]
        assert found.labels.tolist() == [day.labels[row["visit_id"]] for row in stored]
        assert found.at_seconds.tolist() == [int(row["started_at"].timestamp()) for row in stored]

    def test_should_be_the_same_when_read_twice(self, day):
        first, second = training_set(day).samples["mobile"], training_set(day).samples["mobile"]
        assert first.features.equals(second.features)
        assert np.array_equal(first.labels, second.labels)

    def test_should_leave_out_and_count_when_a_visit_has_no_hits_or_another_device(self, day, tmp_path):
        silent = day.add_visit([], device_category="1")
        tablet = add_visitor(day, 99, [5, 9], device_category="3")
        day.store()
        import_file(day, write_labels(tmp_path / "more.csv", {silent: 1, tablet: 1}))
        found = training_set(day)
        assert (found.labelled, found.without_hits, found.other_devices) == (62, 1, 1)
        assert sum(len(samples) for samples in found.samples.values()) == 60

    def test_should_not_use_labels_when_they_were_known_later(self, day):
        found = training_set(day, as_of=NOW - dt.timedelta(seconds=1))
        assert (found.labelled, found.unused) == (0, 60)

    def test_should_take_the_first_source_when_several_label_a_visit(self, day, tmp_path):
        flipped = {visit_id: 1 - label for visit_id, label in day.labels.items()}
        import_file(day, write_labels(tmp_path / "two.csv", flipped), source="boris")
        one, other = training_set(day, "csv", "boris"), training_set(day, "boris", "csv")
        assert (one.samples["desktop"].labels == 1 - other.samples["desktop"].labels).all()


class TestExcludeUrl:
    def test_should_hide_pages_that_are_the_label_themselves(self, loaded, tmp_path):
        with_goals(loaded)
        kept = add_visitor(loaded, 1, [0, 20, 95])
        add_visitor(loaded, 2, [0, 20, 95, 100, 140])
        for hit in loaded.hits:
            second = int(hit["hit_at"].timestamp()) - MIDNIGHT
            hit["url"] = "https://shop.example/" + ("checkout" if second in (100, 140) else "page")
        loaded.store()
        labels = {visit["visit_id"]: int(visit["visit_id"] != kept) for visit in loaded.visits}
        import_file(loaded, write_labels(tmp_path / "labels.csv", labels))
        rows = training_set(loaded, exclude_url="/checkout").samples["desktop"].features.to_numpy().tolist()
        assert rows[0] == rows[1]

    def test_should_refuse_when_the_expression_is_none(self, day):
        with_goals(day)
        with pytest.raises(InputError, match="no regular expression"):
            training_set(day, exclude_url="(")


class TestRequireSources:
    def data(self, day: LoadedDay, *sources: str) -> TrainingData:
        return TrainingData([day.counter_id], day.day, day.day + dt.timedelta(days=1), sources, NOW)

    def test_should_take_the_only_source_when_none_is_named(self, day, warehouse):
        assert require_sources(warehouse, self.data(day)).sources == ("csv",)

    def test_should_ask_to_choose_when_there_are_several(self, day, warehouse, tmp_path):
        import_file(day, write_labels(tmp_path / "two.csv", day.labels), source="boris")
        with pytest.raises(InputError, match="choose with --source among boris, csv"):
            require_sources(warehouse, self.data(day))

    def test_should_name_the_known_sources_when_one_is_unknown(self, day, warehouse):
        with pytest.raises(InputError, match="no labels of goal-9"):
            require_sources(warehouse, self.data(day, "goal-9"))

    def test_should_name_the_command_when_there_are_no_labels(self, loaded, warehouse):
        with pytest.raises(InputError, match="visits label"):
            require_sources(warehouse, self.data(loaded))


class TestDaysOverMidnight:
    def test_should_keep_the_tail_of_a_visit_when_it_runs_into_the_next_day(self, loaded, tmp_path):
        visit = add_visitor(loaded, 1, [DAY_SECONDS - 10, DAY_SECONDS + 30])
        loaded.store()
        import_file(loaded, write_labels(tmp_path / "labels.csv", {visit: 1}))
        assert training_set(loaded).samples["desktop"].features["slot_range"].tolist() == [2.0]
