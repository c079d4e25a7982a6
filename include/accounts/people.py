"""People who may sign in: registered, found, listed, given roles, switched off."""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects.postgresql import insert

from include.accounts import audit
from include.accounts.actors import Actor
from include.accounts.families import DISABLED, end_families
from include.accounts.passwords import hash_password, require_password
from include.accounts.roles import ADMIN, STUDENT, require_role
from include.accounts.rows import COLUMNS, Account, account_from, change_account, read_account, require_account
from include.accounts.texts import LONGEST_PHONE, clean_email, clean_text, email_key_of, is_id, is_writable
from include.accounts.transactions import transaction, wait_in_line
from include.days import utc_now
from include.errors import InputError
from include.secret import Secret
from include.settings import AccountSettings
from include.state.tables import accounts

__all__ = [
    "Account",
    "AccountPage",
    "NewPerson",
    "change_role",
    "find_account",
    "find_by_email",
    "list_accounts",
    "register",
    "set_active",
]

logger = logging.getLogger(__name__)

ADMINS = "accounts:admins"  # whoever may take an admin away waits in this line


@dataclass(frozen=True)
class NewPerson:
    """Somebody who wants an account, as typed.

    Attributes:
        email: address.
        password: password.
        name: first name.
        surname: last name.
        phone: phone number, or None.
        role: the role asked for.
    """

    email: str
    password: Secret
    name: str = ""
    surname: str = ""
    phone: str | None = None
    role: str = STUDENT


@dataclass(frozen=True)
class AccountPage:
    """A part of a list of accounts.

    Attributes:
        items: the accounts, oldest first.
        total: how many the whole list has.
    """

    items: tuple[Account, ...]
    total: int


def register(
    engine: Engine, settings: AccountSettings, person: NewPerson, *, by: Actor, now: dt.datetime | None = None
) -> Account:
    """Make an account.

    Args:
        engine: the state engine.
        settings: whether anybody may register.
        person: who wants it.
        by: who asks.
        now: aware instant to use instead of the clock.

    Returns:
        The account.

    Raises:
        InputError: a field is unusable (``bad_email``, ``bad_password``, ``bad_text``, ``bad_role``), the role is not
            the caller's to give (``role_not_allowed``), registration is closed (``registration_closed``), or the
            address has an account (``email_taken``).
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    if require_role(person.role) != STUDENT:
        require_grantor(by)
    if not settings.is_registration_open and not by.may_grant:
        raise InputError("Registration is closed here; ask an admin for an account.", code="registration_closed")
    values = _values(person) | {"created_at": now or utc_now()}
    is_known = accounts.c.email_key == values["email_key"]
    with transaction(engine) as connection:
        if read_account(connection, is_known):
            raise _taken()
    values["password_hash"] = hash_password(person.password)  # outside of a transaction: it takes its time
    made = insert(accounts).values(values).on_conflict_do_nothing(index_elements=["email_key"])
    with transaction(engine) as connection:
        row = connection.execute(made.returning(*(accounts.c[name] for name in COLUMNS))).mappings().first()
        if row is None:
            raise _taken()
        account = account_from(row)
        details = {"role": account.role}
        audit.note(connection, audit.REGISTER, by=by, now=account.created_at, user_id=account.user_id, details=details)
    logger.info("account %s registered as %s", account.user_id, account.role)
    return account


def find_account(where: Engine | Connection, user_id: str) -> Account | None:
    """Find an account by its id.

    Args:
        where: the state engine, or an open connection.
        user_id: any text.

    Returns:
        The account, or None.
    """
    if not is_id(user_id):
        return None
    with transaction(where) as connection:
        return read_account(connection, accounts.c.user_id == user_id)


def find_by_email(where: Engine | Connection, email: str) -> Account | None:
    """Find an account by its address.

    Args:
        where: the state engine, or an open connection.
        email: the address in any case.

    Returns:
        The account, or None.

    Raises:
        InputError: not an address (code ``bad_email``).
    """
    key = email_key_of(clean_email(email))
    with transaction(where) as connection:
        return read_account(connection, accounts.c.email_key == key)


def list_accounts(
    where: Engine | Connection, *, email: str = "", role: str | None = None, limit: int = 100, offset: int = 0
) -> AccountPage:
    """List accounts.

    Args:
        where: the state engine, or an open connection.
        email: a part of the address in any case; empty for all.
        role: only this role.
        limit: most accounts.
        offset: how many to leave out from the start.

    Returns:
        The accounts, oldest first, and how many there are in all.

    Raises:
        InputError: no such role (code ``bad_role``).
    """
    if not is_writable(email):
        return AccountPage((), 0)  # no address can contain it, and PostgreSQL would refuse to look for it
    query = select(*(accounts.c[name] for name in COLUMNS))
    if role is not None:
        query = query.where(accounts.c.role == require_role(role))
    if email:
        query = query.where(accounts.c.email_key.contains(email_key_of(email.strip()), autoescape=True))
    page = query.order_by(accounts.c.created_at, accounts.c.user_id).limit(limit).offset(offset)
    with transaction(where) as connection:
        items = tuple(account_from(row) for row in connection.execute(page).mappings())
        total = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    return AccountPage(items, total)


def change_role(engine: Engine, user_id: str, role: str, *, by: Actor, now: dt.datetime | None = None) -> Account:
    """Give an account another role; its access tokens are dead from now on, its sessions go on.

    Args:
        engine: the state engine.
        user_id: the account.
        role: its new role.
        by: who asks.
        now: aware instant to use instead of the clock.

    Returns:
        The account as it is now.

    Raises:
        InputError: no such role or account (``bad_role``, ``account_unknown``), not the caller's to give
            (``role_not_allowed``), or it would leave no admin (``last_admin``).
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    require_grantor(by)
    wanted = require_role(role)
    with transaction(engine) as connection:
        wait_in_line(connection, ADMINS)
        account = require_account(connection, user_id)
        if account.role == wanted:
            return account
        _require_other_admin(connection, account)
        changed = change_account(connection, account, role=wanted)
        details = {"old": account.role, "new": wanted}
        audit.note(connection, audit.ROLE, by=by, now=now or utc_now(), user_id=user_id, details=details)
    logger.info("account %s is %s now, was %s", user_id, wanted, account.role)
    return changed


