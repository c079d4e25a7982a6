"""Signing in: equal answers for equal work, limits, and passwords that change."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import argon2
import pytest
from sqlalchemy import Engine, select, update

from include.accounts import passwords
from include.accounts.actors import COMMAND
from include.accounts.people import Account, set_active
from include.accounts.signing_in import change_password, reset_password
from include.errors import TooManyRequests
from include.secret import Secret
from include.state.tables import account_audit, accounts, login_failures
from tests.account_days import PASSWORD, People, new_email, refusal

WRONG = Secret("not the password")


class CountingHasher(argon2.PasswordHasher):
    """Counts its work; everything else is as it is."""

    def __init__(self, **costs: Any) -> None:
        super().__init__(**costs)
        self.verified: list[str] = []
        self.hashed = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Any:
        self.verified.append(str(hash).rpartition("$")[0].rpartition("$")[0])  # kind, version and costs
        return super().verify(hash, password)

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.hashed += 1
        return super().hash(password, salt=salt)


@pytest.fixture
def hasher(monkeypatch: pytest.MonkeyPatch) -> CountingHasher:
    """The real work, counted."""
    counting = CountingHasher()
    monkeypatch.setattr(passwords, "_hasher", counting)
    return counting


@pytest.fixture
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes of a millisecond, for tests that need many of them."""
    monkeypatch.setattr(passwords, "_hasher", argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture(scope="module")
def account(state: Engine) -> Account:
    return People(state).register()


def failures(people: People) -> int:
    with people.engine.connect() as connection:
        return len(connection.execute(select(login_failures)).all())


def wait_of(people: People, email: str, address: str = "") -> float:
    with pytest.raises(TooManyRequests) as caught:
        people.sign_in(email, WRONG, address)
    assert caught.value.wait_seconds is not None
    return caught.value.wait_seconds


class TestEqualWork:
    """A4: the time of a refusal tells nothing."""

    def test_should_do_the_same_work_when_the_address_is_unknown(
        self, people: People, account: Account, hasher: CountingHasher
    ) -> None:
        off = people.register()
        set_active(people.engine, off.user_id, False, by=COMMAND, now=people.now)
        hasher.hashed = 0
        cases = [(account.email, WRONG), (new_email(), PASSWORD), ("no address", PASSWORD), (off.email, PASSWORD)]
        messages = set()
        for email, password in cases:
            with pytest.raises(Exception, match="wrong") as caught:
                people.sign_in(email, password)
            messages.add((type(caught.value).__name__, str(caught.value), getattr(caught.value, "code", "")))
        assert messages == {("CredentialsRefused", "Email or password is wrong.", "invalid_credentials")}
        assert len(hasher.verified) == len(cases)
        assert set(hasher.verified) == {hasher.verified[0]}
        assert hasher.hashed == 0

    def test_should_do_that_work_once_when_the_password_is_right(
        self, people: People, account: Account, hasher: CountingHasher
    ) -> None:
        people.sign_in(account.email)
        assert (len(hasher.verified), hasher.hashed) == (1, 0)


class TestNewParameters:
    def test_should_hash_again_when_the_parameters_have_changed(self, people: People, hasher: CountingHasher) -> None:
        account = people.register()
        old = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD.value)
        with people.engine.begin() as connection:
            connection.execute(update(accounts).where(accounts.c.user_id == account.user_id).values(password_hash=old))
        pair = people.sign_in(account.email)
        with people.engine.connect() as connection:
            query = select(accounts.c.password_hash).where(accounts.c.user_id == account.user_id)
            stored = str(connection.execute(query).scalar_one())
        assert not hasher.check_needs_rehash(stored)
        assert refusal(people.check, pair.access.token) == ""
        assert refusal(people.sign_in, account.email) == ""

    def test_should_refuse_when_the_stored_hash_is_damaged(self, people: People) -> None:
        account = people.register()
        with people.engine.begin() as connection:
            connection.execute(update(accounts).where(accounts.c.user_id == account.user_id).values(password_hash="x"))
        assert refusal(people.sign_in, account.email) == "invalid_credentials"


