from __future__ import annotations

import threading

import pytest

from include.errors import StoreBusy
from include.events.intake.turns import Turns


class TestTurn:
    def test_should_refuse_at_once_when_too_many_are_present(self) -> None:
        turns = Turns(running=1, present=1)
        with turns.turn(), pytest.raises(StoreBusy) as refused, turns.turn():
            pass
        assert (refused.value.code, refused.value.wait_seconds) == ("overloaded", 1.0)

    def test_should_refuse_when_the_turn_does_not_come_in_time(self) -> None:
        turns = Turns(running=1, present=2, wait_seconds=0.01)
        with turns.turn(), pytest.raises(StoreBusy), turns.turn():
            pass

    def test_should_give_turns_back_when_the_work_fails(self) -> None:
        turns = Turns(running=1, present=1)
        for _ in range(3):
            with pytest.raises(KeyError), turns.turn():
                raise KeyError
        with turns.turn():
            pass

    def test_should_run_no_more_at_once_than_allowed(self) -> None:
        turns, counting = Turns(running=2, present=20), threading.Lock()
        running, most = 0, 0

        def work() -> None:
            nonlocal running, most
            for _ in range(50):
                with turns.turn():
                    with counting:
                        running += 1
                        most = max(most, running)
                    with counting:
                        running -= 1

        threads = [threading.Thread(target=work) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert most <= 2
