from __future__ import annotations

import io

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.image import imread

from include.visits.training.plots import draw_plots

NAMES = ("precision_recall", "roc", "reliability", "deciles")
TITLE = "level4_mobile, 2025-06-01 to 2025-06-28"


def rows(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    chances = random.beta(1, 4, count)
    return (random.random(count) < chances).astype(np.int8), chances, random.random(count)


def draw(given: tuple[np.ndarray, np.ndarray, np.ndarray], title: str = TITLE, threshold: float = 0.36):
    return draw_plots(*given, threshold=threshold, title=title)


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(imread(io.BytesIO(png)))


class TestDrawPlots:
    def test_should_give_pictures_of_one_size_when_drawn(self):
        found = draw(rows(500))
        assert tuple(found) == NAMES
        assert {pixels(png).shape[:2] for png in found.values()} == {(460, 640)}

    def test_should_give_equal_bytes_when_drawn_again_under_another_style(self):
        first = draw(rows(200))
        with mpl.rc_context({"font.size": 20, "axes.facecolor": "black", "savefig.dpi": 30}):
            assert draw(rows(200)) == first

    @pytest.mark.parametrize("name", NAMES)
    def test_should_differ_when_the_probabilities_do(self, name):
        labels, chances, base = rows(200)
        assert draw((labels, chances, base))[name] != draw((labels, chances**2, base))[name]

    @pytest.mark.parametrize("name", ["precision_recall", "roc"])
    def test_should_mark_the_threshold_when_it_moves(self, name):
        assert draw(rows(200), threshold=0.2)[name] != draw(rows(200), threshold=0.4)[name]

    @pytest.mark.parametrize("count", [0, 1, 2, 9])
    def test_should_still_draw_when_there_are_few_points(self, count):
        assert tuple(draw(rows(count))) == NAMES

    @pytest.mark.parametrize("label", [0, 1])
    def test_should_still_draw_when_there_is_one_class_only(self, label):
        labels, chances, base = rows(50)
        assert tuple(draw((np.full_like(labels, label), chances, base))) == NAMES

    def test_should_still_draw_when_all_probabilities_are_equal_or_at_the_edge(self):
        labels, chances, base = rows(50)
        assert draw((labels, np.zeros_like(chances), np.ones_like(base)), threshold=1.0)

    def test_should_take_the_title_as_it_stands_when_it_looks_like_a_formula(self):
        assert tuple(draw(rows(50), title="$\\frac{ & <b>")) == NAMES

    def test_should_leave_no_figure_open(self):
        from matplotlib import pyplot

        draw(rows(50))
        assert pyplot.get_fignums() == []

    def test_should_refuse_when_the_arrays_differ_in_length(self):
        labels, chances, base = rows(50)
        with pytest.raises(ValueError, match="differ in length: 50, 49, 50"):
            draw((labels, chances[1:], base))
