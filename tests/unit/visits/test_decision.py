from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from include.registry.estimators import LoadedModel
from include.visits.deciding.decision import REASONS, decide, is_level4, needs_model
from tests.visit_models import SlotShare

NAMES = ["duration_seconds", "page_views", "slots", "hit_count", "device_category"]
RULED, SHORT, SILENT = (180, 5, 5, 9), (10, 1, 1, 1), (900, 1, 0, 0)


def visits(*rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=NAMES)


def model(threshold: float) -> LoadedModel:
    return LoadedModel("level4_desktop", "v", "d", threshold, ("slots",), SlotShare())


class TestM17Decide:
    @pytest.mark.parametrize(
        ("visit", "expected"),
        [
            ((*RULED, "1"), "rule"),
            ((*RULED, "3"), "rule"),
            ((*RULED, ""), "rule"),
            ((*SILENT, "1"), "no_hits"),
            ((*SILENT, "4"), "no_hits"),
            ((*SHORT, "3"), "device_not_modelled"),
            ((*SHORT, "4"), "device_not_modelled"),
            ((*SHORT, ""), "device_not_modelled"),
            ((*SHORT, "11"), "device_not_modelled"),
            ((*SHORT, "2"), "no_model"),
        ],
    )
    def test_should_follow_the_order_of_the_rules_when_no_model_is_asked(self, visit, expected):
        assert decide(visits(visit), {"1": np.empty(0)}, {"1": model(0.5)}).tolist() == [expected]

    @pytest.mark.parametrize(
        ("probability", "expected"),
        [(0.48, "below_threshold"), (np.nextafter(0.48, 1), "model"), (np.nextafter(0.48, 0), "below_threshold")],
    )
    def test_should_need_more_than_the_threshold_when_a_model_answers(self, probability, expected):
        reasons = decide(visits((*SHORT, "1")), {"1": np.array([probability])}, {"1": model(0.48)})
        assert reasons.tolist() == [expected]

    def test_should_match_answers_to_rows_when_only_some_were_asked(self):
        block = visits((*RULED, "1"), (*SHORT, "1"), (*SILENT, "1"), (*SHORT, "1"), (*SHORT, "2"))
        reasons = decide(block, {"1": np.array([0.9, 0.1])}, {"1": model(0.5)})
        assert reasons.tolist() == ["rule", "model", "no_hits", "below_threshold", "no_model"]


class TestNeedsModel:
    def test_should_pick_only_undecided_visits_of_the_device_when_mixed(self):
        block = visits((*RULED, "1"), (*SHORT, "1"), (*SILENT, "1"), (*SHORT, "2"))
        assert needs_model(block, "1").tolist() == [False, True, False, False]


class TestIsLevel4:
    def test_should_be_true_for_rule_and_model_only(self):
        assert [reason for reason in REASONS if is_level4(reason)] == ["rule", "model"]
