from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from include.registry.showing.pages import card_page
from include.registry.showing.sections import Section, shown, version_sections
from include.registry.showing.views import headline_scores
from include.registry.versions import ModelVersion

MOMENT = dt.datetime(2025, 7, 1, 12, 0, tzinfo=dt.UTC)


def version(card: dict[str, Any] | None, number: int = 1) -> ModelVersion:
    manifest = {"origin": "training"} if card is None else {"origin": "training", "card": card}
    return ModelVersion(
        name="level4_desktop",
        version=f"{number:012x}",
        sha256="ab" * 32,
        size_bytes=7,
        features=("slots",),
        threshold=0.4,
        stage="candidate",
        registered_at=MOMENT,
        manifest=manifest,
    )


def sections(card: dict[str, Any] | None, serving: ModelVersion | None = None) -> dict[str, Section]:
    return {section.title: section for section in version_sections(version(card), serving)}


class TestVersionSections:
    def test_should_name_features_and_origin_when_there_is_no_card(self):
        (section,) = version_sections(version(None))
        assert {("features", "slots"), ("origin", "training"), ("threshold", "0.400")} <= set(section.rows)

    def test_should_be_a_table_when_a_part_is_a_list_of_objects(self):
        found = sections({"deciles": [{"decile": 1, "rows": 5}, {"decile": 2, "observed": 0.25}]})
        table = found["By tenth of the score"]
        assert table.header == ("decile", "rows", "observed")
        assert table.rows == (("1", "5", "–"), ("2", "–", "0.250"))

    def test_should_have_a_line_per_key_when_a_part_is_an_object_of_objects(self):
        table = sections({"candidates": {"forest": {"pr_auc": 0.5}, "logistic": {"pr_auc": 0.25}}})["Candidates"]
        assert (table.header, table.rows) == (("", "PR-AUC"), (("forest", "0.500"), ("logistic", "0.250")))

    def test_should_have_quantiles_as_columns_when_values_of_features_are_given(self):
        table = sections({"feature_quantiles": {"slot_range": [0, 1, 2, 3, 4]}})["Values of the features"]
        assert table.header == ("", "lowest", "quarter", "half", "three quarters", "highest")
        assert table.rows == (("slot_range", "0", "1", "2", "3", "4"),)

    def test_should_give_inner_tables_a_section_of_their_own(self):
        found = sections({"held_out": {"verdict": "holds", "coverage": [{"label": 0}], "goal": {"value": 0.5}}})
        title = "Check on later visits that were held out"
        assert found[title].rows == (("verdict", "holds"), ("goal", "value 0.500"))
        assert found[f"{title}: coverage"].rows == (("0",),)

    def test_should_show_parts_it_does_not_know_after_those_it_knows(self):
        titles = list(sections({"my_part": {"a": 1}, "gate": {"passed": True}, "seed": 3}))
        assert titles == ["Version", "Gate", "My part"]

    def test_should_hold_the_scores_beside_those_of_the_version_that_decides(self):
        card = {"scores": {"pr_auc": 0.7, "ece": 0.01}, "baseline_scores": {"pr_auc": 0.6}}
        table = sections(card, version({"scores": {"pr_auc": 0.65}}, number=2))["Scores"]
        assert table.header == ("", "this version", "logistic baseline", "000000000002, which decides")
        assert table.rows == (("PR-AUC", "0.700", "0.600", "0.650"), ("ECE", "0.010", "–", "–"))

    @pytest.mark.parametrize("other", [None, version({"scores": {"pr_auc": 1.0}}), version(None, number=2)])
    def test_should_stand_alone_when_there_is_nothing_beside(self, other):
        assert sections({"scores": {"pr_auc": 0.7}}, other)["Scores"].header == ("", "this version")

    @pytest.mark.parametrize(
        "card",
        [{}, {"scores": {}}, {"scores": None}, {"scores": []}, {"deciles": [], "data": {}}, {"raw_scores": {"a": 1}}],
    )
    def test_should_still_be_shown_when_the_card_is_thin(self, card):
        assert "Version" in sections(card)
        assert "<h2>Version</h2>" in card_page(version(card), {})


class TestHeadlineScores:
    @pytest.mark.parametrize(
        ("scores", "expected"),
        [
            ({"pr_auc": 0.5, "lift": 3, "ece": None, "rows": True}, {"pr_auc": 0.5}),
            ({"model": {"pr_auc": 0.5}, "rule": {"pr_auc": 0.1}}, {"pr_auc": 0.5}),
            ([1], {}),
            (None, {}),
        ],
    )
    def test_should_take_numbers_only(self, scores, expected):
        assert headline_scores(version({"scores": scores})) == expected


class TestShown:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (0.0, "0"), (0.00001, "1e-05"), (1.0, "1.000"), (-0.25, "-0.250"), (1234.5678, "1235"), (7, "7"),
            (False, "no"), (None, "–"), ("text", "text"), ([0.5, {"a": [1]}], "0.500, a 1"),
        ],
    )  # fmt: skip
    def test_should_be_one_short_line(self, value, text):
        assert shown(value) == text
