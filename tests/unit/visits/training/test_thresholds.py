from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.errors import InputError
from include.visits.training.thresholds import ThresholdGoal, choose_threshold, lower_bound, parse_goal


def drawn(seed: int, rows: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated probabilities and what happened; coarse, so that many are equal."""
    random = np.random.default_rng(seed)
    probabilities = np.round(random.beta(0.8, 2.0, rows), 2)
    return (random.random(rows) < probabilities).astype(np.int8), probabilities


class TestParseGoal:
    @pytest.mark.parametrize(("device", "value"), [("desktop", 0.48), ("mobile", 0.36)])
    def test_should_give_the_default_when_the_seed_is_asked(self, device: str, value: float) -> None:
        assert parse_goal("seed", device=device) == ThresholdGoal("fixed", value)

    @pytest.mark.parametrize(
        "text",
        [
            "precision=1.2",
            "precision=-0.1",
            "precision=0",
            "top-share=1",
            "threshold=1.01",
            "precision=",
            "precision=nan",
        ],
    )
    def test_should_refuse_when_the_number_is_outside(self, text: str) -> None:
        with pytest.raises(InputError, match="between 0 and 1"):
            parse_goal(text, device="desktop")

    @pytest.mark.parametrize("text", ["", "recall=0.5", "0.5", "Seed"])
    def test_should_name_the_goals_when_it_is_none_of_them(self, text: str) -> None:
        with pytest.raises(InputError, match=r"precision=0\.8"):
            parse_goal(text, device="desktop")


class TestChooseThreshold:
    @given(st.integers(0, 10_000), st.floats(0.05, 0.9))
    @settings(max_examples=60, deadline=None)
    def test_should_be_above_the_goal_when_a_precision_is_reached(self, seed: int, goal: float) -> None:
        labels, probabilities = drawn(seed)
        try:
            found = choose_threshold(ThresholdGoal("precision", goal), labels, probabilities)
        except InputError:
            return
        flagged = probabilities > found.value
        assert labels[flagged].mean() >= goal
        assert found.precision_at_least >= goal - 1e-9

    @given(st.integers(0, 10_000), st.floats(0.05, 0.9), st.floats(0.05, 0.9))
    @settings(max_examples=60, deadline=None)
    def test_should_not_fall_when_the_precision_rises(self, seed: int, one: float, other: float) -> None:
        labels, probabilities = drawn(seed)
        found = []
        for goal in sorted((one, other)):
            try:
                found.append(choose_threshold(ThresholdGoal("precision", goal), labels, probabilities).value)
            except InputError:
                found.append(2.0)
        assert found[0] <= found[1]

    @given(st.integers(0, 10_000), st.floats(0.01, 0.99))
    @settings(max_examples=60, deadline=None)
    def test_should_not_flag_more_when_a_share_is_asked(self, seed: int, share: float) -> None:
        labels, probabilities = drawn(seed)
        found = choose_threshold(ThresholdGoal("top-share", share), labels, probabilities)
        assert (
            found.flagged <= max(1, share * len(labels))
            or found.flagged == (probabilities == probabilities.max()).sum()
        )

    @given(st.integers(0, 10_000), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
    @settings(max_examples=60, deadline=None)
    def test_should_not_rise_when_the_share_grows(self, seed: int, one: float, other: float) -> None:
        labels, probabilities = drawn(seed)
        small, large = (
            choose_threshold(ThresholdGoal("top-share", share), labels, probabilities).value
            for share in sorted((one, other))
        )
        assert large <= small

    def test_should_say_what_is_reachable_when_no_threshold_reaches_it(self) -> None:
        labels, probabilities = drawn(1)
        with pytest.raises(InputError, match=r"the highest that these labels can prove is 0\.\d+") as error:
            choose_threshold(ThresholdGoal("precision", 0.999), labels, probabilities)
        reachable = float(str(error.value).split("can prove is ")[1].split(",")[0])
        assert choose_threshold(ThresholdGoal("precision", reachable), labels, probabilities).flagged > 0

    def test_should_keep_its_word_on_new_visits_when_drawn_again_and_again(self) -> None:
        broken = reached = 0
        for seed in range(200):
            labels, probabilities = drawn(seed)
            try:
                found = choose_threshold(ThresholdGoal("precision", 0.5), labels, probabilities)
            except InputError:
                continue
            reached += 1
            # the truth: a visit is right with its own probability, up to the rounding of drawn()
            everything = np.round(np.random.default_rng(7).beta(0.8, 2.0, 200_000), 2)
            broken += everything[everything > found.value].mean() < 0.5 - 0.003
        assert reached > 100
        assert broken / reached <= 0.05

    def test_should_take_the_threshold_as_it_is_when_it_is_fixed(self) -> None:
        labels, probabilities = drawn(3)
        found = choose_threshold(ThresholdGoal("fixed", 0.36), labels, probabilities)
        assert (found.value, found.flagged) == (0.36, int((probabilities > 0.36).sum()))

    def test_should_match_the_closed_form_when_every_visit_is_right(self) -> None:
        assert lower_bound(50, 50, 0.05) == pytest.approx(0.05 ** (1 / 50))
