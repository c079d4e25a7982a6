"""Sessions: what an access token opens, and what becomes of refresh tokens."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import jwt
import pytest

from include.accounts.actors import COMMAND
from include.accounts.people import Account, change_role, set_active
from include.accounts.signing_in import change_password, end_sessions
from include.accounts.tokens import SignedIn, sign_out
from include.secret import Secret
from tests.account_days import PASSWORD, SIGNING_KEY, People, refusal


@pytest.fixture(scope="module")
def account(state: Any) -> Account:
    """Somebody whose account no test of this module changes."""
    return People(state).register()


@pytest.fixture
def signed_in(people: People, account: Account) -> SignedIn:
    return people.start(account)


def claims_of(token: Secret) -> dict[str, Any]:
    options = {"verify_exp": False, "verify_iat": False}
    return jwt.decode(token.value, SIGNING_KEY.value, ["HS256"], audience="counterflow-api", options=options)  # type: ignore[arg-type]


class TestAccessToken:
    def test_should_say_what_the_spec_says_when_made(
        self, people: People, account: Account, signed_in: SignedIn
    ) -> None:
        claims = claims_of(signed_in.access.token)
        issued = int(people.now.timestamp())
        assert claims.pop("jti") != claims.pop("sid")
        assert claims == {
            "iss": "counterflow", "aud": "counterflow-api", "sub": account.user_id, "epoch": account.epoch,
            "iat": issued, "exp": issued + 1800,
        }  # fmt: skip

    def test_should_lead_to_the_account_when_checked(
        self, people: People, account: Account, signed_in: SignedIn
    ) -> None:
        assert people.check(signed_in.access.token).account == account

    def test_should_not_show_itself_when_printed(self, signed_in: SignedIn) -> None:
        shown = f"{signed_in!r} {signed_in}"
        assert signed_in.access.token.value not in shown
        assert signed_in.refresh_token.value not in shown

    def test_should_end_when_its_time_is_over(self, people: People, signed_in: SignedIn) -> None:
        assert refusal(people.later(minutes=30, seconds=-1).check, signed_in.access.token) == ""
        assert refusal(people.later(minutes=30).check, signed_in.access.token) == "invalid_token"

    @pytest.mark.parametrize(
        "changes",
        [{"iss": "airflow"}, {"aud": "other"}, {"sub": "1"}, {"sid": "1"}, {"sid": None}, {"epoch": None},
         {"epoch": "0"}, {"epoch": False}, {"epoch": 1}, {"exp": "later"}, {"exp": None}, {"sub": 5}, {"jti": None}],
    )  # fmt: skip
    def test_should_be_refused_when_a_claim_is_wrong(
        self, people: People, signed_in: SignedIn, changes: dict[str, Any]
    ) -> None:
        claims = {
            key: value for key, value in (claims_of(signed_in.access.token) | changes).items() if value is not None
        }
        forged = Secret(jwt.encode(claims, SIGNING_KEY.value))
        assert refusal(people.check, forged) == "invalid_token"

    @pytest.mark.parametrize("algorithm", ["none", "HS384", "HS512"])
    def test_should_be_refused_when_signed_by_another_algorithm(
        self, people: People, signed_in: SignedIn, algorithm: str
    ) -> None:
        key = None if algorithm == "none" else SIGNING_KEY.value * 2
        forged = Secret(jwt.encode(claims_of(signed_in.access.token), key, algorithm=algorithm))
        assert refusal(replace(people, key=Secret(SIGNING_KEY.value * 2)).check, forged) == "invalid_token"

    @pytest.mark.parametrize("text", ["", "a", "a.b.c", "\ud800", "ü.ü.ü", "eyJhbGciOiJub25lIn0.e30."])
    def test_should_be_refused_when_it_is_no_token(self, people: People, text: str) -> None:
        assert refusal(people.check, Secret(text)) == "invalid_token"

    def test_should_be_refused_when_signed_by_another_key(self, people: People, account: Account) -> None:
        other = replace(people, key=Secret("o" * 40)).start(account)
        assert refusal(people.check, other.access.token) == "invalid_token"

    def test_should_be_refused_when_it_names_the_session_of_somebody_else(
        self, people: People, account: Account, signed_in: SignedIn
    ) -> None:
        stranger = people.register(password=PASSWORD)
        forged = Secret(jwt.encode(claims_of(signed_in.access.token) | {"sub": stranger.user_id}, SIGNING_KEY.value))
        assert refusal(people.check, forged) == "invalid_token"

    @pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
    def test_should_be_taken_when_the_setting_names_its_algorithm(
        self, people: People, account: Account, algorithm: str
    ) -> None:
        own = replace(people, settings=replace(people.settings, algorithm=algorithm), key=Secret("k" * 64))
        assert own.check(own.start(account).access.token).account == account


class TestRenewAccess:
    def test_should_stay_in_the_family_when_renewed(self, people: People, signed_in: SignedIn) -> None:
        session = people.check(signed_in.access.token)
        renewed = people.renew(session)
        assert renewed.token.value != signed_in.access.token.value
        assert people.check(renewed.token).family == session.family

    def test_should_not_outlive_the_family_when_renewed_late(self, people: People, account: Account) -> None:
        long = replace(people, settings=replace(people.settings, access_minutes=1440))
        late = long.later(days=29, hours=23, minutes=59)
        found = claims_of(late.renew(replace(long.check(long.start(account).access.token))).token)
        assert found["exp"] == int((people.now + dt.timedelta(days=30)).timestamp())

    def test_should_leave_the_refresh_token_alone_when_renewed(self, people: People, signed_in: SignedIn) -> None:
        people.renew(people.check(signed_in.access.token))
        assert people.refresh(signed_in.refresh_token).account == signed_in.account


class TestRefresh:
    def test_should_give_a_new_pair_of_the_same_family_when_fresh(self, people: People, signed_in: SignedIn) -> None:
        second = people.refresh(signed_in.refresh_token)
        families = {people.check(pair.access.token).family for pair in (signed_in, second)}
        assert len(families) == 1
        assert second.refresh_token.value != signed_in.refresh_token.value

    def test_should_go_on_for_long_when_each_token_is_used_once(self, people: People, signed_in: SignedIn) -> None:
        pair = signed_in
        for _ in range(12):
            pair = people.refresh(pair.refresh_token)
        assert refusal(people.check, pair.access.token) == ""

    def test_should_end_the_family_when_a_token_comes_twice(self, people: People) -> None:
        account = people.register()
        first, other = people.start(account), people.start(account)
        second = people.refresh(first.refresh_token)
        assert refusal(people.refresh, first.refresh_token) == "refresh_reused"
        assert refusal(people.refresh, second.refresh_token) == "invalid_refresh"
        assert refusal(people.check, second.access.token) == "invalid_token"
        assert refusal(people.refresh, other.refresh_token) == ""
        assert people.audit(account.user_id) == ["register", "refresh", "refresh_reuse", "refresh"]

    def test_should_note_the_reuse_once_when_it_goes_on(self, people: People, signed_in: SignedIn) -> None:
        people.refresh(signed_in.refresh_token)
        before = people.audit(signed_in.account.user_id).count("refresh_reuse")
        assert {refusal(people.refresh, signed_in.refresh_token) for _ in range(3)} == {"refresh_reused"}
        assert people.audit(signed_in.account.user_id).count("refresh_reuse") == before + 1

    def test_should_notice_the_reuse_when_the_used_token_has_expired(self, people: People, signed_in: SignedIn) -> None:
        second = people.refresh(signed_in.refresh_token)
        later = people.later(days=6)
        third = later.refresh(second.refresh_token)
        assert refusal(later.later(days=5).refresh, signed_in.refresh_token) == "refresh_reused"
        assert refusal(later.refresh, third.refresh_token) == "invalid_refresh"

    @pytest.mark.parametrize("text", ["", "x", "x" * 43, "x" * 44, "й" * 43, "\ud800" * 43, "x" * 42 + "\n", "\0" * 43])
    def test_should_change_nothing_when_the_token_is_unknown(
        self, people: People, signed_in: SignedIn, text: str
    ) -> None:
        assert refusal(people.refresh, Secret(text)) == "invalid_refresh"
        assert refusal(people.refresh, signed_in.refresh_token) == ""

    def test_should_change_nothing_when_expired(self, people: People, signed_in: SignedIn) -> None:
        late = people.later(minutes=10_080)
        assert refusal(late.refresh, signed_in.refresh_token) == "invalid_refresh"
        assert refusal(late.later(seconds=-1).refresh, signed_in.refresh_token) == ""

    def test_should_end_after_thirty_days_when_refreshed_all_the_time(self, people: People, account: Account) -> None:
        pair, clock = people.start(account), people
        for _ in range(5):
            clock = clock.later(days=6, minutes=-1)
            pair = clock.refresh(pair.refresh_token)
        assert pair.refresh_expires_at == people.now + dt.timedelta(days=30)
        assert refusal(people.later(days=30).refresh, pair.refresh_token) == "invalid_refresh"

    def test_should_let_one_of_eight_win_when_they_come_at_once(self, people: People) -> None:
        """A3."""
        account = people.register()
        first = people.start(account)
        with ThreadPoolExecutor(8) as pool:
            codes = sorted(pool.map(lambda _: refusal(people.refresh, first.refresh_token), range(8)))
        assert codes == [""] + ["refresh_reused"] * 7
        assert refusal(people.check, first.access.token) == "invalid_token"

    def test_should_spare_the_family_when_the_race_is_within_the_grace(self, people: People, account: Account) -> None:
        own = replace(people, settings=replace(people.settings, refresh_grace_seconds=10))
        first = own.start(account)
        with ThreadPoolExecutor(8) as pool:
            codes = sorted(pool.map(lambda _: refusal(own.refresh, first.refresh_token), range(8)))
        assert codes == [""] + ["refresh_race"] * 7
        assert refusal(own.check, first.access.token) == ""

    def test_should_end_the_family_when_the_grace_is_over(self, people: People, account: Account) -> None:
        own = replace(people, settings=replace(people.settings, refresh_grace_seconds=10))
        first = own.start(account)
        own.refresh(first.refresh_token)
        assert refusal(own.later(seconds=10).refresh, first.refresh_token) == "refresh_reused"


class TestEndOfSessions:
    def test_should_end_one_family_when_signing_out(self, people: People, account: Account) -> None:
        here, there = people.start(account), people.start(account)
        sign_out(people.engine, people.check(here.access.token), now=people.now)
        assert refusal(people.check, here.access.token) == "invalid_token"
        assert refusal(people.refresh, here.refresh_token) == "invalid_refresh"
        assert refusal(people.check, there.access.token) == ""

    def test_should_end_all_families_when_the_password_changes(self, people: People) -> None:
        account = people.register()
        pairs = [people.start(account) for _ in range(3)]
        session = people.check(pairs[0].access.token)
        new = Secret("another password")
        change_password(people.engine, session, old=PASSWORD, new=new, now=people.now)
        assert {refusal(people.check, pair.access.token) for pair in pairs} == {"invalid_token"}
        assert {refusal(people.refresh, pair.refresh_token) for pair in pairs} == {"invalid_refresh"}
        assert refusal(people.sign_in, account.email, PASSWORD) == "invalid_credentials"
        assert refusal(people.sign_in, account.email, new) == ""

    def test_should_end_all_families_when_switched_off_and_on(self, people: People) -> None:
        account = people.register()
        pair = people.start(account)
        for is_active in (False, True):
            set_active(people.engine, account.user_id, is_active, by=COMMAND, now=people.now)
            assert refusal(people.check, pair.access.token) == "invalid_token"
            assert refusal(people.refresh, pair.refresh_token) == "invalid_refresh"

    def test_should_end_all_families_when_an_admin_says_so(self, people: People) -> None:
        account = people.register()
        pairs = [people.start(account) for _ in range(2)]
        assert end_sessions(people.engine, account.user_id, by=COMMAND, now=people.now) == 2
        assert {refusal(people.check, pair.access.token) for pair in pairs} == {"invalid_token"}
        assert refusal(people.refresh, pairs[0].refresh_token) == "invalid_refresh"

    def test_should_go_on_by_refresh_only_when_the_role_changes(self, people: People) -> None:
        account = people.register()
        pair = people.start(account)
        change_role(people.engine, account.user_id, "teacher", by=COMMAND, now=people.now)
        assert refusal(people.check, pair.access.token) == "invalid_token"
        assert people.check(people.refresh(pair.refresh_token).access.token).account.role == "teacher"
