from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from include.visits.training import importances
from include.visits.training.importances import measure_importances
from include.visits.training.samples import Samples

ROWS = 600


@pytest.fixture
def samples() -> Samples:
    """Labels follow ``strong``, lean a little on ``weak``, and know nothing of ``noise``."""
    random = np.random.default_rng(5)
    features = pd.DataFrame(random.normal(size=(ROWS, 3)), columns=["noise", "weak", "strong"])
    truth = 3 * features["strong"] + features["weak"] + random.normal(size=ROWS) > 2
    return Samples(
        features=features,
        labels=truth.to_numpy().astype(np.int8),
        groups=np.arange(ROWS, dtype=np.uint64),
        at_seconds=np.arange(ROWS, dtype=np.int64),
    )


@pytest.fixture
def fitted(samples: Samples) -> LogisticRegression:
    return LogisticRegression().fit(samples.features, samples.labels)


class TestMeasureImportances:
    def test_should_name_the_planted_feature_first_when_labels_follow_it(self, samples, fitted):
        found = measure_importances(fitted, samples, seed=0)
        assert [one.feature for one in found] == ["strong", "weak", "noise"]
        assert found[0].pr_auc_lost > 0.3
        assert abs(found[2].pr_auc_lost) < 0.02

    def test_should_give_equal_figures_when_measured_again(self, samples, fitted):
        assert measure_importances(fitted, samples, seed=0) == measure_importances(fitted, samples, seed=0)

    def test_should_leave_the_visits_as_they_are(self, samples, fitted):
        before = samples.features.copy()
        measure_importances(fitted, samples, seed=0)
        pd.testing.assert_frame_equal(samples.features, before)

    def test_should_ask_about_some_visits_only_when_there_are_many(self, samples, fitted, monkeypatch):
        monkeypatch.setattr(importances, "MOST_ROWS", 100)
        asked = []
        monkeypatch.setattr(
            fitted, "predict_proba", lambda rows: asked.append(len(rows)) or np.full((len(rows), 2), 0.5)
        )
        measure_importances(fitted, samples, seed=0)
        assert set(asked) == {100}
