from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from include.errors import ModelError
from include.failpoints import VARIABLE
from include.registry.artefacts import artefact_path, pack
from include.registry.loading import load_production
from include.registry.promotions import COMMAND, archive
from include.registry.promotions import promote as promote_with_cause
from include.registry.versions import find_production, list_versions, register
from include.settings import Settings
from include.state.engine import connect_state
from tests.visit_days import migrated, state, visit_environ
from tests.visit_models import Failing, Labels, NotProbabilities, OneColumn, SlotShare

__all__ = ["migrated", "state", "visit_environ"]

NAME = "level4_desktop"
FEATURES = ("slots", "duration")
promote = partial(promote_with_cause, cause=COMMAND)
ROWS = np.random.default_rng(3).normal(size=(200, 2))
TRUTH = (ROWS.sum(axis=1) > 0).astype(int)


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def add(state, models_dir):
    def run(estimator: object | None = None, **changes):
        arguments = {"name": NAME, "artefact": estimator or SlotShare(), "threshold": 0.4, "features": FEATURES}
        return register(state, models_dir, **{**arguments, **changes})

    return run


class TestRegister:
    def test_should_keep_digest_features_and_threshold_when_a_model_is_registered(self, add, models_dir):
        made = add()
        assert artefact_path(models_dir, made.sha256).stat().st_size == made.size_bytes
        assert (made.features, made.threshold, made.stage) == (FEATURES, 0.4, "candidate")

    def test_should_be_the_same_version_when_the_same_model_is_registered_twice(self, add, state):
        assert add() == add()
        assert len(list_versions(state)) == 1

    def test_should_be_another_version_when_only_the_threshold_differs(self, add):
        assert add().version != add(threshold=0.5).version

    def test_should_give_equal_bytes_when_the_same_rows_and_seed_are_fitted(self):
        fitted = [HistGradientBoostingClassifier(max_iter=5, random_state=0).fit(ROWS, TRUTH) for _ in range(2)]
        assert pack(fitted[0], FEATURES) == pack(fitted[1], FEATURES)

    @pytest.mark.parametrize("threshold", [-0.01, 1.01, float("nan"), float("inf"), True, "0.5", None])
    def test_should_refuse_a_threshold_when_it_is_not_from_0_to_1(self, add, state, threshold):
        with pytest.raises(ModelError, match="number from 0 to 1"):
            add(threshold=threshold)
        assert list_versions(state) == []

    @pytest.mark.parametrize(
        ("estimator", "features", "sentence"),
        [
            (Labels(), FEATURES, "no predict_proba"),
            (SlotShare(), None, "no feature list"),
            (SlotShare(), (), "no feature list"),
            (SlotShare(), ("slots", "slots"), "lists a feature twice"),
            (SlotShare(features=3), FEATURES, "wants 3 features but lists 2"),
            (LogisticRegression().fit(pd.DataFrame(ROWS, columns=["a", "b"]), TRUTH), ("b", "a"), "fitted on a, b"),
            (LogisticRegression().fit(ROWS, TRUTH), ("a", "b", "c"), "wants 2 features but lists 3"),
        ],
    )  # fmt: skip
    def test_should_say_what_is_wrong_when_a_model_cannot_be_used(self, add, state, estimator, features, sentence):
        with pytest.raises(ModelError, match=sentence):
            add(estimator, features=features)
        assert list_versions(state) == []

    def test_should_refuse_bytes_when_they_are_no_model(self, add):
        with pytest.raises(ModelError, match="cannot be opened"):
            add(b"not a pickle")

    def test_should_say_so_when_the_folder_cannot_be_written(self, state, tmp_path):
        (tmp_path / "models").write_text("a file where the folder should be")
        with pytest.raises(ModelError, match="cannot be written"):
            register(
                state, tmp_path / "models" / "in", name=NAME, artefact=SlotShare(), threshold=0.4, features=FEATURES
            )


