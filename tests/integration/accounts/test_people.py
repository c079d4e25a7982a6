"""Registering, roles, and the admin who must stay."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, text, update

from include.accounts.actors import COMMAND, Actor
from include.accounts.people import change_role, find_account, find_by_email, list_accounts, set_active
from include.accounts.signing_in import end_sessions, reset_password
from include.secret import Secret
from include.state.tables import accounts
from tests.account_days import NOW, PASSWORD, People, new_email, refusal

NOBODY = Actor()
STUDENT_ACTOR = Actor(f"account:{uuid.uuid4()}")


@pytest.fixture(scope="module")
def cheap(state: Engine) -> People:
    """Somebody is there, so that accounts can be copied without hashing again."""
    people = People(state)
    people.register(email="first@email.com")
    return people


def copy(people: People, role: str = "student", host: str = "copy") -> str:
    """Another account with the password of the first; no hash is computed."""
    user_id = str(uuid.uuid4())
    statement = text(
        "INSERT INTO accounts (user_id, email, email_key, role, password_hash, created_at) "
        "SELECT :id, :email, :email, :role, password_hash, created_at FROM accounts "
        "WHERE email_key = 'first@email.com'"
    )
    with people.engine.begin() as connection:
        connection.execute(statement, {"id": user_id, "email": f"{user_id}@{host}", "role": role})
    return user_id


def role_of(people: People, user_id: str) -> str:
    found = find_account(people.engine, user_id)
    assert found is not None
    return found.role


class TestRegister:
    def test_should_make_a_student_when_nobody_asks_for_more(self, people: People) -> None:
        email = f" {new_email().title()} "
        account = people.register(email=email, name=" John ", surname="James", phone=" ")
        assert (account.email, account.name, account.phone, account.role) == (email.strip(), "John", None, "student")
        assert find_account(people.engine, account.user_id) == account
        assert find_by_email(people.engine, email.upper()) == account

    @pytest.mark.parametrize("again", ["ANNA@email.com", "anna@EMAIL.com ", "Anna@email.com"])
    def test_should_refuse_an_address_when_it_is_the_same(self, cheap: People, again: str) -> None:
        refusal(cheap.register, email="anna@email.com")
        assert refusal(cheap.register, email=again) == "email_taken"

    @pytest.mark.parametrize(
        ("one", "other"), [("é@email.com", "e\u0301@email.com"), ("Straße@e.com", "STRASSE@e.com")]
    )
    def test_should_see_one_address_when_written_in_two_ways(self, cheap: People, one: str, other: str) -> None:
        cheap.register(email=one)
        assert refusal(cheap.register, email=other) == "email_taken"

    def test_should_make_one_account_when_asked_by_eight_at_once(self, people: People) -> None:
        email = new_email()
        with ThreadPoolExecutor(8) as pool:
            codes = sorted(pool.map(lambda _: refusal(people.register, email=email), range(8)))
        assert codes == [""] + ["email_taken"] * 7

    @pytest.mark.parametrize(
        ("fields", "code"),
        [({"email": ""}, "bad_email"), ({"email": "x" * 250 + "@e.com"}, "bad_email"),
         ({"email": "a\0@e.com"}, "bad_email"),
         ({"password": Secret("12345")}, "bad_password"), ({"password": Secret("x" * 129)}, "bad_password"),
         ({"email": "someone@e.com", "password": Secret("SomeOne@E.com")}, "bad_password"),
         ({"name": "x" * 101}, "bad_text"), ({"surname": "a\nb"}, "bad_text"), ({"phone": "1" * 33}, "bad_text"),
         ({"name": "\ud800"}, "bad_text"), ({"role": "root"}, "bad_role"), ({"role": ""}, "bad_role")],
    )  # fmt: skip
    def test_should_refuse_a_field_when_unusable(self, people: People, fields: dict[str, Any], code: str) -> None:
        assert refusal(people.register, **fields) == code

    def test_should_take_any_letters_when_they_make_a_password(self, people: People) -> None:
        email, password = new_email(), Secret("пароль 🔑 \ud800")
        people.register(email=email, password=password)
        assert people.sign_in(email, password).account.email == email

    def test_should_be_for_grantors_only_when_registration_is_closed(self, people: People) -> None:
        closed = replace(people, settings=replace(people.settings, is_registration_open=False))
        assert refusal(closed.register, by=NOBODY) == "registration_closed"
        assert closed.register(by=COMMAND).role == "student"


class TestEscalation:
    @pytest.mark.parametrize("role", ["teacher", "admin"])
    @pytest.mark.parametrize("actor", [NOBODY, STUDENT_ACTOR])
    def test_should_create_nothing_when_a_role_is_asked_without_the_right(
        self, people: People, role: str, actor: Actor
    ) -> None:
        email = new_email()
        assert refusal(people.register, email=email, role=role, by=actor) == "role_not_allowed"
        assert find_by_email(people.engine, email) is None

    @pytest.mark.parametrize("role", ["teacher", "admin"])
    def test_should_give_the_role_when_a_grantor_registers(self, people: People, role: str) -> None:
        assert people.register(role=role, by=Actor("airflow:ops", may_grant=True)).role == role

    def test_should_change_nothing_when_done_without_the_right(self, cheap: People) -> None:
        user_id, engine = copy(cheap), cheap.engine
        codes = {
            refusal(change_role, engine, user_id, "admin", by=STUDENT_ACTOR),
            refusal(set_active, engine, user_id, False, by=STUDENT_ACTOR),
            refusal(reset_password, engine, user_id, PASSWORD, by=NOBODY),
            refusal(end_sessions, engine, user_id, by=NOBODY),
        }
        assert codes == {"role_not_allowed"}
        assert role_of(cheap, user_id) == "student"

    def test_should_kill_the_token_when_its_admin_was_demoted(self, cheap: People) -> None:
        copy(cheap, "admin")
        found = find_account(cheap.engine, copy(cheap, "admin"))
        assert found is not None
        token = cheap.start(found).access.token
        assert cheap.check(token).account.role == "admin"
        change_role(cheap.engine, found.user_id, "student", by=COMMAND)
        assert refusal(cheap.check, token) == "invalid_token"

    def test_should_see_the_role_of_now_when_a_token_is_older(self, cheap: People) -> None:
        user_id = copy(cheap, "teacher")
        found = find_account(cheap.engine, user_id)
        assert found is not None
        token = cheap.start(found).access.token
        with cheap.engine.begin() as connection:  # a role that changed without the epoch, as by hand
            connection.execute(update(accounts).where(accounts.c.user_id == user_id).values(role="student"))
        assert cheap.check(token).account.role == "student"


class TestChanges:
    def test_should_change_nothing_when_it_was_so_before(self, cheap: People) -> None:
        user_id = copy(cheap, "teacher")
        before = find_account(cheap.engine, user_id)
        assert change_role(cheap.engine, user_id, "teacher", by=COMMAND) == before
        assert set_active(cheap.engine, user_id, True, by=COMMAND) == before
        assert cheap.audit(user_id) == []

    def test_should_note_who_did_it_when_a_role_changes(self, cheap: People) -> None:
        user_id = copy(cheap)
        change_role(cheap.engine, user_id, "teacher", by=COMMAND, now=NOW)
        set_active(cheap.engine, user_id, False, by=COMMAND, now=NOW)
        assert cheap.audit(user_id) == ["role", "active"]

    @pytest.mark.parametrize("user_id", ["nobody", "", "\0", "00000000-0000-4000-8000-000000000001"])
    def test_should_say_so_when_the_account_is_unknown(self, cheap: People, user_id: str) -> None:
        assert find_account(cheap.engine, user_id) is None
        assert refusal(change_role, cheap.engine, user_id, "teacher", by=COMMAND) == "account_unknown"
        assert refusal(set_active, cheap.engine, user_id, False, by=COMMAND) == "account_unknown"


class TestLastAdmin:
    @pytest.fixture
    def admins(self, cheap: People) -> list[str]:
        """Two admins, and nobody else is one."""
        with cheap.engine.begin() as connection:
            connection.execute(update(accounts).values(role="student"))
        return [copy(cheap, "admin") for _ in range(2)]

    def test_should_stay_when_the_others_are_gone(self, cheap: People, admins: list[str]) -> None:
        change_role(cheap.engine, admins[0], "teacher", by=COMMAND)
        assert refusal(change_role, cheap.engine, admins[1], "student", by=COMMAND) == "last_admin"
        assert refusal(set_active, cheap.engine, admins[1], False, by=COMMAND) == "last_admin"
        assert role_of(cheap, admins[1]) == "admin"

    def test_should_not_count_an_admin_when_switched_off(self, cheap: People, admins: list[str]) -> None:
        set_active(cheap.engine, admins[0], False, by=COMMAND)
        assert refusal(change_role, cheap.engine, admins[1], "student", by=COMMAND) == "last_admin"
        assert change_role(cheap.engine, admins[0], "student", by=COMMAND).role == "student"

    @pytest.mark.parametrize("attempt", range(5))
    def test_should_leave_one_when_both_are_taken_away_at_once(
        self, cheap: People, admins: list[str], attempt: int
    ) -> None:
        def take_away(user_id: str) -> str:
            if attempt % 2:
                return refusal(set_active, cheap.engine, user_id, False, by=COMMAND)
            return refusal(change_role, cheap.engine, user_id, "student", by=COMMAND)

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(take_away, admins)) == ["", "last_admin"]


class TestListAccounts:
    def test_should_cut_pages_without_gaps_when_times_are_equal(self, cheap: People) -> None:
        made = sorted(copy(cheap, host="listed") for _ in range(5))
        pages = [list_accounts(cheap.engine, email="@LISTED", limit=2, offset=offset) for offset in (0, 2, 4)]
        assert [account.user_id for page in pages for account in page.items] == made
        assert {page.total for page in pages} == {5}

    @pytest.mark.parametrize("email", ["\0", "\ud800", "a\nb"])
    def test_should_find_nobody_when_no_address_can_hold_it(self, cheap: People, email: str) -> None:
        assert list_accounts(cheap.engine, email=email).total == 0
