"""When a broker that failed is asked again, on a clock of our own."""

from __future__ import annotations

import pytest

from include.events.kafka.resting import Rest


class Clock:
    """A clock that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rest(clock: Clock) -> Rest:
    return Rest(5.0, clock=clock)


class TestRest:
    def test_should_let_everybody_ask_when_nothing_failed(self, rest: Rest) -> None:
        assert [rest.may_ask() for _ in range(3)] == [True] * 3

    def test_should_let_nobody_ask_when_it_has_just_failed(self, rest: Rest, clock: Clock) -> None:
        rest.begin()
        clock.now += 4.9
        assert not rest.may_ask()

    def test_should_let_one_ask_when_the_rest_is_over(self, rest: Rest, clock: Clock) -> None:
        rest.begin()
        clock.now += 5
        assert [rest.may_ask() for _ in range(3)] == [True, False, False]

    def test_should_let_everybody_ask_when_that_one_succeeded(self, rest: Rest, clock: Clock) -> None:
        rest.begin()
        clock.now += 5
        rest.may_ask()
        rest.end()
        assert [rest.may_ask() for _ in range(3)] == [True] * 3

    def test_should_rest_again_when_that_one_failed(self, rest: Rest, clock: Clock) -> None:
        rest.begin()
        clock.now += 5
        rest.may_ask()
        rest.begin()
        assert not rest.may_ask()
        clock.now += 5
        assert rest.may_ask()

    def test_should_be_news_once_when_several_requests_fail_together(self, rest: Rest, clock: Clock) -> None:
        assert [rest.begin() for _ in range(3)] == [True, False, False]
        clock.now += 5
        assert rest.begin()
