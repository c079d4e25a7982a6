from __future__ import annotations

from types import SimpleNamespace

import pytest

from include.registry.estimators import own_features, require_usable, split_payload
from include.registry.versions import version_of
from tests.visit_models import SlotShare


class TestSplitPayload:
    def test_should_separate_model_and_features_when_saved_together(self):
        model = SlotShare()
        assert split_payload({"model": model, "features": ["a", "b"], "threshold": 1}) == (model, ("a", "b"))

    def test_should_have_no_list_when_the_estimator_was_saved_alone(self):
        model = SlotShare()
        assert split_payload(model) == (model, None)


class TestOwnFeatures:
    @pytest.mark.parametrize("attribute", ["feature_names_in_", "feature_name_", "feature_names_"])
    def test_should_find_the_names_whatever_library_kept_them(self, attribute):
        assert own_features(SimpleNamespace(**{attribute: ["slots", "bounce"]})) == ("slots", "bounce")

    @pytest.mark.parametrize("names", [["Column_0", "Column_1"], ["f0", "f1"], ["0", "1"], []])
    def test_should_find_none_when_a_library_made_the_names_up(self, names):
        assert own_features(SimpleNamespace(feature_name_=names)) is None


class TestRequireUsable:
    def test_should_take_the_estimator_s_own_names_when_no_list_is_stored(self):
        model = SlotShare(features=2)
        model.feature_names_in_ = ["slots", "bounce"]
        assert require_usable(model, None, "m") == ("slots", "bounce")


class TestVersionOf:
    def test_should_differ_when_digest_features_or_threshold_differ(self):
        made = {
            version_of(*given) for given in (("a", ["x"], 0.5), ("b", ["x"], 0.5), ("a", ["y"], 0.5), ("a", ["x"], 0.4))
        }
        assert len(made) == 4
