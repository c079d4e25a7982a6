"""What people may call the metrics and their versions."""

from __future__ import annotations

import pytest

from include.errors import InputError
from include.metrics.names import Metric, parse_metrics, parse_versions


class TestParseMetrics:
    @pytest.mark.parametrize("names", [None, []])
    def test_should_give_all_six_when_none_is_named(self, names: list[str] | None) -> None:
        assert parse_metrics(names) == tuple(Metric)

    def test_should_give_each_once_in_order_when_repeated(self) -> None:
        named = ["focus_ratio", "engagement", "engagement_score", "focus_ratio"]
        assert parse_metrics(named) == (Metric.ENGAGEMENT_SCORE, Metric.FOCUS_RATIO)

    @pytest.mark.parametrize("name", ["", "Retention", "retention ", "churn", "x" * 500])
    def test_should_refuse_and_list_the_names_when_unknown(self, name: str) -> None:
        with pytest.raises(InputError, match="use retention, engagement_score") as refused:
            parse_metrics([name])
        assert (refused.value.code, len(refused.value.message) < 200) == ("unknown_metric", True)


class TestParseVersions:
    @pytest.mark.parametrize(
        ("text", "versions"), [(None, (2,)), (1, (1,)), ("2", (2,)), ("all", (1, 2))], ids=["none", "1", "2", "all"]
    )
    def test_should_give_the_versions_when_they_exist(self, text: str | int | None, versions: tuple[int, ...]) -> None:
        assert parse_versions(text, 2) == versions

    @pytest.mark.parametrize("text", ["3", 0, "", "ALL", "1.0", "9" * 300])
    def test_should_refuse_when_there_is_no_such_version(self, text: str | int) -> None:
        with pytest.raises(InputError, match="use 1, 2 or all") as refused:
            parse_versions(text, 1)
        assert refused.value.code == "version_unknown"
