"""Drawings of the page of learning metrics: every bar and cell says a number that is true."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.metrics.courses import LearningCourse
from include.metrics.periods.grains import Grain, period_of
from include.metrics.retention.asking import CurveQuestion
from include.metrics.retention.cohorts import Cohort, Point
from include.metrics.retention.curves import Curves
from include.metrics.showing.drawing import HEIGHT_PIXELS, change_of, figure_of, spread_bars, triangle

UTC = ZoneInfo("UTC")
HEIGHT = re.compile(r"<rect x='\d+' y='[\d.]+' width='\d+' height='([\d.]+)'/>")
MONDAY = dt.date(2025, 3, 3)


def curves(*cohorts: tuple[int, list[tuple[int, int]]]) -> Curves:
    """Weekly cohorts: people, and for every n those whose day has ended and those who were there."""
    drawn = tuple(
        Cohort(
            period_of(MONDAY + dt.timedelta(weeks=place), Grain.WEEK, UTC),
            people,
            tuple(Point(n, closed, there, there, there) for n, (closed, there) in enumerate(points)),
        )
        for place, (people, points) in enumerate(cohorts)
    )
    longest = len(drawn[0].points) - 1
    question = CurveQuestion(Grain.WEEK, MONDAY, MONDAY + dt.timedelta(weeks=len(cohorts)), longest)
    course = LearningCourse("default", "c1", UTC)
    return Curves(course, question, drawn, drawn[0], dt.datetime(2025, 6, 1, tzinfo=dt.UTC))


class TestSpreadBars:
    @given(st.lists(st.integers(0, 10**7), min_size=1, max_size=10).filter(any))
    def test_should_draw_a_bar_per_bin_as_high_as_its_people(self, counts: list[int]) -> None:
        shown = spread_bars({"edges": [float(edge) for edge in range(len(counts) + 1)], "counts": counts})
        heights = [float(text) for text in HEIGHT.findall(shown)]
        assert len(heights) == len(counts)
        assert [height > 0 for height in heights] == [count > 0 for count in counts]
        assert max(heights) == HEIGHT_PIXELS - 3
        assert [heights[place] for place in sorted(range(len(counts)), key=counts.__getitem__)] == sorted(heights)

    def test_should_say_the_numbers_when_pointed_at(self) -> None:
        assert "<title>0.5 to 1: 3</title>" in spread_bars({"edges": [0.0, 0.5, 1.0], "counts": [1, 3]})
        assert "<title>1: 7</title>" in spread_bars({"values": [0, 1], "counts": [2, 7]})

    def test_should_be_a_dash_when_nobody_has_a_value(self) -> None:
        assert spread_bars(None) == "–"


class TestTriangle:
    def test_should_be_empty_where_the_day_has_ended_for_nobody(self) -> None:
        shown = triangle(curves((4, [(4, 4), (4, 1)]), (2, [(2, 2), (0, 0)])))
        rows = re.findall(r"<tr><th>([\d-]+)</th><td>(\d+)</td>(.*?)</tr>", shown)
        assert [(day, people) for day, people, _ in rows] == [("2025-03-03", "4"), ("2025-03-10", "2")]
        assert [re.findall(r">([\d%]*)</td>", cells) for *_, cells in rows] == [["100%", "25%"], ["100%", ""]]

    def test_should_be_the_darker_the_more_came_back(self) -> None:
        shown = triangle(curves((4, [(4, 4), (4, 1), (4, 3)])))
        depths = [float(text) for text in re.findall(r"rgba\([\d,]+,([\d.]+)\)", shown)]
        assert depths[0] > depths[2] > depths[1] > 0

    def test_should_leave_out_weeks_in_which_nobody_began(self) -> None:
        assert "2025-03-03" not in triangle(curves((0, [(0, 0)]), (1, [(1, 1)])))
        assert "Nobody began" in triangle(curves((0, [(0, 0)])))


class TestChangeOf:
    @pytest.mark.parametrize(
        ("now", "before", "kind", "text"),
        [(0.75, 0.5, "up", "+0.25"), (0.5, 0.75, "down", "-0.25"), (2.0, 2.0, "quiet", "0")],
    )
    def test_should_say_how_much_and_which_way(self, now: float, before: float, kind: str, text: str) -> None:
        assert change_of(now, before) == f"<span class='{kind}'>{text}</span>"

    @pytest.mark.parametrize("values", [(None, 1.0), (1.0, None), (None, None)])
    def test_should_be_a_dash_when_one_is_unknown(self, values: tuple[float | None, float | None]) -> None:
        assert change_of(*values) == "–"


class TestFigureOf:
    @given(st.floats(-1e12, 1e12))
    def test_should_be_right_to_four_digits(self, value: float) -> None:
        assert float(figure_of(value)) == pytest.approx(value, rel=5e-4)