def set_active(engine: Engine, user_id: str, is_active: bool, *, by: Actor, now: dt.datetime | None = None) -> Account:
    """Switch an account off or on again; switching off ends all its sessions.

    Args:
        engine: the state engine.
        user_id: the account.
        is_active: whether it may sign in.
        by: who asks.
        now: aware instant to use instead of the clock.

    Returns:
        The account as it is now.

    Raises:
        InputError: no such account (``account_unknown``), not the caller's to decide (``role_not_allowed``), or it
            would leave no admin (``last_admin``).
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    require_grantor(by)
    moment = now or utc_now()
    with transaction(engine) as connection:
        wait_in_line(connection, ADMINS)
        account = require_account(connection, user_id)
        if account.is_active == is_active:
            return account
        if not is_active:
            _require_other_admin(connection, account)
            end_families(connection, user_id, DISABLED, now=moment)
        changed = change_account(connection, account, is_active=is_active)
        audit.note(connection, audit.ACTIVE, by=by, now=moment, user_id=user_id, details={"is_active": is_active})
    logger.info("account %s is %s now", user_id, "active" if is_active else "switched off")
    return changed


def require_grantor(by: Actor) -> None:
    """Refuse somebody who may not hand out roles.

    Args:
        by: who asks.

    Raises:
        InputError: code ``role_not_allowed``.
    """
    if not by.may_grant:
        raise InputError("Only an admin may give roles.", code="role_not_allowed", pointer="/role")


def _values(person: NewPerson) -> dict[str, object]:
    email = clean_email(person.email)
    require_password(person.password, email)
    phone = clean_text(person.phone or "", what="phone", pointer="/phone", longest=LONGEST_PHONE)
    return {
        "user_id": str(uuid.uuid4()),
        "email": email,
        "email_key": email_key_of(email),
        "name": clean_text(person.name, what="name", pointer="/name"),
        "surname": clean_text(person.surname, what="surname", pointer="/surname"),
        "phone": phone or None,
        "role": person.role,
    }


def _taken() -> InputError:
    return InputError("This email address has an account already; sign in.", code="email_taken", pointer="/email")


def _require_other_admin(connection: Connection, account: Account) -> None:
    if account.role != ADMIN or not account.is_active:
        return
    c = accounts.c
    others = select(func.count()).where(c.role == ADMIN, c.is_active, c.user_id != account.user_id)
    if connection.execute(others).scalar_one() == 0:
        raise InputError("This is the last active admin; make another one first.", code="last_admin")
