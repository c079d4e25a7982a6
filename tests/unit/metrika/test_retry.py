from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import CounterflowError, QuotaExceeded, SourceRejected, SourceRequestFailed, SourceUnavailable
from include.metrika.client.answers import AnswerLost, ParallelQuota
from include.metrika.client.retry import RetryPolicy, should_retry, wait_seconds

POLICY = RetryPolicy(first_wait_seconds=0.5, cap_seconds=30, outage_tries=6, quota_tries=12)
DOWN = SourceUnavailable("down")
RATE = QuotaExceeded("rate", wait_seconds=1)
PARALLEL = ParallelQuota("parallel", wait_seconds=1)


class TestM6ShouldRetry:
    @pytest.mark.parametrize(
        ("error", "tries", "expected"),
        [
            (DOWN, 1, True),
            (DOWN, 5, True),
            (DOWN, 6, False),
            (RATE, 1, True),
            (RATE, 11, True),
            (RATE, 12, False),
            (PARALLEL, 1, True),
            (QuotaExceeded("daily", wait_seconds=5, is_daily=True), 1, False),
            (QuotaExceeded("hourly", wait_seconds=3600), 1, False),
            (AnswerLost("lost"), 1, False),
            (SourceRejected("no", status=400), 1, False),
            (SourceRequestFailed("ended"), 1, False),
            (CounterflowError("other"), 1, False),
        ],
    )
    def test_should_follow_the_table_when_asked(self, error: CounterflowError, tries: int, expected: bool) -> None:
        assert should_retry(error, tries, POLICY) is expected


class TestM6WaitSeconds:
    def test_should_double_and_stop_at_the_cap_when_jitter_is_full(self) -> None:
        waits = [wait_seconds(DOWN, tries, POLICY, 1.0) for tries in range(1, 9)]
        assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30]

    def test_should_be_half_when_jitter_is_none(self) -> None:
        assert [wait_seconds(DOWN, tries, POLICY, 0.0) for tries in (1, 2, 3)] == [0.25, 0.5, 1]

    @given(st.integers(1, 50), st.floats(0, 1))
    def test_should_wait_a_second_at_least_when_the_rate_is_hit(self, tries: int, draw: float) -> None:
        assert 1 <= wait_seconds(RATE, tries, POLICY, draw) <= POLICY.cap_seconds

    def test_should_not_wait_a_second_when_a_request_only_has_to_end(self) -> None:
        assert wait_seconds(PARALLEL, 1, POLICY, 1.0) == 0.5
