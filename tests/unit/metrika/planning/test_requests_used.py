from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.metrika.planning.requests_used import (
    UPLOAD_REQUESTS,
    count_load_requests,
    count_polls,
    count_scheduled_requests,
    cut_days,
    least_seconds,
    quota_days,
    usable_a_day,
)
from include.settings import MetrikaSettings

START = dt.date(2025, 1, 1)
YEAR = [START + dt.timedelta(days=n) for n in range(365)]


class TestCountPolls:
    @pytest.mark.parametrize(("queue_seconds", "count"), [(0, 0), (10.1, 1), (26, 2), (48, 3), (110, 4), (10**9, 243)])
    def test_should_follow_growing_pauses_up_to_the_longest(self, queue_seconds: float, count: int) -> None:
        assert abs(count_polls(queue_seconds, MetrikaSettings()) - count) <= (3 if count > 100 else 0)

    def test_should_end_when_pauses_are_zero(self) -> None:
        settings = MetrikaSettings(poll_seconds=0, poll_max_seconds=0, deadline_seconds=1)
        assert count_polls(0.5, settings) <= 50


class TestCountLoadRequests:
    def test_should_count_a_day_of_two_logs_as_documented(self) -> None:
        # the counter; evaluate, list, create, show, clean of each log; 4 parts; 3 polls
        assert count_load_requests(2, 4, 3) == 1 + 10 + 4 + 3

    def test_should_need_more_than_a_day_when_a_year_of_single_days_is_loaded(self) -> None:
        requests = 365 * (count_load_requests(2, 2, 6) + UPLOAD_REQUESTS)
        assert quota_days([requests], usable_a_day()) == 2


class TestCountScheduledRequests:
    @pytest.mark.parametrize(("queue_seconds", "looks"), [(0, 1), (30, 2), (60, 2), (200, 5)])
    def test_should_ask_anew_at_every_look(self, queue_seconds: float, looks: int) -> None:
        # the plan 1; each look 7 and the first 2 more; the load 9 and its parts
        assert count_scheduled_requests(2, 4, queue_seconds) == 1 + 7 * looks + 2 + 9 + 4


class TestLeastSeconds:
    def test_should_be_a_second_when_nine_are_asked(self) -> None:
        assert least_seconds(9) == 1.0


class TestCutDays:
    def test_should_be_one_piece_when_a_day_of_quota_holds_them_all(self) -> None:
        assert cut_days(dict.fromkeys(YEAR[:100], 20.0), 4500) == (tuple(YEAR[:100]),)

    def test_should_begin_a_piece_when_a_day_is_missing(self) -> None:
        assert cut_days(dict.fromkeys([YEAR[0], YEAR[1], YEAR[3]], 1.0), 100) == ((YEAR[0], YEAR[1]), (YEAR[3],))

    @given(st.dictionaries(st.sampled_from(YEAR), st.floats(1, 500), max_size=60), st.integers(500, 5000))
    def test_should_hold_every_day_once_and_keep_the_quota(self, requests: dict[dt.date, float], limit: int) -> None:
        pieces = cut_days(requests, limit)
        assert [day for piece in pieces for day in piece] == sorted(requests)
        assert all(sum(requests[day] for day in piece) <= limit for piece in pieces)

    def test_should_be_a_piece_of_its_own_when_one_day_is_above_the_quota(self) -> None:
        assert cut_days({YEAR[0]: 9000.0, YEAR[1]: 1.0}, 4500) == ((YEAR[0],), (YEAR[1],))