@pytest.mark.usefixtures("cheap_hashes")
class TestLimits:
    def test_should_wait_when_ten_tries_failed_for_an_address(self, people: People) -> None:
        email = people.register().email
        codes = [refusal(people.sign_in, email, WRONG) for _ in range(11)]
        assert codes == ["invalid_credentials"] * 10 + ["too_many_attempts"]
        assert refusal(people.sign_in, email.upper()) == "too_many_attempts"
        assert wait_of(people.later(minutes=5), email) == 600
        assert refusal(people.later(minutes=15).sign_in, email) == ""

    def test_should_wait_alike_when_the_address_has_no_account(self, people: People) -> None:
        email = new_email()
        codes = [refusal(people.sign_in, email, WRONG) for _ in range(11)]
        assert codes == ["invalid_credentials"] * 10 + ["too_many_attempts"]

    def test_should_free_one_try_after_another_when_failures_get_old(self, people: People) -> None:
        email = new_email()
        for minute in range(10):
            refusal(people.later(minutes=minute).sign_in, email, WRONG)
        assert wait_of(people.later(minutes=14), email) == 60
        assert refusal(people.later(minutes=15).sign_in, email, WRONG) == "invalid_credentials"
        assert wait_of(people.later(minutes=15), email) == 60

    def test_should_wait_when_fifty_tries_failed_from_one_place(self, people: People) -> None:
        codes = [refusal(people.sign_in, new_email(), WRONG, "192.0.2.1") for _ in range(51)]
        assert codes == ["invalid_credentials"] * 50 + ["too_many_attempts"]
        assert refusal(people.sign_in, new_email(), WRONG, "192.0.2.2") == "invalid_credentials"

    def test_should_count_texts_by_place_only_when_they_are_no_address(self, people: People) -> None:
        assert {refusal(people.sign_in, "no address", WRONG) for _ in range(12)} == {"invalid_credentials"}

    def test_should_not_be_passed_together_when_tried_at_once(self, people: People) -> None:
        email = people.register().email
        with ThreadPoolExecutor(8) as pool:
            codes = sorted(pool.map(lambda _: refusal(people.sign_in, email, WRONG), range(40)))
        assert codes == ["invalid_credentials"] * 10 + ["too_many_attempts"] * 30

    def test_should_count_nothing_when_signing_in_works(self, people: People) -> None:
        email = people.register().email
        before = failures(people)
        assert {refusal(people.sign_in, email) for _ in range(12)} == {""}
        assert failures(people) == before

    def test_should_count_wrong_old_passwords_when_it_is_changed(self, people: People) -> None:
        account = people.register()
        session = people.check(people.start(account).access.token)
        codes = [
            refusal(change_password, people.engine, session, old=WRONG, new=PASSWORD, now=people.now) for _ in range(11)
        ]
        assert codes == ["invalid_credentials"] * 10 + ["too_many_attempts"]


@pytest.mark.usefixtures("cheap_hashes")
class TestPasswords:
    @pytest.mark.parametrize("new", ["short", "x" * 129, ""])
    def test_should_change_nothing_when_the_new_one_is_refused(self, people: People, new: str) -> None:
        account = people.register()
        session = people.check(people.start(account).access.token)
        call = {"old": PASSWORD, "new": Secret(new), "now": people.now}
        assert refusal(change_password, people.engine, session, **call) == "bad_password"
        assert refusal(reset_password, people.engine, account.user_id, Secret(new), by=COMMAND) == "bad_password"
        assert refusal(people.sign_in, account.email) == ""

    def test_should_open_no_session_when_the_password_changes_meanwhile(
        self, people: People, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        account = people.register()
        verify, other = passwords._hasher.verify, passwords.hash_password(WRONG)
        changed = update(accounts).where(accounts.c.user_id == account.user_id).values(password_hash=other)

        def slowly(stored: str, password: bytes) -> bool:
            """While this sign-in computes, the account gets another password."""
            with people.engine.begin() as connection:
                connection.execute(changed)
            return verify(stored, password)

        with monkeypatch.context() as patched:
            patched.setattr(passwords, "_hasher", _With(passwords._hasher, slowly))
            assert refusal(people.sign_in, account.email) == "invalid_credentials"
        assert refusal(people.sign_in, account.email, WRONG) == ""


class _With:
    """A hasher with another way to verify."""

    def __init__(self, hasher: argon2.PasswordHasher, verify: Any) -> None:
        self._hasher, self.verify = hasher, verify

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hasher, name)


@pytest.mark.usefixtures("cheap_hashes")
class TestAudit:
    def test_should_tell_the_story_of_an_account_when_read(self, people: People) -> None:
        account = people.register()
        refusal(people.sign_in, account.email, WRONG, "192.0.2.9")
        pair = people.sign_in(account.email, address="192.0.2.9")
        people.refresh(pair.refresh_token)
        refusal(people.refresh, pair.refresh_token)
        assert people.audit(account.user_id) == ["register", "login_failed", "login", "refresh", "refresh_reuse"]

    def test_should_hold_who_and_where_but_no_address_that_was_typed(self, people: People) -> None:
        typed = f"{PASSWORD.value.replace(' ', '')}@typed.here"
        refusal(people.sign_in, typed, PASSWORD, "192.0.2.10")
        with people.engine.connect() as connection:
            rows = (
                connection.execute(select(account_audit).where(account_audit.c.address == "192.0.2.10"))
                .mappings()
                .all()
            )
            stored = connection.execute(select(login_failures)).all()
        assert [(row["action"], row["user_id"]) for row in rows] == [("login_failed", None)]
        assert typed not in f"{rows} {stored}"
