"""The training job: candidates from labels, compared with what serves, promoted only when asked."""

from __future__ import annotations

import datetime as dt

import pytest

from include.errors import InputError
from include.registry.cards import read_card, read_plot
from include.registry.loading import load_production
from include.registry.promotions import list_promotions, promote
from include.registry.versions import find_production, list_versions, register
from include.visits.training_job.orders import IF_BETTER, TrainOrder
from include.visits.training_job.sources import TrainingData
from include.visits.training_job.train_models import report_as_dict, train_models
from tests.labelled_days import NOW, fill_day, import_file, no_stages_left, stored_labels, write_labels
from tests.visit_days import LoadedDay, loaded, migrated, state, visit_environ, warehouse
from tests.visit_models import SlotShare

__all__ = ["loaded", "migrated", "state", "visit_environ", "warehouse"]


@pytest.fixture
def shop(loaded: LoadedDay, tmp_path) -> LoadedDay:
    """A labelled day of 900 visits."""
    labels = fill_day(loaded, 900, seed=1)
    loaded.store()
    import_file(loaded, write_labels(tmp_path / "labels.csv", labels))
    return loaded


def order(day: LoadedDay, **changes) -> TrainOrder:
    data = TrainingData([day.counter_id], day.day, day.day + dt.timedelta(days=30), changes.pop("sources", ()), NOW)
    return TrainOrder(data, **({"goal": "top-share=0.3"} | changes))


def train(day: LoadedDay, folder, **changes):
    return train_models(day.warehouse, day.state, order(day, **changes), models_dir=folder / "models", run_id="test")


class TestTrainModels:
    def test_should_register_candidates_and_leave_production_alone_when_not_asked_to_promote(self, shop, tmp_path):
        with no_stages_left(shop):
            report = train(shop, tmp_path)
        assert [(outcome.device, outcome.refused) for outcome in report.devices] == [("desktop", ""), ("mobile", "")]
        assert {version.stage for version in list_versions(shop.state)} == {"candidate"}
        assert find_production(shop.state, "level4_desktop") is None

    def test_should_give_the_same_versions_when_trained_again(self, shop, tmp_path):
        first, second = train(shop, tmp_path / "one"), train(shop, tmp_path / "two")
        assert [outcome.version for outcome in first.devices] == [outcome.version for outcome in second.devices]
        assert [outcome.is_new for outcome in second.devices] == [False, False]
        files = [sorted(path.name for path in (tmp_path / name / "models").iterdir()) for name in ("one", "two")]
        assert files[0] == files[1]

    def test_should_promote_when_asked_and_better_than_the_rule(self, shop, tmp_path):
        report = train(shop, tmp_path, promote=IF_BETTER)
        assert [outcome.is_promoted for outcome in report.devices] == [True, True]
        serving = load_production(shop.state, tmp_path / "models", "level4_desktop")
        assert serving.version == report.devices[0].version
        assert {promotion.cause for promotion in list_promotions(shop.state)} == {"gate"}

    def test_should_keep_what_serves_when_the_candidate_is_worse(self, shop, tmp_path):
        train(shop, tmp_path, promote=IF_BETTER)
        serving = [find_production(shop.state, name).version for name in ("level4_desktop", "level4_mobile")]
        by_start = sorted(shop.visits, key=lambda visit: visit["started_at"])
        truth = dict(stored_labels(shop))
        upside_down = {v["visit_id"]: 1 - truth[v["visit_id"]] for v in by_start[: len(by_start) * 8 // 10]}
        import_file(shop, write_labels(tmp_path / "wrong.csv", upside_down), source="wrong")
        report = train(shop, tmp_path, sources=("wrong", "csv"), promote=IF_BETTER)
        assert [outcome.is_promoted for outcome in report.devices] == [False, False]
        assert all("worse than the version in production" in outcome.reasons[0] for outcome in report.devices)
        assert [find_production(shop.state, n).version for n in ("level4_desktop", "level4_mobile")] == serving

    def test_should_compare_with_what_serves_when_it_wants_other_features(self, shop, tmp_path):
        made = register(
            shop.state, tmp_path / "models", name="level4_desktop", artefact=SlotShare(40.0), threshold=0.5,
            features=["hit_count", "visitDuration"],
        )  # fmt: skip
        promote(shop.state, made.name, made.version, cause="command")
        desktop, mobile = train(shop, tmp_path).devices
        assert set(desktop.comparison) == {"rule", "candidate", "production"}
        assert set(mobile.comparison) == {"rule", "candidate"}
        assert len({decider["visits"] for decider in desktop.comparison.values()}) == 1

    def test_should_put_data_and_plots_into_the_card(self, shop, tmp_path):
        desktop = train(shop, tmp_path).devices[0]
        version = next(v for v in list_versions(shop.state) if v.version == desktop.version)
        card = read_card(version)
        assert set(card.plots) == {"precision_recall", "roc", "reliability", "deciles"}
        assert read_plot(tmp_path / "models", version, "roc").startswith(b"\x89PNG")
        assert card.content["data"]["sources"] == ["csv"]
        assert card.content["libraries"]["scikit-learn"]
        assert card.content["comparison"]["rule"]["visits"] > 30
        assert {one["feature"] for one in card.content["importances"]} == set(card.content["features"])


class TestRefusals:
    def test_should_name_the_minimum_when_there_are_few_rows(self, loaded, tmp_path):
        labels = fill_day(loaded, 20)
        loaded.store()
        import_file(loaded, write_labels(tmp_path / "labels.csv", labels))
        with pytest.raises(InputError, match="at least"):
            train(loaded, tmp_path)
        assert list_versions(loaded.state) == []

    def test_should_say_so_when_there_is_one_class_only(self, loaded, tmp_path):
        labels = dict.fromkeys(fill_day(loaded, 400), 1)
        loaded.store()
        import_file(loaded, write_labels(tmp_path / "labels.csv", labels))
        with pytest.raises(InputError, match="at least 10 of each class"):
            train(loaded, tmp_path)

    def test_should_train_the_other_device_when_one_has_too_few(self, loaded, tmp_path):
        labels = fill_day(loaded, 600)
        for number, visit in enumerate(loaded.visits):
            visit["device_category"] = "1" if number % 30 else "2"
        loaded.store()
        import_file(loaded, write_labels(tmp_path / "labels.csv", labels))
        desktop, mobile = train(loaded, tmp_path).devices
        assert (desktop.refused, bool(desktop.version)) == ("", True)
        assert "at least" in mobile.refused
        assert mobile.version == ""

    def test_should_refuse_before_the_work_when_the_goal_is_unknown(self, shop, tmp_path):
        with pytest.raises(InputError, match="threshold goal 'best'"):
            train(shop, tmp_path, goal="best")

    def test_should_name_the_command_when_nothing_is_labelled(self, loaded, tmp_path):
        with pytest.raises(InputError, match="visits label"):
            train(loaded, tmp_path)


class TestReport:
    def test_should_hold_plain_values_when_turned_into_json(self, shop, tmp_path):
        plain = report_as_dict(train(shop, tmp_path))
        assert (plain["first"], plain["labelled"], plain["sources"]) == ("2025-07-01", 900, ["csv"])
