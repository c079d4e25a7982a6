"""Accounts and their sessions in any order of calls, against a model of what the rules say (A2)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Any

import argon2
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, select, update

from include.accounts import passwords
from include.accounts.actors import COMMAND
from include.accounts.families import FAMILY_LIFE, digest_of
from include.accounts.people import change_role, set_active
from include.accounts.purging import purge_tokens
from include.accounts.roles import ADMIN, ROLES
from include.accounts.signing_in import change_password, end_sessions
from include.accounts.tokens import SignedIn, sign_out
from include.secret import Secret
from include.state.tables import accounts, refresh_tokens, token_families
from tests.account_days import NOW, People, new_email, refusal

EXAMPLES, STEPS = 30, 40
PASSWORDS = [Secret("first password"), Secret("second password")]
PASSED = st.sampled_from([1, 60, 16 * 60, 31 * 60, 86_400, 6 * 86_400, 23 * 86_400])  # seconds
MOST_FAILURES, WINDOW = 10, dt.timedelta(minutes=15)
ACCESS_LIFE, REFRESH_LIFE = dt.timedelta(minutes=30), dt.timedelta(days=7)


@dataclass(eq=False)
class ModelAccount:
    user_id: str
    email: str
    password: int = 0
    role: str = "student"
    is_active: bool = True
    epoch: int = 0
    failed_at: list[dt.datetime] = field(default_factory=list)


@dataclass(eq=False)
class ModelFamily:
    account: ModelAccount
    ends_at: dt.datetime
    is_revoked: bool = False


@dataclass(eq=False)
class ModelToken:
    """A refresh token and the access token that came with it."""

    refresh: Secret
    access: Secret
    family: ModelFamily
    epoch: int
    given_at: dt.datetime
    is_used: bool = False


class SessionMachine(RuleBasedStateMachine):
    """Calls the functions of accounts and holds each answer against the model."""

    people: People
    known = Bundle("known")
    given = Bundle("given")

    @initialize(target=known)
    def begin(self) -> Any:
        with self.people.engine.begin() as connection:
            connection.execute(update(accounts).values(role="student"))  # no admin of an earlier example counts
        self.now = NOW
        self.all_accounts: list[ModelAccount] = []
        self.tokens: list[ModelToken] = []
        return multiple(*(self._register() for _ in range(2)))

    @initialize(target=given, account=known, count=st.integers(1, 3))
    def sign_in_first(self, account: ModelAccount, count: int) -> Any:
        return multiple(*(self._sign_in(account) for _ in range(count)))

    @property
    def at(self) -> People:
        return replace(self.people, now=self.now)

    @rule(seconds=PASSED)
    def wait(self, seconds: int) -> None:
        self.now += dt.timedelta(seconds=seconds)

    @rule()
    def purge(self) -> None:
        purge_tokens(self.people.engine, self.people.settings, now=self.now)

    @rule(target=given, account=known)
    def come_back(self, account: ModelAccount) -> Any:
        self.now += WINDOW
        return self._sign_in(account) if account.is_active else multiple()

    @rule(target=given, account=known, password=st.sampled_from([0, 1]))
    def sign_in(self, account: ModelAccount, password: int) -> Any:
        code = self._attempt(account, password)
        if not code:
            return self._sign_in(account)
        assert refusal(self.at.sign_in, account.email, PASSWORDS[password]) == code
        return multiple()

    @rule(account=known)
    def guess(self, account: ModelAccount) -> None:
        for _ in range(MOST_FAILURES // 2):
            code = self._attempt(account, 1 - account.password)
            assert refusal(self.at.sign_in, account.email, PASSWORDS[1 - account.password]) == code

    @rule(target=given, token=given)
    def refresh(self, token: ModelToken) -> Any:
        family = token.family
        if token.is_used and self.now < family.ends_at:
            assert refusal(self.at.refresh, token.refresh) == "refresh_reused"
            family.is_revoked = True
            return multiple()
        if not self._is_live(token):
            assert refusal(self.at.refresh, token.refresh) == "invalid_refresh"
            return multiple()
        signed_in = self.at.refresh(token.refresh)
        token.is_used = True
        return self._given(signed_in, family)

    @rule(target=given, newest=st.integers(1, 3))
    def refresh_often(self, newest: int) -> Any:
        """The token of one of the last sessions, as applications do; repeated, so that some go on for long."""
        return self.refresh(self.tokens[-min(newest, len(self.tokens))])

    @rule()
    def use_all(self) -> None:
        opened = [token for token in self.tokens if refusal(self.at.check, token.access) == ""]
        assert opened == [token for token in self.tokens if self._opens(token)]

    @rule(token=given)
    def sign_out(self, token: ModelToken) -> None:
        if self._opens(token):
            sign_out(self.people.engine, self.at.check(token.access), now=self.now)
            token.family.is_revoked = True

    @rule(token=given, old=st.sampled_from([0, 0, 1]), new=st.sampled_from([0, 1]))
    def change_password(self, token: ModelToken, old: int, new: int) -> None:
        if not self._opens(token):
            return
        account, session = token.family.account, self.at.check(token.access)
        code = self._attempt(account, old)
        call = {"old": PASSWORDS[old], "new": PASSWORDS[new], "now": self.now}
        assert refusal(change_password, self.people.engine, session, **call) == code
        if not code:
            account.password, account.epoch = new, account.epoch + 1
            self._revoke_all(account)

    @rule(account=known)
    def end_sessions(self, account: ModelAccount) -> None:
        end_sessions(self.people.engine, account.user_id, by=COMMAND, now=self.now)
        account.epoch += 1
        self._revoke_all(account)

    @rule(account=known, role=st.sampled_from(ROLES))
    def change_role(self, account: ModelAccount, role: str) -> None:
        code = "last_admin" if role != ADMIN and self._is_last_admin(account) else ""
        assert refusal(change_role, self.people.engine, account.user_id, role, by=COMMAND, now=self.now) == code
        if not code and account.role != role:
            account.role, account.epoch = role, account.epoch + 1
        self.use_all()

    @rule(account=known, is_active=st.sampled_from([True, True, False]))
    def set_active(self, account: ModelAccount, is_active: bool) -> None:
        code = "last_admin" if not is_active and self._is_last_admin(account) else ""
        assert refusal(set_active, self.people.engine, account.user_id, is_active, by=COMMAND, now=self.now) == code
        if not code and account.is_active != is_active:
            account.is_active, account.epoch = is_active, account.epoch + 1
            if not is_active:
                self._revoke_all(account)

    @invariant()
    def live_tokens_are_those_of_the_model(self) -> None:
        t, f = refresh_tokens.c, token_families.c
        is_live = t.used_at.is_(None) & f.revoked_at.is_(None) & (t.expires_at > self.now) & (f.ends_at > self.now)
        mine = f.user_id.in_([account.user_id for account in self.all_accounts])
        query = select(t.token_sha256, t.family_id).join_from(refresh_tokens, token_families).where(is_live, mine)
        with self.people.engine.connect() as connection:
            rows = connection.execute(query).all()
        assert len({row.family_id for row in rows}) == len(rows)  # at most one of each family
        assert {bytes(row.token_sha256) for row in rows} == {
            digest_of(token.refresh) for token in self.tokens if self._is_live(token)
        }

    def _register(self) -> ModelAccount:
        account = self.at.register(email=new_email(), password=PASSWORDS[0])
        made = ModelAccount(account.user_id, account.email)
        self.all_accounts.append(made)
        return made

    def _sign_in(self, account: ModelAccount) -> ModelToken:
        signed_in = self.at.sign_in(account.email, PASSWORDS[account.password])
        return self._given(signed_in, ModelFamily(account, self.now + FAMILY_LIFE))

    def _given(self, signed_in: SignedIn, family: ModelFamily) -> ModelToken:
        token = ModelToken(signed_in.refresh_token, signed_in.access.token, family, family.account.epoch, self.now)
        assert signed_in.account.role == family.account.role
        self.tokens.append(token)
        return token

    def _attempt(self, account: ModelAccount, password: int) -> str:
        """What an attempt answers; a failure is counted."""
        if sum(failed_at > self.now - WINDOW for failed_at in account.failed_at) >= MOST_FAILURES:
            return "too_many_attempts"
        if account.is_active and password == account.password:
            return ""
        account.failed_at.append(self.now)
        return "invalid_credentials"

    def _is_live(self, token: ModelToken) -> bool:
        family = token.family
        is_in_time = self.now < min(token.given_at + REFRESH_LIFE, family.ends_at)
        return is_in_time and not token.is_used and not family.is_revoked and family.account.is_active

    def _opens(self, token: ModelToken) -> bool:
        family, account = token.family, token.family.account
        is_in_time = self.now < min(token.given_at + ACCESS_LIFE, family.ends_at)
        return is_in_time and not family.is_revoked and account.is_active and token.epoch == account.epoch

    def _revoke_all(self, account: ModelAccount) -> None:
        for token in self.tokens:
            token.family.is_revoked |= token.family.account is account

    def _is_last_admin(self, account: ModelAccount) -> bool:
        admins = [one for one in self.all_accounts if one.role == ADMIN and one.is_active]
        return admins == [account]


class TestSessionMachine:
    def test_should_do_as_the_model_says_when_called_in_any_order(
        self, state: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cheap = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        monkeypatch.setattr(passwords, "_hasher", cheap)
        SessionMachine.people = People(state)
        run_state_machine_as_test(
            SessionMachine,
            settings=settings(
                max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )  # fmt: skip
