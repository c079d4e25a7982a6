"""Pages of metrics: what docs/metrics says is what the cards say, and its numbers add up."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from include.metrics.catalogue.golden import EVENTS, MOSCOW, REQUIRED_ITEMS, UTC, WORKED, worked_of
from include.metrics.catalogue.pages import TEXTS, page_of
from include.metrics.names import VERSIONS, Metric
from tests.metric_events import REQUIRED, golden_events

PROJECT = Path(__file__).parents[4]
COMMAND = "python docs/generate_metric_pages.py"


def columns(picture: str) -> list[list[float]]:
    """The columns of numbers of a picture; a gap after the last event is none."""
    rows = [line.strip("| ").split(" | ") for line in picture.splitlines() if line.startswith("|")][2:]
    kept = [[cell.strip() for cell in row] for row in rows]
    numbers = [[float(cell) for cell in row if re.fullmatch(r"\d+", cell)] for row in kept]
    width = min(len(row) for row in numbers)
    return [list(column) for column in zip(*(row[-width:] for row in numbers), strict=True)]


def golden(metric: Metric, version: int) -> float:
    return next(one.value for one in worked_of(metric) if (one.version, one.zone) == (version, UTC))


class TestPages:
    @pytest.mark.parametrize("metric", Metric)
    def test_should_be_as_the_cards_say(self, metric: Metric) -> None:
        page = (PROJECT / "docs" / "metrics" / f"{metric}.md").read_text(encoding="utf-8")
        assert page == page_of(metric), f"docs/metrics/{metric}.md is old; run {COMMAND}"

    def test_should_pass_the_check_of_the_script(self) -> None:
        script = PROJECT / "docs" / "generate_metric_pages.py"
        done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")

    @pytest.mark.parametrize("metric", Metric)
    def test_should_explain_both_versions(self, metric: Metric) -> None:
        page = page_of(metric)
        assert [line for line in page.splitlines() if line.startswith("## Version")] == ["## Version 1", "## Version 2"]
        assert set(TEXTS[metric].null) == set(TEXTS[metric].words) == set(VERSIONS)


class TestGoldenCase:
    def test_should_be_the_events_of_the_tests(self) -> None:
        made = [
            (f"{event.at:%Y-%m-%d %H:%M:%S}", event.name, event.props.get("task_id", "")) for event in golden_events()
        ]
        assert made == list(EVENTS)
        assert REQUIRED_ITEMS == REQUIRED

    def test_should_have_each_value_once_in_each_zone(self) -> None:
        keys = [(one.metric, one.version, one.zone) for one in WORKED]
        assert sorted(keys) == sorted(
            (metric, version, zone) for metric in Metric for version in VERSIONS for zone in (UTC, MOSCOW)
        )


class TestPictures:
    def test_should_add_up_to_time_on_task(self) -> None:
        first, second = columns(TEXTS[Metric.TIME_ON_TASK].picture)[-2:]
        assert (sum(first), sum(second)) == (golden(Metric.TIME_ON_TASK, 1), golden(Metric.TIME_ON_TASK, 2))

    def test_should_add_up_to_the_focus_ratio(self) -> None:
        capped, active, task = columns(TEXTS[Metric.FOCUS_RATIO].picture)[-3:]
        assert sum(capped) / 180_000 == pytest.approx(golden(Metric.FOCUS_RATIO, 1), rel=1e-12)
        assert sum(task) / sum(active) == pytest.approx(golden(Metric.FOCUS_RATIO, 2), rel=1e-12)

    def test_should_count_the_engaged_sessions(self) -> None:
        engaged = columns(TEXTS[Metric.ENGAGEMENT_SCORE].picture)[-1]
        assert sum(engaged) / len(engaged) == golden(Metric.ENGAGEMENT_SCORE, 2)
