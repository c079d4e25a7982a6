from __future__ import annotations

import json
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from include.errors import ModelError
from include.registry.versions import find_production, list_versions
from include.visits.models.import_models import import_models
from tests.visit_days import migrated, state, visit_environ
from tests.visit_models import Labels, SlotShare

__all__ = ["migrated", "state", "visit_environ"]

FEATURES = [
    "slots",
    "slot_range",
    "slot_density",
    "median_pause",
    "mean_pause",
    "std_pause",
    "duration",
    "pageViews",
    "bounce",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "given"
    made.mkdir()
    return made


@pytest.fixture
def bring(state, tmp_path, folder):
    return lambda: import_models(state, tmp_path / "models", folder)


class TestM18ImportModels:
    def test_should_serve_both_devices_when_the_folder_is_complete(self, folder, bring, state):
        rows = pd.DataFrame(np.random.default_rng(1).random((60, 9)), columns=FEATURES)
        fitted = HistGradientBoostingClassifier(max_iter=3).fit(rows, rows["slots"] > 0.5)
        joblib.dump(fitted, folder / "level4_desktop_slot.joblib")
        joblib.dump({"model": SlotShare(), "features": ["slots"]}, folder / "level4_mobile_slot15.joblib")
        (folder / "level4_thresholds.json").write_text('{"desktop": 0.61, "mobile": 0.27}')
        bring()
        found = [find_production(state, name) for name in ("level4_desktop", "level4_mobile")]
        assert [(model.features, model.threshold) for model in found] == [(tuple(FEATURES), 0.61), (("slots",), 0.27)]

    @pytest.mark.parametrize(
        ("text", "expected"), [(None, 0.36), ("{}", 0.36), ('{"desktop": 1}', 0.36), ('{"mobile": 0}', 0.0)]
    )
    def test_should_use_the_default_when_a_threshold_is_not_given(self, folder, bring, state, text, expected):
        joblib.dump({"model": SlotShare(), "features": ["slots"]}, folder / "level4_mobile_slot.joblib")
        if text is not None:
            (folder / "level4_thresholds.json").write_text(text)
        bring()
        assert find_production(state, "level4_mobile").threshold == expected

    @pytest.mark.parametrize(
        "text", ["[0.4]", "{", '{"desktop": "0.4"}', '{"desktop": 1.4}', '{"desktop": NaN}', '{"tablet": 0.4}']
    )
    def test_should_refuse_the_folder_when_the_thresholds_are_wrong(self, folder, bring, state, text):
        joblib.dump({"model": SlotShare(), "features": ["slots"]}, folder / "level4_desktop_slot.joblib")
        (folder / "level4_thresholds.json").write_text(text)
        with pytest.raises(ModelError, match="level4_thresholds"):
            bring()
        assert list_versions(state) == []

    def test_should_serve_the_last_in_natural_order_when_a_device_has_several(self, folder, bring, state):
        for number in (2, 10, 9):
            joblib.dump(
                {"model": SlotShare(float(number)), "features": ["slots"]},
                folder / f"level4_desktop_slot{number}.joblib",
            )
        bring()
        assert find_production(state, "level4_desktop").manifest["file"] == "level4_desktop_slot10.joblib"

    def test_should_change_nothing_when_the_folder_is_imported_twice(self, folder, bring, state):
        joblib.dump({"model": SlotShare(), "features": ["slots"]}, folder / "level4_desktop_slot.joblib")
        bring()
        first = list_versions(state)
        bring()
        assert list_versions(state) == first

    @pytest.mark.parametrize(
        ("payload", "sentence"),
        [
            (SlotShare(), "no feature list"),
            ({"model": SlotShare(), "features": ["shoe_size"]}, "shoe_size"),
            ({"model": Labels(), "features": ["slots"]}, "no predict_proba"),
            ({"features": ["slots"]}, "no predict_proba"),
        ],
    )
    def test_should_register_nothing_when_one_file_of_the_folder_is_wrong(
        self, folder, bring, state, payload, sentence
    ):
        joblib.dump({"model": SlotShare(), "features": ["slots"]}, folder / "level4_desktop_slot.joblib")
        joblib.dump(payload, folder / "level4_mobile_slot.joblib")
        with pytest.raises(ModelError, match=sentence):
            bring()
        assert list_versions(state) == []

    def test_should_say_what_is_missing_when_the_folder_holds_no_model(self, folder, bring):
        (folder / "level4_thresholds.json").write_text(json.dumps({"desktop": 0.5}))
        with pytest.raises(ModelError, match="level4_desktop_slot"):
            bring()
