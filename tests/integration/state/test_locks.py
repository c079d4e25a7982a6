"""Locks of counter-days: one worker at a time, freed the moment their process dies."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from include.state.locks import day_lock, held, only_one

PROJECT = Path(__file__).parents[3]
DAYS = [dt.date(2025, 7, 1), dt.date(2025, 7, 2)]
HOLD = """
import datetime as dt, os, sys
from include.secret import Secret
from include.state.engine import connect_state
from include.state.locks import day_lock
with day_lock(connect_state(Secret(os.environ["DATABASE_URL"])), 101, [dt.date(2025, 7, 1)], purpose="load"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def is_free(engine: Engine, counter_id: int, days: list[dt.date], purpose: str = "load") -> bool:
    """Whether somebody else gets the locks within a moment."""
    taken = threading.Event()

    def take() -> None:
        with day_lock(engine, counter_id, days, purpose=purpose):
            taken.set()

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    return taken.wait(1.0)


class TestHeld:
    @pytest.mark.parametrize(("names", "expected"), [(("a",), False), (("c", "b"), False), (("c", "d"), True)])
    def test_should_keep_others_out_when_they_want_one_of_the_names(
        self, state: Engine, names: tuple[str, ...], expected: bool
    ) -> None:
        taken = threading.Event()

        def take() -> None:
            with held(state, *names):
                taken.set()

        with held(state, "a", "b"):
            thread = threading.Thread(target=take, daemon=True)
            thread.start()
            assert taken.wait(1.0) is expected
        thread.join(10)
        assert taken.is_set()


class TestDayLock:
    @pytest.mark.parametrize(
        ("counter_id", "days", "purpose", "expected"),
        [
            (101, DAYS[:1], "load", False),
            (101, DAYS[1:], "load", False),
            (202, DAYS, "load", True),
            (101, [dt.date(2025, 7, 3)], "load", True),
            (101, DAYS, "score", True),
        ],
    )
    def test_should_keep_others_out_of_the_same_days_only(
        self, state: Engine, counter_id: int, days: list[dt.date], purpose: str, expected: bool
    ) -> None:
        with day_lock(state, 101, DAYS, purpose="load"):
            assert is_free(state, counter_id, days, purpose) is expected

    def test_should_be_free_again_when_the_work_fails(self, state: Engine) -> None:
        with pytest.raises(RuntimeError), day_lock(state, 303, DAYS, purpose="load"):
            raise RuntimeError("the work")
        assert is_free(state, 303, DAYS)

    def test_should_be_free_again_when_the_holder_is_killed(self, state: Engine) -> None:
        url = state.url.render_as_string(hide_password=False)
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD],
            env={**os.environ, "PYTHONPATH": str(PROJECT), "DATABASE_URL": url},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "held"
        assert not is_free(state, 101, DAYS[:1])
        holder.kill()
        holder.communicate(timeout=30)
        assert is_free(state, 101, DAYS[:1])

    def test_should_never_wait_for_each_other_when_days_are_named_in_any_order(self, state: Engine) -> None:
        done: list[int] = []

        def work(number: int) -> None:
            for _ in range(10):
                with day_lock(state, 404, DAYS if number % 2 else DAYS[::-1], purpose="load"):
                    done.append(number)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(done) == 40

    def test_should_leave_no_session_behind_when_locks_were_taken(self, state: Engine) -> None:
        with day_lock(state, 505, DAYS, purpose="load"):
            pass
        with state.connect() as connection:
            held = connection.execute(
                text(
                    "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
                    "WHERE l.locktype = 'advisory' AND d.datname = current_database() AND l.granted"
                )
            ).scalar()
        assert held == 0


class TestOnlyOne:
    def test_should_be_ours_again_when_the_other_has_ended(self, state: Engine) -> None:
        with only_one(state, "job") as first, only_one(state, "job", patience_seconds=0) as second:
            pass
        with only_one(state, "job") as third:
            assert (first, second, third) == (True, False, True)

    def test_should_not_be_in_the_way_of_another_job(self, state: Engine) -> None:
        with only_one(state, "job") as first, only_one(state, "other", patience_seconds=0) as second:
            assert (first, second) == (True, True)
