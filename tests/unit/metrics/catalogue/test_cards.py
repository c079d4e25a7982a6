"""Cards: twelve definitions that stay what they are."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from include.metrics.catalogue.cards import Card, card_of, cards_of
from include.metrics.names import VERSIONS, Metric
from include.settings.learning import UNBOUNDED, LearningSettings

DEFAULT = LearningSettings()
CARDS = cards_of(Metric, VERSIONS, "UTC", DEFAULT)
TIMED = [
    (Metric.TIME_ON_TASK, 1), (Metric.TIME_ON_TASK, 2), (Metric.FOCUS_RATIO, 1), (Metric.FOCUS_RATIO, 2),
    (Metric.ENGAGEMENT_SCORE, 2),
]  # fmt: skip
RATIOS = {(metric, version) for metric in Metric for version in VERSIONS} - {
    (Metric.ENGAGEMENT_SCORE, 1), (Metric.TIME_ON_TASK, 1), (Metric.TIME_ON_TASK, 2),
}  # fmt: skip
PINNED = {
    ("retention", 1): "da4a45b1dd9bff897a7d02ec8fbb038d2e8f92fd339dd964a8262a269fa3ea38",
    ("retention", 2): "4a8e048b37bc6c59aabb7f7666eae4447565849118bd1f5ac3133e2449abc6e9",
    ("engagement_score", 1): "b1e2da3efcdf34bf7fdc5be89d739088082407248f6bbd8eafce38c1159c0068",
    ("engagement_score", 2): "b87a4853c2c42bffc3e3a8a8d56ac33a1e0f89a93ebc35abb7fdea7aa25976a9",
    ("completion_rate", 1): "e6b23fbbabe3e808497cf67650e71d3914c6f245e85b57ebfb410de456a10d47",
    ("completion_rate", 2): "b5a023a070b454883d513ea9d4ef7c8814c64741e64ac3dd957171e1d6c7a40c",
    ("time_on_task", 1): "cd1a852e3e8390892cd0deae8da68792c95341770a5b366325eec136d7da6b4b",
    ("time_on_task", 2): "83c3bb2ffc6540e07363acc71747195c5f14bf8537a033ada77faed4a973999f",
    ("activity_index", 1): "0a5f73086b476d9b89e1df88f3635073bcf856dfdf85bee4b96616e5bf91c917",
    ("activity_index", 2): "aa94373f1c0293e004078eef8071ab59acb66810463205ec13b657dd6735d1f2",
    ("focus_ratio", 1): "29bbf86c9187ed213d3cc7d0c541ab362ea8f6e0ad143b505e328f4e63f82f81",
    ("focus_ratio", 2): "ff8825810dc7a090550d0d90090dc4d808806a8ef1691a709ac5a8420c93d7d3",
}
CHANGED = (
    "The definition of {metric} version {version} is no longer what stored values were calculated by. A changed "
    "formula or parameter is a new version: leave this card as it was and add one with the next number."
)


def card(metric: Metric, version: int, zone: str = "UTC", settings: LearningSettings = DEFAULT) -> Card:
    return card_of(metric, version, zone, settings)


class TestDigest:
    @pytest.mark.parametrize(("metric", "version"), PINNED)
    def test_should_stay_when_a_version_is_out(self, metric: str, version: int) -> None:
        found = card(Metric(metric), version).digest
        assert found == PINNED[metric, version], CHANGED.format(metric=metric, version=version)

    def test_should_be_pinned_when_a_card_exists(self) -> None:
        assert {(str(one.metric), one.version) for one in CARDS} == set(PINNED)

    def test_should_differ_when_the_zone_does(self) -> None:
        moscow = cards_of(Metric, VERSIONS, "Europe/Moscow", DEFAULT)
        assert not {one.digest for one in CARDS} & {one.digest for one in moscow}

    @pytest.mark.parametrize(
        "settings", [replace(DEFAULT, retention_days=14), replace(DEFAULT, retention_kind=UNBOUNDED)], ids=["n", "kind"]
    )
    def test_should_differ_for_retention_alone_when_its_settings_do(self, settings: LearningSettings) -> None:
        other = cards_of(Metric, VERSIONS, "UTC", settings)
        changed = {(a.metric, a.version) for a, b in zip(CARDS, other, strict=True) if a.digest != b.digest}
        assert changed == {(Metric.RETENTION, 2)}

    @pytest.mark.parametrize("name", ["default_version", "grace_hours", "sample_persons", "teacher_scope"])
    def test_should_stay_when_settings_change_that_no_value_depends_on(self, name: str) -> None:
        other = replace(DEFAULT, **{name: "all" if name == "teacher_scope" else 2})
        assert [one.digest for one in cards_of(Metric, VERSIONS, "UTC", other)] == [one.digest for one in CARDS]


class TestDocument:
    @pytest.mark.parametrize("one", CARDS, ids=lambda one: f"{one.metric}-{one.version}")
    def test_should_come_back_when_stored_as_json(self, one: Card) -> None:
        assert json.loads(json.dumps(one.document())) == one.document()

    @pytest.mark.parametrize("one", CARDS, ids=lambda one: f"{one.metric}-{one.version}")
    def test_should_say_everything_when_read_alone(self, one: Card) -> None:
        document = one.document()
        assert all(document[name] for name in ("unit", "course_unit", "formula", "sample", "null_rule", "source"))
        assert document["parameters"]["time_zone"] == "UTC"

    @pytest.mark.parametrize(("metric", "version"), TIMED)
    def test_should_name_time_out_gaps_and_last_event_when_time_is_measured(self, metric: Metric, version: int) -> None:
        parameters = card(metric, version).document()["parameters"]
        assert parameters["timeout_seconds"] == 1800
        assert ("capped" if version == 1 else "dropped") in parameters["gap_over_timeout"]
        assert parameters["gap_across_midnight"]
        assert parameters["last_event"] == "no gap, 0 s"

    @pytest.mark.parametrize("one", CARDS, ids=lambda one: f"{one.metric}-{one.version}")
    def test_should_name_its_denominator_when_it_is_a_ratio(self, one: Card) -> None:
        assert one.is_ratio == ((one.metric, one.version) in RATIOS)
        assert ("denominator" in one.parameters) == one.is_ratio

    @pytest.mark.parametrize("metric", [Metric.ACTIVITY_INDEX, Metric.FOCUS_RATIO])
    @pytest.mark.parametrize("version", VERSIONS)
    def test_should_say_that_it_is_ours_when_no_standard_exists(self, metric: Metric, version: int) -> None:
        assert "defined by this project" in card(metric, version).source
