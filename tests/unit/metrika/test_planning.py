from __future__ import annotations

import datetime as dt
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.metrika.client.logs_api import Evaluation, LogOrder
from include.metrika.requests.planning import no_room, possible_days, split_days

FIRST = dt.date(2026, 1, 1)
ORDER = LogOrder(101, "visits", FIRST, FIRST, ("ym:s:visitID",))


class TestM1SplitDays:
    @given(st.integers(0, 800), st.integers(1, 400))
    def test_should_cover_every_day_once_when_cut(self, extra_days: int, day_count: int) -> None:
        last = FIRST + dt.timedelta(days=extra_days)
        pieces = split_days(LogOrder(101, "hits", FIRST, last, ("ym:pv:watchID",)), day_count)
        assert (pieces[0].first_date, pieces[-1].last_date) == (FIRST, last)
        assert all((one.last_date - one.first_date).days < day_count for one in pieces)
        for before, after in itertools.pairwise(pieces):
            assert after.first_date == before.last_date + dt.timedelta(days=1)


class TestM1PossibleDays:
    @pytest.mark.parametrize(
        ("evaluation", "days"),
        [
            (Evaluation(True, 3, 10, 0), 30),
            (Evaluation(False, 3, 10, 0), 3),
            (Evaluation(False, 300, 10, 0), 30),
            (Evaluation(False, 0, 10, 0), 0),
            (Evaluation(False, -6, 10, 0), -6),
            (Evaluation(False, None, 300, 50, limit_bytes=100), 5),
            (Evaluation(False, None, 300, 150, limit_bytes=100), -5),
            (Evaluation(False, None, None, None), 0),
        ],
    )
    def test_should_follow_what_metrika_tells_when_parts_are_missing(self, evaluation: Evaluation, days: int) -> None:
        assert possible_days(evaluation, 30) == days


class TestM1NoRoom:
    def test_should_show_every_figure_when_raised(self) -> None:
        text = str(no_room(ORDER, Evaluation(False, -6, 39_670, 10_737_440_000)))
        assert all(figure in text for figure in ("39,670", "10,737,440,000", "10,737,418,240", "-6"))

    def test_should_still_speak_when_figures_are_missing(self) -> None:
        assert "an unknown number of bytes" in str(no_room(ORDER, Evaluation(False, None, None, None)))
