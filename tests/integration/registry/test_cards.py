from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest

from include.errors import ModelError
from include.registry.artefacts import artefact_path, digest_of
from include.registry.cards import read_card, read_plot, store_card
from include.registry.versions import find_version, register
from tests.visit_days import migrated, state, visit_environ
from tests.visit_models import SlotShare

__all__ = ["migrated", "state", "visit_environ"]

PNG = b"\x89PNG\r\n\x1a\n and so on"
CARD = {"data": {"rows": 12}, "scores": {"model": {"pr_auc": 0.5}}}


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def add(state, models_dir):
    def run(card, plots):
        made = register(
            state,
            models_dir,
            name="level4_desktop",
            artefact=SlotShare(),
            threshold=0.4,
            features=("slots",),
            manifest={"origin": "training", **store_card(models_dir, card, plots)},
        )
        return find_version(state, made.name, made.version)

    return run


class TestCards:
    def test_should_read_the_card_as_it_was_stored(self, add):
        card = read_card(add(CARD, {"roc": PNG}))
        assert card is not None
        assert (card.content, card.plots) == (CARD, {"roc": digest_of(PNG)})

    def test_should_read_the_plot_as_it_was_stored(self, add, models_dir):
        assert read_plot(models_dir, add(CARD, {"roc": PNG}), "roc") == PNG

    def test_should_keep_the_order_in_which_the_card_was_written(self, add):
        tables = [{"rows": 3, "a": 4}, {"rows": 3, "zz": 6, "a": 4}]
        written = {"zulu": 1, "data": {"to": 2, "from": tables, "b": 7, "roc": {"from": 8, "to": 9}}, "b": 5}
        card = read_card(add(written, {"roc": PNG, "deciles": PNG}))
        assert card is not None
        written["data"]["from"][1] = {"rows": 3, "a": 4, "zz": 6}  # objects of one list share an order
        assert json.dumps(card.content) == json.dumps(written)
        assert list(card.plots) == ["roc", "deciles"]

    def test_should_have_no_card_when_none_was_stored(self, state, models_dir):
        made = register(state, models_dir, name="m", artefact=SlotShare(), threshold=0.4, features=("slots",))
        assert read_card(made) is None

    def test_should_keep_what_json_can_hold_when_the_card_is_of_other_kinds(self, add):
        card = {
            "numbers": (np.float64(0.5), np.int64(7), float("nan"), np.float32("inf"), True, None),
            "array": np.arange(3),
            "day": dt.date(2025, 6, 1),
            3: "nul \0 here",
        }
        stored = read_card(add(card, {}))
        assert stored is not None
        assert stored.content == {
            "numbers": [0.5, 7, None, None, True, None],
            "array": [0, 1, 2],
            "day": "2025-06-01",
            "3": "nul � here",
        }

    @pytest.mark.parametrize("value", [{1, 2}, b"bytes", object()])
    def test_should_name_the_place_when_json_cannot_hold_a_value(self, models_dir, value):
        with pytest.raises(ModelError, match="/data/0/rows"):
            store_card(models_dir, {"data": [{"rows": value}]}, {})

    @pytest.mark.parametrize(("name", "data"), [("../roc", PNG), ("ROC", PNG), ("", PNG), ("roc", b"<svg>")])
    def test_should_refuse_the_plot_when_it_is_none(self, models_dir, name, data):
        with pytest.raises(ModelError, match="cannot be kept"):
            store_card(models_dir, CARD, {name: data})

    def test_should_refuse_the_plot_when_its_file_was_changed(self, add, models_dir):
        made = add(CARD, {"roc": PNG})
        artefact_path(models_dir, digest_of(PNG), ".png").write_bytes(PNG + b"!")
        with pytest.raises(ModelError, match="not the file that was registered"):
            read_plot(models_dir, made, "roc")

    def test_should_say_so_when_the_file_of_a_plot_is_gone(self, add, models_dir):
        made = add(CARD, {"roc": PNG})
        artefact_path(models_dir, digest_of(PNG), ".png").unlink()
        with pytest.raises(ModelError, match="cannot be read"):
            read_plot(models_dir, made, "roc")

    @pytest.mark.parametrize("name", ["deciles", "../roc", ""])
    def test_should_say_so_when_there_is_no_such_plot(self, add, models_dir, name):
        with pytest.raises(ModelError, match="has no plot"):
            read_plot(models_dir, add(CARD, {"roc": PNG}), name)
