"""API keys: what is shown once, what is stored, and when a key stops working."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, event, select

from include.accounts.key_ring import KeyRing, ring_of
from include.accounts.keys import ApiKey, create_key, find_key, list_keys, revoke_key, rotate_key
from include.accounts.scopes import INGEST, SCOPES, STATS_READ
from include.errors import InputError
from include.secret import Secret
from include.state.tables import account_audit

NOW = dt.datetime(2026, 3, 1, 12, 0, 30, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def project() -> str:
    return f"shop-{uuid.uuid4()}"


class Clock:
    """Seconds that go on only when told."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def make(state: Engine, project: str, **changes: Any) -> tuple[ApiKey, Secret]:
    given = {"scopes": [INGEST], "label": "phone", "created_by": "command", "now": NOW} | changes
    return create_key(state, project=project, **given)


@contextlib.contextmanager
def statements_to(state: Engine) -> Iterator[list[str]]:
    """What is sent to PostgreSQL inside the block, with its parameters."""
    seen: list[str] = []

    def hear(*given: Any) -> None:
        seen.append(f"{given[2]} {given[3]}")

    event.listen(state, "before_cursor_execute", hear)
    try:
        yield seen
    finally:
        event.remove(state, "before_cursor_execute", hear)


def code_of(call: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(InputError) as caught:
        call(*args, **kwargs)
    return caught.value.code


def audit_of(state: Engine, project: str) -> list[str]:
    query = select(account_audit).order_by(account_audit.c.audit_id)
    with state.connect() as connection:
        rows = connection.execute(query).mappings()
        return [row["action"] for row in rows if row["details"].get("project") == project]


class TestCreateKey:
    def test_should_have_the_form_of_the_spec_when_made(self, state: Engine, project: str) -> None:
        key, secret = make(state, project)
        assert re.fullmatch(r"cfk_[0-9a-f]{8}_[0-9A-Za-z]{32}", secret.value)
        assert secret.value.startswith(f"{key.prefix}_")

    def test_should_not_show_the_secret_when_printed(self, state: Engine, project: str) -> None:
        key, secret = make(state, project)
        assert secret.value.rpartition("_")[2] not in f"{key!r} {secret!r} {secret} {key.masked}"
        assert key.masked == f"{key.prefix}_********"
        assert "secret_sha256" not in repr(key)

    @pytest.mark.parametrize("scope", SCOPES)
    def test_should_carry_its_scope_when_found(self, state: Engine, project: str, scope: str) -> None:
        _, secret = make(state, project, scopes=[scope])
        found = find_key(state, secret, now=NOW)
        assert found is not None
        assert (found.project, found.scopes) == (project, (scope,))

    @pytest.mark.parametrize("scopes", [[], ["write"], ["ingest", ""], ["INGEST"]])
    def test_should_refuse_scopes_when_unknown(self, state: Engine, project: str, scopes: list[str]) -> None:
        assert code_of(make, state, project, scopes=scopes) == "bad_scope"

    @pytest.mark.parametrize("label", ["x" * 101, "a\nb", "a\0b", "\ud800"])
    def test_should_refuse_a_label_when_unusable(self, state: Engine, project: str, label: str) -> None:
        assert code_of(make, state, project, label=label) == "bad_text"

    @pytest.mark.parametrize("expires_at", [NOW, NOW - HOUR, dt.datetime(2027, 1, 1)])
    def test_should_refuse_an_expiry_when_past_or_without_zone(
        self, state: Engine, project: str, expires_at: dt.datetime
    ) -> None:
        assert code_of(make, state, project, expires_at=expires_at) == "bad_expiry"

    def test_should_stop_at_twenty_when_made_at_once(self, state: Engine, project: str) -> None:
        for _ in range(17):
            make(state, project)

        def attempt(_: int) -> str:
            try:
                make(state, project)
            except InputError as error:
                return error.code
            return "made"

        with ThreadPoolExecutor(8) as pool:
            outcomes = sorted(pool.map(attempt, range(8)))
        assert outcomes == ["made"] * 3 + ["too_many_keys"] * 5

    def test_should_make_room_when_a_key_expired_or_was_revoked(self, state: Engine, project: str) -> None:
        keys = [make(state, project, expires_at=NOW + HOUR)[0] for _ in range(20)]
        revoke_key(state, project=project, key_id=keys[0].key_id, revoked_by="command", now=NOW)
        make(state, project)
        make(state, project, now=NOW + HOUR)
        assert len(list_keys(state, project)) == 22

    def test_should_join_the_callers_transaction_when_given_a_connection(self, state: Engine, project: str) -> None:
        with state.connect() as connection:
            make(connection, project)  # type: ignore[arg-type]
            connection.rollback()
        assert list_keys(state, project) == []


class TestFindKey:
    def test_should_find_nothing_when_the_secret_differs(self, state: Engine, project: str) -> None:
        key, secret = make(state, project)
        other = Secret(f"{key.prefix}_{'A' * 32}")
        assert find_key(state, secret, now=NOW) is not None
        assert find_key(state, other, now=NOW) is None

    @pytest.mark.parametrize(
        "text",
        ["", "cfk_", "cfk_00000000_" + "x" * 32, "cfk_0000000g_" + "x" * 32, "CFK_00000000_" + "x" * 32,
         "cfk_00000000_" + "x" * 31 + "\n", "cfk_00000000_" + "й" * 32, "\ud800", "cfk_' OR 1=1 --"],
    )  # fmt: skip
    def test_should_find_nothing_when_the_text_is_no_key(self, state: Engine, text: str) -> None:
        assert find_key(state, Secret(text), now=NOW) is None

    def test_should_stop_to_work_when_expired(self, state: Engine, project: str) -> None:
        _, secret = make(state, project, expires_at=NOW + HOUR)
        assert find_key(state, secret, now=NOW + HOUR - dt.timedelta(microseconds=1)) is not None
        assert find_key(state, secret, now=NOW + HOUR) is None

    def test_should_ask_by_prefix_only_when_looking_up(self, state: Engine, project: str) -> None:
        _, secret = make(state, project)
        with statements_to(state) as asked:
            KeyRing(state).find(secret, NOW)
        assert asked
        assert not any(secret.value in text for text in asked)

    def test_should_not_ask_again_when_found_just_now(self, state: Engine, project: str) -> None:
        _, secret = make(state, project)
        clock = Clock()
        ring = KeyRing(state, clock)
        ring.find(secret, NOW)
        clock.seconds += 2.9
        with statements_to(state) as asked:
            assert ring.find(secret, NOW) is not None
        assert asked == []

    def test_should_be_the_same_ring_when_asked_twice(self, state: Engine) -> None:
        assert ring_of(state) is ring_of(state)


class TestLastUse:
    def used_at(self, state: Engine, project: str) -> dt.datetime | None:
        return list_keys(state, project)[0].last_used_at

    def test_should_be_kept_to_the_minute_when_used(self, state: Engine, project: str) -> None:
        _, secret = make(state, project)
        assert self.used_at(state, project) is None
        find_key(state, secret, now=NOW)
        assert self.used_at(state, project) == NOW.replace(second=0)

    def test_should_be_written_once_when_used_often_within_a_minute(self, state: Engine, project: str) -> None:
        _, secret = make(state, project)
        with statements_to(state) as asked:
            for second in range(0, 30, 3):
                find_key(state, secret, now=NOW + dt.timedelta(seconds=second))
        assert sum("UPDATE" in statement for statement in asked) == 1

    def test_should_be_written_again_when_the_next_minute_begins(self, state: Engine, project: str) -> None:
        _, secret = make(state, project)
        for minutes in range(2):
            find_key(state, secret, now=NOW + dt.timedelta(minutes=minutes))
        assert self.used_at(state, project) == NOW.replace(second=0) + dt.timedelta(minutes=1)

    def test_should_not_go_back_when_another_process_was_later(self, state: Engine, project: str) -> None:
        _, secret = make(state, project)
        KeyRing(state).find(secret, NOW + HOUR)
        KeyRing(state).find(secret, NOW)
        assert self.used_at(state, project) == NOW.replace(second=0) + HOUR

    def test_should_stay_empty_when_the_secret_was_wrong(self, state: Engine, project: str) -> None:
        key, _ = make(state, project)
        find_key(state, Secret(f"{key.prefix}_{'A' * 32}"), now=NOW)
        assert self.used_at(state, project) is None


class TestRevokeKey:
    def test_should_act_within_five_seconds_when_another_process_kept_the_key(
        self, state: Engine, project: str
    ) -> None:
        key, secret = make(state, project)
        clock = Clock()
        elsewhere = KeyRing(state, clock)  # what a second process holds
        assert elsewhere.find(secret, NOW) is not None
        revoke_key(state, project=project, key_id=key.key_id, revoked_by="command", now=NOW)
        clock.seconds += 5
        assert elsewhere.find(secret, NOW) is None

    def test_should_keep_the_first_time_when_repeated(self, state: Engine, project: str) -> None:
        key, _ = make(state, project)
        for later in (dt.timedelta(0), HOUR):
            revoked = revoke_key(state, project=project, key_id=key.key_id, revoked_by="command", now=NOW + later)
            assert revoked is not None
            assert revoked.revoked_at == NOW
        assert audit_of(state, project) == ["key_create", "key_revoke"]

    @pytest.mark.parametrize("key_id", ["00000000-0000-4000-8000-000000000001", "nothing", "", "\0"])
    def test_should_say_none_when_unknown(self, state: Engine, project: str, key_id: str) -> None:
        assert revoke_key(state, project=project, key_id=key_id, revoked_by="command") is None

    def test_should_say_none_when_it_is_a_key_of_another_project(self, state: Engine, project: str) -> None:
        key, secret = make(state, project)
        assert revoke_key(state, project="other", key_id=key.key_id, revoked_by="command") is None
        assert find_key(state, secret, now=NOW) is not None


class TestRotateKey:
    def rotate(self, state: Engine, key: ApiKey, **changes: Any) -> tuple[ApiKey, Secret]:
        given = {"rotated_by": "command", "now": NOW} | changes
        return rotate_key(state, project=key.project, key_id=key.key_id, **given)

    def test_should_replace_the_key_when_there_is_no_overlap(self, state: Engine, project: str) -> None:
        key, old = make(state, project, scopes=[INGEST, STATS_READ])
        new, secret = self.rotate(state, key)
        assert (new.scopes, new.label, new.expires_at) == (key.scopes, key.label, None)
        assert KeyRing(state).find(old, NOW) is None
        assert KeyRing(state).find(secret, NOW) == new
        assert audit_of(state, project) == ["key_create", "key_rotate"]

    def test_should_take_both_keys_for_a_while_when_they_overlap(self, state: Engine, project: str) -> None:
        key, old = make(state, project)
        _, secret = self.rotate(state, key, overlap=HOUR)
        found = [
            KeyRing(state).find(given, NOW + moment) is not None
            for moment in (HOUR / 2, HOUR)
            for given in (old, secret)
        ]
        assert found == [True, True, False, True]

    def test_should_not_lengthen_the_old_life_when_it_ends_sooner(self, state: Engine, project: str) -> None:
        key, _ = make(state, project, expires_at=NOW + HOUR)
        self.rotate(state, key, overlap=2 * HOUR)
        assert {found.key_id: found for found in list_keys(state, project)}[key.key_id].expires_at == NOW + HOUR

    def test_should_be_refused_when_the_key_is_not_active(self, state: Engine, project: str) -> None:
        key, _ = make(state, project)
        revoke_key(state, project=project, key_id=key.key_id, revoked_by="command", now=NOW)
        assert code_of(self.rotate, state, key) == "key_not_active"

    def test_should_be_refused_when_the_key_is_unknown(self, state: Engine, project: str) -> None:
        call = {"project": project, "key_id": str(uuid.uuid4()), "rotated_by": "command"}
        assert code_of(rotate_key, state, **call) == "key_unknown"

    def test_should_fit_when_twenty_keys_are_active(self, state: Engine, project: str) -> None:
        keys = [make(state, project)[0] for _ in range(20)]
        self.rotate(state, keys[0])
        assert code_of(self.rotate, state, keys[1], overlap=HOUR) == "too_many_keys"
        assert sum(key.is_active(NOW) for key in list_keys(state, project)) == 20
