from __future__ import annotations

import pytest

from include.events.intake import buckets
from include.events.intake.buckets import Buckets


class Clock:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


class TestTake:
    def test_should_grant_twice_the_rate_at_once_when_nothing_was_taken(self, clock: Clock) -> None:
        found = [Buckets(50, clock=clock)]
        granted = [found[0].take("a", 1).is_granted for _ in range(101)]
        assert granted == [True] * 100 + [False]

    def test_should_say_when_to_come_back_when_refused(self, clock: Clock) -> None:
        bucket = Buckets(10, clock=clock)
        bucket.take("a", 20)
        refused = bucket.take("a", 5)
        assert (refused.is_granted, refused.remaining, refused.wait_seconds, refused.reset_seconds) == (
            False,
            0,
            0.5,
            2,
        )
        clock.now += refused.wait_seconds
        assert bucket.take("a", 5).is_granted

    def test_should_take_nothing_when_refused(self, clock: Clock) -> None:
        bucket = Buckets(10, clock=clock)
        bucket.take("a", 15)
        assert [bucket.take("a", 10).is_granted, bucket.take("a", 5).is_granted] == [False, True]

    def test_should_keep_callers_apart(self, clock: Clock) -> None:
        bucket = Buckets(1, clock=clock)
        bucket.take("a", 2)
        assert bucket.take("b", 2).is_granted

    def test_should_grant_a_request_larger_than_the_bucket_when_it_is_full_and_leave_a_debt(self, clock: Clock) -> None:
        bucket = Buckets(10, clock=clock)
        assert bucket.take("a", 50).is_granted
        clock.now += 3
        assert not bucket.take("a", 1).is_granted
        clock.now += 0.1
        assert bucket.take("a", 1).is_granted

    def test_should_never_hold_more_than_the_burst_when_time_passes(self, clock: Clock) -> None:
        bucket = Buckets(10, clock=clock)
        bucket.take("a", 1)
        clock.now += 3600
        assert bucket.take("a", 0).remaining == 20

    def test_should_forget_the_longest_unused_when_there_are_too_many_callers(
        self, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(buckets, "MOST_CALLERS", 2)
        bucket = Buckets(1, clock=clock)
        for caller in ("a", "b", "c"):
            bucket.take(caller, 2)
        assert [bucket.take("b", 1).is_granted, bucket.take("a", 1).is_granted] == [False, True]