class TestPromote:
    def test_should_have_one_in_production_when_another_is_promoted(self, add, state):
        first, second = add(), add(threshold=0.6)
        promote(state, NAME, first.version)
        promote(state, NAME, second.version)
        stages = {version.version: version.stage for version in list_versions(state)}
        assert stages == {first.version: "archived", second.version: "production"}

    def test_should_leave_other_names_alone_when_one_is_promoted(self, add, state):
        mobile = add(name="level4_mobile")
        promote(state, "level4_mobile", mobile.version)
        promote(state, NAME, add().version)
        assert find_production(state, "level4_mobile").version == mobile.version

    def test_should_leave_exactly_one_when_many_promote_at_once(self, add, state):
        versions = [add(threshold=n / 10).version for n in range(8)]
        threads = [threading.Thread(target=promote, args=(state, NAME, version)) for version in versions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert [version.stage for version in list_versions(state)].count("production") == 1

    def test_should_serve_nothing_when_the_version_is_archived(self, add, state):
        made = promote(state, NAME, add().version)
        archive(state, NAME, made.version)
        assert find_production(state, NAME) is None

    @pytest.mark.parametrize("change", [promote, archive])
    def test_should_name_the_list_command_when_the_version_is_unknown(self, state, change):
        with pytest.raises(ModelError, match="models list"):
            change(state, NAME, "0123456789ab")


class TestM18LoadProduction:
    @pytest.fixture
    def served(self, add, state):
        return promote(state, NAME, add().version)

    def test_should_carry_features_threshold_and_digest_when_loaded(self, served, state, models_dir):
        model = load_production(state, models_dir, NAME)
        assert (model.features, model.threshold, model.version, model.sha256) == (
            FEATURES, 0.4, served.version, served.sha256,
        )  # fmt: skip

    @pytest.mark.parametrize(
        "estimator",
        [
            HistGradientBoostingClassifier(max_iter=5, random_state=0),
            make_pipeline(StandardScaler(), LogisticRegression()),
        ],
        ids=["boosting", "pipeline"],
    )
    @pytest.mark.parametrize("named", [True, False], ids=["named", "bare"])
    def test_should_answer_as_the_estimator_itself_when_it_was_fitted_on(
        self, add, state, models_dir, estimator, named
    ):
        rows = pd.DataFrame(ROWS, columns=list(FEATURES)) if named else ROWS
        fitted = estimator.fit(rows, TRUTH)
        promote(state, NAME, add(fitted).version)
        model = load_production(state, models_dir, NAME)
        np.testing.assert_array_equal(model.probabilities(ROWS), fitted.predict_proba(rows)[:, 1])

    def test_should_name_the_import_command_when_nothing_is_in_production(self, add, state, models_dir):
        add()
        with pytest.raises(ModelError, match="visits import-model"):
            load_production(state, models_dir, NAME)

    def test_should_refuse_when_the_file_is_missing(self, served, state, models_dir):
        artefact_path(models_dir, served.sha256).unlink()
        with pytest.raises(ModelError, match="import it again"):
            load_production(state, models_dir, NAME)

    def test_should_refuse_when_the_file_is_truncated(self, served, state, models_dir):
        path = artefact_path(models_dir, served.sha256)
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(ModelError, match="digest differs"):
            load_production(state, models_dir, NAME)

    def test_should_not_run_code_of_the_file_when_it_was_swapped(self, served, state, models_dir, tmp_path):
        artefact_path(models_dir, served.sha256).write_bytes(_bomb(tmp_path / "ran"))
        with pytest.raises(ModelError, match="not opened"):
            load_production(state, models_dir, NAME)
        assert not (tmp_path / "ran").exists()

    def test_should_name_the_package_when_an_optional_one_is_missing(
        self, add, state, models_dir, monkeypatch, tmp_path
    ):
        (tmp_path / "gradient_trees.py").write_text(
            "from tests.visit_models import SlotShare\nclass Trees(SlotShare): pass\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        import gradient_trees

        promote(state, NAME, add(gradient_trees.Trees()).version)
        assert load_production(state, models_dir, NAME).threshold == 0.4
        monkeypatch.delitem(sys.modules, "gradient_trees")
        monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(tmp_path)])
        with pytest.raises(ModelError, match="needs the package 'gradient_trees'"):
            load_production(state, models_dir, NAME)

    @pytest.mark.parametrize(
        ("estimator", "sentence"),
        [(Failing(), "failed on 200 visits"), (OneColumn(), "two columns"), (NotProbabilities(), "not probabilities")],
    )
    def test_should_refuse_the_answer_when_it_is_no_probability(self, add, state, models_dir, estimator, sentence):
        promote(state, NAME, add(estimator).version)
        with pytest.raises(ModelError, match=sentence):
            load_production(state, models_dir, NAME).probabilities(ROWS)


class TestI14KilledWhilePublishing:
    @pytest.mark.parametrize(
        "point", ["registry.artefact_written", "registry.artefact_published", "registry.row_written"]
    )
    def test_should_serve_the_old_version_and_take_the_new_one_later_when_killed(
        self, add, state, models_dir, visit_environ, point
    ):
        old = promote(state, NAME, add().version)
        process = multiprocessing.get_context("spawn").Process(
            target=_register_and_die, args=({**visit_environ, VARIABLE: point}, models_dir)
        )
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        assert load_production(state, models_dir, NAME).version == old.version
        new = promote(state, NAME, add(SlotShare(20.0)).version)
        assert load_production(state, models_dir, NAME).version == new.version


def _register_and_die(environ: dict[str, str], models_dir: Path) -> None:
    os.environ.update(environ)
    url = Settings.from_env(environ).database_url
    assert url is not None
    register(connect_state(url), models_dir, name=NAME, artefact=SlotShare(20.0), threshold=0.4, features=FEATURES)


def _bomb(marker: Path) -> bytes:
    import pickle

    class Bomb:
        def __reduce__(self):
            return (Path.touch, (marker,))

    return pickle.dumps(Bomb())
