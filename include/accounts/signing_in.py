"""Signing in with a password, changing it, and ending all sessions of an account."""

from __future__ import annotations

import datetime as dt
import logging
from typing import NamedTuple

from sqlalchemy import Connection, Engine, select, update

from include.accounts import audit
from include.accounts.actors import Actor, account_name
from include.accounts.families import ENDED, PASSWORD, end_families
from include.accounts.limits import begin_attempt, forget_attempt
from include.accounts.passwords import hash_password, is_password, require_password, wants_new_hash
from include.accounts.people import require_grantor
from include.accounts.rows import Account, change_account, read_account, require_account
from include.accounts.texts import clean_email, email_key_of
from include.accounts.tokens import Session, SignedIn, open_session
from include.accounts.transactions import transaction
from include.days import utc_now
from include.errors import CredentialsRefused, InputError
from include.secret import Secret
from include.settings import AccountSettings
from include.state.tables import accounts

logger = logging.getLogger(__name__)


class _Attempt(NamedTuple):
    failure_id: int
    user_id: str | None
    password_hash: str | None


def sign_in(
    engine: Engine,
    settings: AccountSettings,
    key: Secret,
    *,
    email: str,
    password: Secret,
    address: str = "",
    now: dt.datetime | None = None,
) -> SignedIn:
    """Open a session with email and password.

    Args:
        engine: the state engine.
        settings: lives of the tokens.
        key: signs access tokens.
        email: as typed.
        password: as typed.
        address: network address of the caller.
        now: aware instant to use instead of the clock.

    Returns:
        The account and its tokens.

    Raises:
        CredentialsRefused: unknown address, wrong password or switched-off account, all alike and after equal work
            (code ``invalid_credentials``).
        TooManyRequests: more than 10 failures of the address or 50 of the network address in 15 minutes.
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    moment = now or utc_now()
    attempt = _begin(engine, _key_of(email), address, moment)
    account = None
    if is_password(password, attempt.password_hash) and attempt.password_hash:
        fresh = hash_password(password) if wants_new_hash(attempt.password_hash) else attempt.password_hash
        with transaction(engine) as connection:
            account = _verified(connection, attempt)
            if account is not None:
                _keep_hash(connection, account, attempt.password_hash, fresh)
                forget_attempt(connection, attempt.failure_id)
                by = Actor(account_name(account.user_id), address=address)
                audit.note(connection, audit.LOGIN, by=by, now=moment, user_id=account.user_id)
                return open_session(connection, settings, key, account, now=moment)
    raise _failed(engine, attempt, address, moment)


def start_session(
    engine: Engine, settings: AccountSettings, key: Secret, account: Account, *, now: dt.datetime | None = None
) -> SignedIn:
    """Open the first session of an account that has just been registered.

    Args:
        engine: the state engine.
        settings: lives of the tokens.
        key: signs access tokens.
        account: the account.
        now: aware instant to use instead of the clock.

    Returns:
        The account and its tokens.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    with transaction(engine) as connection:
        return open_session(connection, settings, key, account, now=now or utc_now())


