from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from include.errors import InputError
from include.registry.artefacts import digest_of, pack, unpack
from include.registry.estimators import LoadedModel, require_usable
from include.visits.training.evaluation import evaluate_out_of_fold
from include.visits.training.samples import Samples
from include.visits.training.scores import measure_scores
from include.visits.training.thresholds import ThresholdGoal
from include.visits.training.trainer import train_model
from tests.planted_visits import planted_samples

PROJECT = Path(__file__).parents[4]
GOAL = ThresholdGoal("top-share", 0.2)
DIGEST_IN_FRESH_PROCESS = """
from tests.planted_visits import planted_samples
from include.registry.artefacts import digest_of, pack
from include.visits.training.thresholds import ThresholdGoal
from include.visits.training.trainer import train_model
model = train_model(planted_samples(rows=300), goal=ThresholdGoal("top-share", 0.2))
print(digest_of(pack(model.estimator, model.features)))
"""


class TestTrainModel:
    def test_should_pack_the_same_bytes_when_trained_again_elsewhere(self) -> None:
        model = train_model(planted_samples(rows=300), goal=GOAL)
        done = subprocess.run(
            [sys.executable, "-c", DIGEST_IN_FRESH_PROCESS],
            cwd=PROJECT, env={"PYTHONPATH": str(PROJECT), "PYTHONHASHSEED": "7"}, capture_output=True, text=True,
            timeout=200, check=True,
        )  # fmt: skip
        assert done.stdout.strip() == digest_of(pack(model.estimator, model.features))

    def test_should_be_usable_by_the_registry_when_packed_and_opened(self) -> None:
        samples = planted_samples(rows=400)
        model = train_model(samples, goal=GOAL)
        payload = unpack(pack(model.estimator, model.features), "m")
        assert require_usable(payload["model"], payload["features"], "m") == tuple(samples.features.columns)
        loaded = LoadedModel("m", "v", "", model.threshold, model.features, payload["model"])
        asked = loaded.probabilities(samples.features.to_numpy())
        assert np.array_equal(asked, model.estimator.predict_proba(samples.features)[:, 1])

    def test_should_find_a_planted_signal_when_asked_about_new_visits(self) -> None:
        model = train_model(planted_samples(rows=1_500), goal=GOAL)
        fresh = planted_samples(rows=3_000, seed=99)
        found = measure_scores(fresh.labels, model.estimator.predict_proba(fresh.features)[:, 1])
        assert found.roc_auc > 0.8
        assert found.ece < 0.05

    def test_should_write_a_card_that_json_holds_when_trained(self) -> None:
        card = train_model(planted_samples(rows=600), goal=ThresholdGoal("precision", 0.4)).card
        assert json.loads(json.dumps(card))["held_out"]["verdict"] in ("holds", "does not hold", "too few")
        assert card["data"]["rows"] + card["data"]["held_out"]["rows"] == 600
        assert set(card["candidates"]) == {"boosting", "forest", "logistic", "blend"}

    def test_should_not_judge_calibration_on_the_rows_it_was_fitted_on(self) -> None:
        card = train_model(planted_samples(6000, seed=4), goal=ThresholdGoal("seed", 0.48)).card
        assert card["calibration"]["method"] == "isotonic"
        assert card["scores"]["ece"] > 1e-6, "an isotonic map has no error at all on its own rows"

    def test_should_train_without_a_last_look_when_visits_have_no_times(self) -> None:
        samples = planted_samples(rows=300)
        at_once = Samples(samples.features, samples.labels, samples.groups, np.zeros(300, np.int64))
        assert train_model(at_once, goal=GOAL).card["held_out"]["verdict"] == "too few"

    def test_should_see_nothing_of_the_held_out_days_when_their_labels_are_turned(self) -> None:
        samples = planted_samples(rows=400)
        later = samples.at_seconds >= np.quantile(samples.at_seconds, 0.95)
        turned = np.where(later, 1 - samples.labels, samples.labels).astype(np.int8)
        models = [
            train_model(Samples(samples.features, labels, samples.groups, samples.at_seconds), goal=GOAL)
            for labels in (samples.labels, turned)
        ]
        assert len({digest_of(pack(model.estimator, model.features)) for model in models}) == 1

    def test_should_take_any_numeric_table_when_columns_have_other_names(self) -> None:
        samples = planted_samples(rows=300)
        wide = pd.DataFrame(np.tile(samples.features.to_numpy(), (1, 6))[:, :17], columns=[f"f_{i}" for i in range(17)])
        model = train_model(Samples(wide, samples.labels, samples.groups, samples.at_seconds), goal=GOAL)
        assert model.features == tuple(wide.columns)


class TestRequirements:
    def test_should_name_the_minimum_when_rows_are_too_few(self) -> None:
        with pytest.raises(InputError, match="at least 50 are needed, with at least 10 of each class"):
            train_model(planted_samples(rows=30), goal=GOAL)

    @pytest.mark.parametrize("label", [0, 1])
    def test_should_refuse_when_there_is_one_class_only(self, label: int) -> None:
        samples = planted_samples(rows=200)
        labels = np.full(200, label, np.int8)
        with pytest.raises(InputError, match=f"all 200 are labelled {label}"):
            train_model(Samples(samples.features, labels, samples.groups, samples.at_seconds), goal=GOAL)

    def test_should_refuse_when_all_visits_are_of_a_few_clients(self) -> None:
        samples = planted_samples(rows=200)
        groups = samples.groups % 5
        with pytest.raises(InputError, match="come from 5 clients only; at least 10"):
            evaluate_out_of_fold(Samples(samples.features, samples.labels, groups, samples.at_seconds))

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_should_name_the_column_when_a_value_is_no_number(self, value: float) -> None:
        samples = planted_samples(rows=200)
        samples.features.loc[3, "slots"] = value
        with pytest.raises(InputError, match="Features slots"):
            train_model(samples, goal=GOAL)


class TestEvaluateOutOfFold:
    def test_should_find_nothing_when_labels_belong_to_clients_only(self) -> None:
        """A feature that names the client lets a model remember its label; by client it is worth nothing."""
        random = np.random.default_rng(0)
        groups = np.repeat(np.arange(150, dtype=np.uint64), 6)
        labels = (random.random(150) < 0.4).astype(np.int8)[groups.astype(int)]
        features = pd.DataFrame({"client": groups.astype(float) * 7_919 % 151, "noise": random.random(900)})
        found = evaluate_out_of_fold(Samples(features, labels, groups, np.arange(900)))
        assert found.scores.roc_auc < 0.6

    def test_should_answer_probabilities_when_asked(self) -> None:
        found = evaluate_out_of_fold(planted_samples(rows=300))
        assert ((found.probabilities >= 0) & (found.probabilities <= 1)).all()
        assert found.scores.pr_auc > 0.4

    def test_should_answer_the_same_when_asked_twice(self) -> None:
        one, other = (evaluate_out_of_fold(planted_samples(rows=200), seed=4) for _ in range(2))
        assert np.array_equal(one.probabilities, other.probabilities)
