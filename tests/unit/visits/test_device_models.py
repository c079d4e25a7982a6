from __future__ import annotations

import pytest

from include.errors import ModelError
from include.visits.models.device_models import FEATURE_COLUMNS, columns_of
from include.visits.tables import VISIT_FEATURES

SEED_FEATURES = [
    "slots", "slot_range", "slot_density", "median_pause", "mean_pause", "std_pause", "visitDuration", "pageViews",
    "bounce",
]  # fmt: skip


class TestColumnsOf:
    def test_should_keep_order_and_repeats_when_names_are_translated(self):
        assert columns_of(["bounce", "duration", "slots", "visitDuration"], "m") == (
            "is_bounce", "duration_seconds", "slots", "duration_seconds",
        )  # fmt: skip

    def test_should_know_every_feature_when_a_model_comes_from_the_seed(self):
        stored = {column.name for column in VISIT_FEATURES.columns}
        assert set(columns_of(SEED_FEATURES, "m")) <= stored

    def test_should_point_at_stored_columns_only(self):
        assert set(FEATURE_COLUMNS.values()) <= {column.name for column in VISIT_FEATURES.columns}

    def test_should_name_all_unknown_features_and_the_model_when_refused(self):
        with pytest.raises(ModelError, match="level4_mobile ab wants shoe_size, mood"):
            columns_of(["shoe_size", "slots", "mood"], "level4_mobile ab")