def change_password(
    engine: Engine, session: Session, *, old: Secret, new: Secret, address: str = "", now: dt.datetime | None = None
) -> None:
    """Give somebody who is signed in another password; all sessions of the account end.

    Args:
        engine: the state engine.
        session: who is signed in.
        old: the password so far, as typed.
        new: the new password, as typed.
        address: network address of the caller.
        now: aware instant to use instead of the clock.

    Raises:
        CredentialsRefused: the old password is wrong (code ``invalid_credentials``).
        InputError: the new one cannot be taken (code ``bad_password``).
        TooManyRequests: too many wrong passwords in 15 minutes.
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    moment, email = now or utc_now(), session.account.email
    require_password(new, email, pointer="/new")
    attempt = _begin(engine, email_key_of(email), address, moment)
    if is_password(old, attempt.password_hash):
        stored = hash_password(new)
        with transaction(engine) as connection:
            account = _verified(connection, attempt)
            if account is not None:
                forget_attempt(connection, attempt.failure_id)
                _replace(connection, account, stored, by=Actor(session.actor_name, address=address), now=moment)
                return
    raise _failed(engine, attempt, address, moment)


def reset_password(engine: Engine, user_id: str, new: Secret, *, by: Actor, now: dt.datetime | None = None) -> Account:
    """Give an account another password without knowing the old one; all its sessions end.

    Args:
        engine: the state engine.
        user_id: the account.
        new: the new password, as typed.
        by: who asks; somebody who may hand out roles.
        now: aware instant to use instead of the clock.

    Returns:
        The account.

    Raises:
        InputError: no such account (``account_unknown``), an unusable password (``bad_password``), or not the
            caller's to decide (``role_not_allowed``).
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    require_grantor(by)
    with transaction(engine) as connection:
        email = require_account(connection, user_id).email
    stored = hash_password(require_password(new, email))
    with transaction(engine) as connection:
        account = require_account(connection, user_id)
        return _replace(connection, account, stored, by=by, now=now or utc_now())


def end_sessions(engine: Engine, user_id: str, *, by: Actor, now: dt.datetime | None = None) -> int:
    """End all sessions of an account; its password stays.

    Args:
        engine: the state engine.
        user_id: the account.
        by: who asks; somebody who may hand out roles.
        now: aware instant to use instead of the clock.

    Returns:
        How many sessions were open.

    Raises:
        InputError: no such account (``account_unknown``), or not the caller's to decide (``role_not_allowed``).
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    require_grantor(by)
    moment = now or utc_now()
    with transaction(engine) as connection:
        account = change_account(connection, require_account(connection, user_id))
        count = end_families(connection, account.user_id, ENDED, now=moment)
        audit.note(connection, audit.SESSIONS_ENDED, by=by, now=moment, user_id=user_id, details={"count": count})
    return count


def _key_of(email: str) -> str:
    try:
        return email_key_of(clean_email(email))
    except InputError:
        return ""  # no account can have it: refused like any unknown address


def _begin(engine: Engine, email_key: str, address: str, now: dt.datetime) -> _Attempt:
    c = accounts.c
    with transaction(engine) as connection:
        failure_id = begin_attempt(connection, email_key, address, now=now)
        found = connection.execute(select(c.user_id, c.password_hash).where(c.email_key == email_key)).first()
    return _Attempt(failure_id, found.user_id, found.password_hash) if found else _Attempt(failure_id, None, None)


def _verified(connection: Connection, attempt: _Attempt) -> Account | None:
    # The password may have been changed, or the account switched off, while the hash was computed.
    c = accounts.c
    is_same = (c.user_id == attempt.user_id) & (c.password_hash == attempt.password_hash) & c.is_active
    return read_account(connection, is_same, is_locked=True)


def _keep_hash(connection: Connection, account: Account, known: str, fresh: str) -> None:
    if fresh != known:
        statement = update(accounts).where(accounts.c.user_id == account.user_id)
        connection.execute(statement.values(password_hash=fresh))


def _replace(connection: Connection, account: Account, stored: str, *, by: Actor, now: dt.datetime) -> Account:
    changed = change_account(connection, account, password_hash=stored)
    count = end_families(connection, account.user_id, PASSWORD, now=now)
    audit.note(connection, audit.PASSWORD, by=by, now=now, user_id=account.user_id, details={"sessions": count})
    return changed


def _failed(engine: Engine, attempt: _Attempt, address: str, now: dt.datetime) -> CredentialsRefused:
    with transaction(engine) as connection:
        by = Actor(address=address)
        audit.note(connection, audit.LOGIN_FAILED, by=by, now=now, user_id=attempt.user_id)
    logger.info("a password was refused, account %s", attempt.user_id or "unknown")
    return CredentialsRefused("Email or password is wrong.", code="invalid_credentials")
