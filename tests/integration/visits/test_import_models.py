from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.ensemble import HistGradientBoostingClassifier
from typer.testing import CliRunner

from include.__main__ import app
from include.errors import InputError, ModelError
from include.registry.artefacts import digest_of
from include.registry.promotions import list_promotions
from include.registry.versions import find_production, list_versions
from include.visits.models.import_models import ImportOrder, import_models, read_features
from include.visits.models.model_files import Trust
from tests.visit_days import migrated, state, visit_environ
from tests.visit_models import Labels, OneColumn, SlotShare

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


def fitted(names):
    rows = pd.DataFrame(np.random.default_rng(1).random((60, len(names))), columns=names)
    return HistGradientBoostingClassifier(max_iter=3).fit(rows, rows[names[0]] > 0.5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "given"
    made.mkdir()
    return made


@pytest.fixture
def bring(state, tmp_path, folder):
    def run(path=None, **changes):
        order = {"trust": Trust(everything=True), **changes}
        return import_models(state, tmp_path / "models", ImportOrder(path or folder, **order))

    return run


class TestM18ImportModels:
    def test_should_serve_both_devices_when_the_folder_is_complete(self, folder, bring, state):
        joblib.dump(fitted(FEATURES), folder / "level4_desktop_slot.joblib")
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
            ({"model": fitted(["slots", "duration"]), "features": ["duration", "slots"]}, "same order"),
            ({"model": fitted(["slots", "duration"]), "features": ["slots"]}, "wants 2 features but lists 1"),
            ({"model": HistGradientBoostingClassifier(), "features": ["slots"]}, "NotFittedError"),
            ({"model": OneColumn(), "features": ["slots"]}, "two columns"),
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


class TestDigests:
    """A file is opened only after its digest is named; a planted one would leave a mark."""

    @pytest.fixture
    def mark(self, tmp_path):
        return tmp_path / "ran"

    @pytest.fixture
    def planted(self, folder, mark):
        path = folder / "level4_desktop_slot.joblib"
        path.write_bytes(bomb(mark))
        return path

    def assert_refused(self, bring, state, mark, sentence, **order):
        with pytest.raises(ModelError, match=sentence):
            bring(**order)
        assert not mark.exists()
        assert list_versions(state) == []

    def test_should_not_run_code_of_the_file_when_nobody_names_its_digest(self, bring, state, planted, mark):
        sentence = f"--trust {digest_of(planted.read_bytes())} .level4_desktop_slot.joblib"
        self.assert_refused(bring, state, mark, sentence, trust=Trust())

    def test_should_not_run_code_when_the_digest_of_another_file_is_confirmed(self, bring, state, planted, mark):
        self.assert_refused(bring, state, mark, "--trust", trust=Trust.in_digests(["ab" * 32]))

    @pytest.mark.parametrize("trust", [Trust(), Trust(everything=True)], ids=["none", "all"])
    @pytest.mark.parametrize("form", ["list", "manifest"])
    def test_should_not_run_code_when_a_list_names_another_digest(self, bring, state, planted, mark, trust, form):
        name_digest(planted, "ab" * 32, form)
        self.assert_refused(bring, state, mark, "not the file that", trust=trust)

    def test_should_open_no_file_when_one_of_them_is_not_vouched_for(self, bring, state, folder, planted, mark):
        joblib.dump({"model": SlotShare(), "features": ["slots"]}, folder / "level4_mobile_slot.joblib")
        name_digest(planted, digest_of(planted.read_bytes()), "list")
        self.assert_refused(bring, state, mark, "level4_mobile_slot", trust=Trust())

    @pytest.mark.parametrize(
        ("form", "voucher"), [("list", "level4_models.sha256"), ("manifest", "manifest.json"), ("person", "--trust")]
    )
    def test_should_say_in_the_registry_who_vouched_when_a_digest_is_named(self, bring, state, folder, form, voucher):
        path = folder / "level4_desktop_slot.joblib"
        joblib.dump({"model": SlotShare(), "features": ["slots"]}, path)
        sha256 = digest_of(path.read_bytes())
        name_digest(path, sha256, form)
        bring(trust=Trust.in_digests([sha256.upper()]) if form == "person" else Trust())
        found = find_production(state, "level4_desktop")
        assert (found.sha256, found.manifest["vouched_by"]) == (sha256, voucher)

    @pytest.mark.parametrize(
        ("name", "text", "sentence"),
        [
            ("level4_models.sha256", "no digest here", "line 1"),
            ("level4_models.sha256", f"{'ab' * 32}  a.joblib\n{'cd' * 32}  a.joblib", "two digests"),
            ("level4_models.sha256", b"\xff\xfe", "UTF-8"),
            ("manifest.json", "{", "manifest.json"),
            ("manifest.json", '{"models": {"a": {"sha256": "AB"}}}', "models/a/sha256"),
            ("manifest.json", '{"models": {"a": {"sha256": "' + "ab" * 32 + '", "threshold": "x"}}}', "threshold"),
        ],
    )
    def test_should_say_where_when_a_list_cannot_be_read(
        self, bring, state, folder, planted, mark, name, text, sentence
    ):
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        self.assert_refused(bring, state, mark, sentence, trust=Trust())

    def test_should_refuse_the_confirmation_when_it_is_no_digest(self):
        with pytest.raises(ModelError, match="64 hex digits"):
            Trust.in_digests(["abc"])


class TestOneFile:
    @pytest.fixture
    def file(self, tmp_path):
        path = tmp_path / "trees.pkl"
        joblib.dump(SlotShare(), path)
        return path

    def test_should_take_name_threshold_and_features_when_they_are_given(self, bring, state, file):
        bring(file, name="level4_mobile", threshold=0.7, features=("slots", "bounce"))
        found = find_production(state, "level4_mobile")
        assert (found.threshold, found.features, found.manifest["file"]) == (0.7, ("slots", "bounce"), "trees.pkl")

    def test_should_take_them_from_the_manifest_when_it_names_them(self, bring, state, file):
        noted = {"features": ["slots"], "threshold": 0.25, "trained_from": "2025-06-01", "trained_to": "2025-06-28"}
        entry = {"sha256": digest_of(file.read_bytes()), **noted}
        (file.parent / "manifest.json").write_text(json.dumps({"models": {file.name: entry}}))
        bring(file, name="level4_mobile", trust=Trust())
        found = find_production(state, "level4_mobile")
        assert (found.threshold, found.features, found.manifest["trained_to"]) == (0.25, ("slots",), "2025-06-28")

    @pytest.mark.parametrize(
        ("order", "sentence"),
        [
            ({"features": ("slots",)}, "add --name"),
            ({"name": "level4_mobile"}, "no feature list"),
            ({"name": "level4_mobile", "features": ("slots", "shoe_size")}, "shoe_size"),
            ({"name": "level4_mobile", "features": ("slots",), "threshold": 1.5}, "number from 0 to 1"),
        ],
    )
    def test_should_register_nothing_when_the_order_is_wrong(self, bring, state, file, order, sentence):
        with pytest.raises((ModelError, InputError), match=sentence):
            bring(file, **order)
        assert list_versions(state) == []

    def test_should_refuse_when_two_feature_lists_differ(self, bring, state, file):
        joblib.dump({"model": SlotShare(), "features": ["slots", "bounce"]}, file)
        with pytest.raises(ModelError, match=r"lists of trees\.pkl differ"):
            bring(file, name="level4_mobile", features=("bounce", "slots"))
        assert list_versions(state) == []

    def test_should_refuse_the_options_of_one_file_when_a_folder_is_named(self, bring, folder):
        with pytest.raises(InputError, match="is a folder"):
            bring(folder, name="level4_mobile")

    def test_should_say_so_when_there_is_nothing(self, bring, tmp_path):
        with pytest.raises(ModelError, match="There is no"):
            bring(tmp_path / "nowhere")

    def test_should_stay_a_candidate_when_it_is_not_to_decide(self, bring, state, file):
        (made,) = bring(file, name="level4_mobile", features=("slots",), is_promoted=False)
        assert (made.stage, find_production(state, "level4_mobile")) == ("candidate", None)


class TestCommand:
    @pytest.fixture
    def run(self, visit_environ, tmp_path):
        environ = {**visit_environ, "COUNTERFLOW_LOCAL_DIR": str(tmp_path / "local"), "COLUMNS": "200"}
        words = ("visits", "import-model")
        return lambda *given: CliRunner().invoke(app, [*words, *map(str, given)], env=environ)

    @pytest.fixture
    def file(self, tmp_path):
        path = tmp_path / "trees.pkl"
        joblib.dump(SlotShare(), path)
        return path

    def test_should_refuse_and_print_the_digest_to_confirm_when_nobody_vouches(self, run, state, folder, tmp_path):
        path = folder / "level4_desktop_slot.joblib"
        path.write_bytes(bomb(tmp_path / "ran"))
        result = run(folder)
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"--trust {digest_of(path.read_bytes())}" in result.stderr
        assert not (tmp_path / "ran").exists()

    def test_should_decide_from_then_on_when_the_digest_is_confirmed(self, run, state, file, tmp_path):
        (tmp_path / "features.txt").write_text("slots\n")
        trust = ("--trust", digest_of(file.read_bytes()))
        given = ("--name", "level4_mobile", "--threshold", 0.25, "--features", tmp_path / "features.txt")
        result = run(file, *trust, *given, "--json")
        (made,) = json.loads(result.stdout)["models"]
        assert (made["stage"], made["threshold"], made["features"]) == ("production", 0.25, ["slots"])
        (promotion,) = list_promotions(state)
        assert promotion.cause == "import"
        assert promotion.run_id.startswith("command_import-model_")

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            (("--name", "level4_tablet"), "level4_desktop or level4_mobile"),
            (("--name", "level4_mobile", "--trust", "abc"), "64 hex digits"),
            (("--name", "level4_mobile", "--trust-all"), "no feature list"),
            (("--trust-all",), "add --name"),
        ],
    )
    def test_should_register_nothing_when_the_words_are_wrong(self, run, state, file, given, said):
        result = run(file, *given)
        assert result.exit_code in (1, 2)
        assert said in result.stderr
        assert list_versions(state) == []

    def test_should_name_the_package_when_the_library_is_not_installed(self, run, state, folder, tmp_path, monkeypatch):
        (tmp_path / "gradient_forests.py").write_text(
            "from tests.visit_models import SlotShare\nclass Forest(SlotShare): pass\n"
        )
        with monkeypatch.context() as patch:
            patch.syspath_prepend(tmp_path)
            import gradient_forests

            joblib.dump(
                {"model": gradient_forests.Forest(), "features": ["slots"]}, folder / "level4_desktop_slot.joblib"
            )
            patch.delitem(sys.modules, "gradient_forests")
        monkeypatch.delitem(sys.modules, "gradient_forests", raising=False)
        result = run(folder, "--trust-all")
        assert result.exit_code == 1
        assert "needs the package 'gradient_forests', which is not installed" in result.stderr
        assert list_versions(state) == []

    def test_should_say_once_that_another_version_of_the_library_saved_it(self, bring, folder, caplog):
        data = pickle.dumps({"model": fitted(["slots"]), "features": ["slots"]})
        installed = sklearn.__version__.encode()
        other = b"0" * len(installed)
        (folder / "level4_desktop_slot.joblib").write_bytes(data.replace(installed, other))
        bring()
        told = [record.message for record in caplog.records if record.name == "include.registry.artefacts"]
        assert told[0].startswith("model level4_desktop_slot.joblib: Trying to unpickle estimator")
        assert len(told) == len(set(told))


class TestReadFeatures:
    @pytest.mark.parametrize("text", ["slots\nbounce\n", '["slots", "bounce"]', "\ufeffslots\r\n\r\n bounce "])
    def test_should_keep_the_order_when_written_as(self, tmp_path, text):
        path = tmp_path / "features"
        path.write_bytes(text.encode())
        assert read_features(path) == ("slots", "bounce")

    @pytest.mark.parametrize("text", ["", " \n", "[]", "[1]", "[", b"\xff"])
    def test_should_refuse_when_it_lists_nothing(self, tmp_path, text):
        path = tmp_path / "features"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(ModelError, match="one feature name per line"):
            read_features(path)


class _Bomb:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


def bomb(mark):
    return pickle.dumps(_Bomb(mark))


def name_digest(path, sha256, form):
    if form == "list":
        (path.parent / "level4_models.sha256").write_text(f"# made by hand\n{sha256.upper()} *./{path.name}\n\n")
    elif form == "manifest":
        (path.parent / "manifest.json").write_text(json.dumps({"models": {path.name: {"sha256": sha256}}}))
