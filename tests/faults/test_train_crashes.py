"""I14, I18: what serves and what is stored survive a kill anywhere, and the next run ends as an unbroken one."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from include.failpoints import VARIABLE
from include.registry.loading import load_production
from include.registry.promotions import list_promotions, promote
from include.registry.versions import list_versions, register
from include.visits.labels.store_labels import LABEL_FAILPOINTS
from include.visits.training_job.orders import IF_BETTER, TrainOrder
from include.visits.training_job.sources import TrainingData
from include.visits.training_job.train_models import TRAIN_FAILPOINTS, train_models
from tests.labelled_days import NOW, fill_day, import_file, stored_labels, write_labels
from tests.train_process import label_and_die, train_and_die
from tests.visit_days import LoadedDay, loaded, migrated, state, visit_environ, warehouse
from tests.visit_models import SlotShare

__all__ = ["loaded", "migrated", "state", "visit_environ", "warehouse"]

# registry.stage_changed: inside the promotion itself
POINTS = (*TRAIN_FAILPOINTS, "registry.artefact_written", "registry.stage_changed")


@pytest.fixture
def serving(loaded: LoadedDay, tmp_path: Path) -> LoadedDay:
    """A labelled day, and a poor model that decides about desktops."""
    labels = fill_day(loaded, 500, seed=5)
    for visit in loaded.visits:
        visit["device_category"] = "1"
    loaded.store()
    import_file(loaded, write_labels(tmp_path / "labels.csv", labels))
    made = register(
        loaded.state, tmp_path / "models", name="level4_desktop", artefact=SlotShare(40.0), threshold=0.9,
        features=["slots"],
    )  # fmt: skip
    promote(loaded.state, made.name, made.version, cause="command")
    loaded.serves = made.version
    return loaded


def order(day: LoadedDay) -> TrainOrder:
    data = TrainingData([day.counter_id], day.day, day.day + dt.timedelta(days=1), (), NOW)
    return TrainOrder(data, goal="top-share=0.3", promote=IF_BETTER)


class TestTrainingKilled:
    @pytest.mark.parametrize("point", POINTS)
    def test_should_leave_what_serves_and_be_finished_by_the_next_when_killed_at(
        self, serving: LoadedDay, visit_environ, tmp_path: Path, point: str
    ) -> None:
        assert train_and_die({**visit_environ, VARIABLE: point}, order(serving), tmp_path)
        assert load_production(serving.state, tmp_path / "models", "level4_desktop").version == serving.serves
        report = train_models(
            serving.warehouse, serving.state, order(serving), models_dir=tmp_path / "models", run_id="again"
        )
        desktop = report.devices[0]
        assert (desktop.is_promoted, len(list_versions(serving.state))) == (True, 2)
        assert load_production(serving.state, tmp_path / "models", "level4_desktop").version == desktop.version
        assert [promotion.cause for promotion in list_promotions(serving.state, "level4_desktop")][-1] == "gate"


class TestLabellingKilled:
    @pytest.mark.parametrize("point", LABEL_FAILPOINTS)
    def test_should_hold_whole_days_and_be_finished_by_the_next_when_killed_at(
        self, loaded: LoadedDay, visit_environ, tmp_path: Path, point: str
    ) -> None:
        labels = fill_day(loaded, 60)
        loaded.store()
        path = write_labels(tmp_path / "labels.csv", labels)
        assert label_and_die({**visit_environ, VARIABLE: point}, loaded.counter_id, path)
        assert len(stored_labels(loaded)) in (0, 60)
        assert import_file(loaded, path, now=NOW).matched == 60
        assert dict(stored_labels(loaded)) == labels
