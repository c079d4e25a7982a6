"""Counters, tokens of API tasks, and what housekeeping forgets."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import Engine, insert, select

from include.days import utc_now
from include.errors import DayNotReady
from include.state.api_tasks import TOKEN_LIFETIME, forget_old_tokens, forget_token, read_encrypted_token
from include.state.counters import Counter, read_counter, write_counter
from include.state.tables import api_tasks, counters


class TestCounters:
    def test_should_know_the_newest_zone_when_metrika_changed_it(self, state: Engine) -> None:
        for zone in ("Europe/Moscow", "America/New_York"):
            with state.begin() as connection:
                write_counter(connection, Counter(11, "shop", zone))
        with state.connect() as connection:
            found = read_counter(connection, 11)
            rows = connection.execute(select(counters).where(counters.c.counter_id == 11)).all()
        assert (found.zone.key, len(rows)) == ("America/New_York", 1)

    def test_should_name_the_command_when_a_counter_was_never_loaded(self, state: Engine) -> None:
        with state.connect() as connection, pytest.raises(DayNotReady, match=r"load --counter 12 "):
            read_counter(connection, 12)


def add_task(state: Engine, task_id: str, age: dt.timedelta, token: bytes | None = b"ciphertext") -> None:
    with state.begin() as connection:
        connection.execute(
            insert(api_tasks).values(
                task_id=task_id, kind="visits", parameters={}, parameters_sha256="0", encrypted_token=token,
                created_by="anna", created_at=utc_now() - age,
            )
        )  # fmt: skip


class TestTokens:
    def test_should_give_the_token_until_the_task_has_ended(self, state: Engine) -> None:
        add_task(state, "t1", dt.timedelta(0))
        assert read_encrypted_token(state, "t1") == b"ciphertext"
        forget_token(state, "t1")
        assert read_encrypted_token(state, "t1") is None

    def test_should_give_nothing_when_a_task_is_unknown_or_brought_no_token(self, state: Engine) -> None:
        add_task(state, "t2", dt.timedelta(0), token=None)
        assert (read_encrypted_token(state, "t2"), read_encrypted_token(state, "nobody")) == (None, None)
        forget_token(state, "nobody")

    def test_should_forget_tokens_of_lost_tasks_only_when_they_are_old(self, state: Engine) -> None:
        add_task(state, "young", TOKEN_LIFETIME - dt.timedelta(minutes=1))
        add_task(state, "old", TOKEN_LIFETIME + dt.timedelta(minutes=1))
        assert forget_old_tokens(state) == 1
        assert (read_encrypted_token(state, "old"), read_encrypted_token(state, "young")) == (None, b"ciphertext")
        assert forget_old_tokens(state) == 0
