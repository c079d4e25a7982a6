"""Accounts as the rest of the product sees them: without the password, with or without a lock."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, select, update

from include.accounts.texts import is_id
from include.errors import InputError
from include.state.tables import accounts

COLUMNS = ("user_id", "email", "name", "surname", "phone", "role", "is_active", "epoch", "created_at")


@dataclass(frozen=True)
class Account:
    """A person who may sign in.

    Attributes:
        user_id: UUID.
        email: as typed, trimmed.
        name: first name; may be empty.
        surname: last name; may be empty.
        phone: phone number, or None.
        role: student, teacher or admin.
        is_active: False while it is switched off.
        epoch: tokens made under another epoch are dead.
        created_at: when it was registered, UTC.
    """

    user_id: str
    email: str
    name: str
    surname: str
    phone: str | None
    role: str
    is_active: bool
    epoch: int
    created_at: dt.datetime


def account_from(row: RowMapping) -> Account:
    """Take an account out of a row.

    Args:
        row: holds at least the columns of :data:`COLUMNS`.

    Returns:
        The account.
    """
    return Account(**{name: row[name] for name in COLUMNS})


def read_account(connection: Connection, condition: ColumnElement[bool], *, is_locked: bool = False) -> Account | None:
    """Read one account.

    Args:
        connection: open connection.
        condition: which.
        is_locked: keep the row from changing until the transaction ends.

    Returns:
        The account, or None.
    """
    query: Select[tuple[object, ...]] = select(*(accounts.c[name] for name in COLUMNS)).where(condition)
    row = connection.execute(query.with_for_update() if is_locked else query).mappings().first()
    return account_from(row) if row else None


def require_account(connection: Connection, user_id: str) -> Account:
    """Read one account and keep it from changing until the transaction ends.

    Args:
        connection: open transaction.
        user_id: the account.

    Returns:
        The account.

    Raises:
        InputError: there is none (code ``account_unknown``).
    """
    found = read_account(connection, accounts.c.user_id == user_id, is_locked=True) if is_id(user_id) else None
    if found is None:
        raise InputError("There is no such account.", code="account_unknown", pointer="/user_id")
    return found


def change_account(connection: Connection, account: Account, **values: object) -> Account:
    """Change an account in a way after which its access tokens are dead; the caller commits.

    Args:
        connection: open transaction that holds the row.
        account: the account.
        values: columns and their new values.

    Returns:
        The account as it is now.
    """
    statement = update(accounts).where(accounts.c.user_id == account.user_id)
    statement = statement.values(epoch=accounts.c.epoch + 1, **values)
    row = connection.execute(statement.returning(*(accounts.c[name] for name in COLUMNS))).mappings().one()
    return account_from(row)
