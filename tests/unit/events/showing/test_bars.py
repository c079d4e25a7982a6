"""Bars per day: as high as their events, within the picture."""

from __future__ import annotations

import datetime as dt
import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from include.events.showing.bars import HEIGHT_PIXELS, day_bars
from include.events.showing.figures import DayCounts

FIRST = dt.date(2026, 11, 8)
DAYS = [FIRST + dt.timedelta(days=number) for number in range(14)]
counts = st.builds(
    lambda accepted, duplicates, rejected: DayCounts(
        accepted + duplicates + rejected, accepted, duplicates, rejected
    ),
    st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9),
)  # fmt: skip


class TestDayBars:
    @given(st.dictionaries(st.sampled_from(DAYS), counts))
    def test_should_stay_within_the_picture(self, days: dict[dt.date, DayCounts]) -> None:
        boxes = re.findall(r"y='([\d.]+)' width='\d+' height='([\d.]+)'", day_bars(days, DAYS))
        assert all(float(top) >= 0 and float(top) + float(height) <= HEIGHT_PIXELS + 3 for top, height in boxes)

    def test_should_be_higher_when_more_came(self) -> None:
        days = {day: DayCounts(10 * place, 10 * place, 0, 0) for place, day in enumerate(DAYS)}
        heights = [float(one) for one in re.findall(r"class='accepted'.*?height='([\d.]+)'", day_bars(days, DAYS))]
        assert all(low < high for low, high in pairwise(heights))

    def test_should_draw_only_the_floor_when_nothing_came(self) -> None:
        drawn = day_bars({}, DAYS)
        assert (drawn.count("class='floor'"), drawn.count("class='accepted'")) == (14, 0)
