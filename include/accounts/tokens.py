"""Sessions: an access token that is checked on each request, and a refresh token that works once."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, select, update

from include.accounts import audit
from include.accounts.access import AccessToken, make_access_token, read_access_token, refused
from include.accounts.actors import Actor, account_name
from include.accounts.families import (
    LOGOUT,
    REUSE,
    Family,
    add_refresh_token,
    digest_of,
    end_family,
    family_from,
    has_token_form,
    start_family,
)
from include.accounts.rows import COLUMNS, Account, account_from
from include.accounts.transactions import transaction
from include.days import utc_now
from include.errors import CredentialsRefused, InputError
from include.secret import Secret
from include.settings import AccountSettings
from include.state.engine import reachable
from include.state.tables import accounts, refresh_tokens, token_families

logger = logging.getLogger(__name__)

FAMILY_COLUMNS = tuple(token_families.c[name] for name in ("family_id", "ends_at", "revoked_at"))
ACCOUNT_COLUMNS = tuple(accounts.c[name] for name in COLUMNS)


@dataclass(frozen=True)
class Session:
    """Somebody who is signed in.

    Attributes:
        account: who, as the row says now.
        family: the sign-in.
    """

    account: Account
    family: Family

    @property
    def actor_name(self) -> str:
        """How the account is named as an actor."""
        return account_name(self.account.user_id)


@dataclass(frozen=True)
class SignedIn:
    """What somebody gets who signs in or refreshes.

    Attributes:
        account: who.
        access: the access token.
        refresh_token: works once.
        refresh_expires_at: until when, UTC.
    """

    account: Account
    access: AccessToken
    refresh_token: Secret
    refresh_expires_at: dt.datetime


def open_session(
    connection: Connection, settings: AccountSettings, key: Secret, account: Account, *, now: dt.datetime
) -> SignedIn:
    """Begin a session; the caller has checked the account and commits.

    Args:
        connection: open transaction.
        settings: lives of the tokens.
        key: signs access tokens.
        account: who.
        now: aware instant.

    Returns:
        Both tokens.
    """
    return _pair(connection, settings, key, account, start_family(connection, account.user_id, now=now), now)


def check_access(
    engine: Engine, settings: AccountSettings, key: Secret, presented: Secret, *, now: dt.datetime | None = None
) -> Session:
    """Check an access token against the account and the sign-in as they are now.

    Args:
        engine: the state engine.
        settings: the one algorithm that is taken.
        key: signed it.
        presented: the JWT as sent.
        now: aware instant to use instead of the clock.

    Returns:
        Who it is.

    Raises:
        CredentialsRefused: the token does not count or no longer counts (code ``invalid_token``).
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    moment = now or utc_now()
    claims = read_access_token(settings, key, presented, now=moment)
    query = select(*ACCOUNT_COLUMNS, *FAMILY_COLUMNS).join_from(token_families, accounts)
    query = query.where(token_families.c.family_id == claims.family_id, accounts.c.user_id == claims.user_id)
    with reachable(engine), engine.connect() as connection:
        row = connection.execute(query).mappings().first()
    session = Session(account_from(row), family_from(row)) if row else None
    if session is None or not session.account.is_active or session.account.epoch != claims.epoch:
        raise refused()
    if not session.family.is_live(moment):
        raise refused()
    return session


def refresh(
    engine: Engine,
    settings: AccountSettings,
    key: Secret,
    presented: Secret,
    *,
    address: str = "",
    now: dt.datetime | None = None,
) -> SignedIn:
    """Exchange a refresh token for a new pair; a token that was used before ends its whole family.

    Args:
        engine: the state engine.
        settings: lives of the tokens, and the grace for races.
        key: signs access tokens.
        presented: the refresh token as sent.
        address: network address of the caller.
        now: aware instant to use instead of the clock.

    Returns:
        The account and its new pair.

    Raises:
        CredentialsRefused: unknown, malformed or expired (code ``invalid_refresh``, nothing changes), or used before
            (code ``refresh_reused``, the family is revoked).
        InputError: used before within the grace (code ``refresh_race``, nothing changes).
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    if not has_token_form(presented):
        raise _invalid()
    moment = now or utc_now()
    with transaction(engine) as connection:
        outcome = _exchange(connection, settings, key, presented, moment, address)
    if isinstance(outcome, InputError):  # raised after the commit, so that a revoked family stays revoked
        raise outcome
    return outcome


def renew_access(
    settings: AccountSettings, key: Secret, session: Session, *, now: dt.datetime | None = None
) -> AccessToken:
    """Give a session another access token, without touching its refresh token.

    Args:
        settings: algorithm and life.
        key: signs.
        session: who is signed in.
        now: aware instant to use instead of the clock.

    Returns:
        A token of the same family, which never outlives it.
    """
    return make_access_token(settings, key, session.account, session.family, now=now or utc_now())


def sign_out(engine: Engine, session: Session, *, address: str = "", now: dt.datetime | None = None) -> None:
    """End a session: its refresh token and all its access tokens are dead.

    Args:
        engine: the state engine.
        session: who is signed in.
        address: network address of the caller.
        now: aware instant to use instead of the clock.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    moment, user_id = now or utc_now(), session.account.user_id
    with transaction(engine) as connection:
        if end_family(connection, session.family.family_id, LOGOUT, now=moment):
            by = Actor(session.actor_name, address=address)
            audit.note(connection, audit.LOGOUT, by=by, now=moment, user_id=user_id)


def _exchange(
    connection: Connection,
    settings: AccountSettings,
    key: Secret,
    presented: Secret,
    now: dt.datetime,
    address: str,
) -> SignedIn | InputError:
    found = _locked_family(connection, presented)
    if found is None:
        return _invalid()
    account, family = account_from(found), family_from(found)
    by = Actor(account_name(account.user_id), address=address)
    c = refresh_tokens.c
    token = connection.execute(select(c.used_at, c.expires_at).where(c.token_sha256 == digest_of(presented))).one()
    if token.used_at is not None:
        return _used_before(connection, settings, family, token.used_at, now, by)
    if not family.is_live(now) or not account.is_active or token.expires_at <= now:
        return _invalid()
    spent = update(refresh_tokens).where(c.token_sha256 == digest_of(presented), c.used_at.is_(None))
    if connection.execute(spent.values(used_at=now)).rowcount != 1:
        return _invalid()
    audit.note(connection, audit.REFRESH, by=by, now=now, user_id=account.user_id)
    return _pair(connection, settings, key, account, family, now)


def _locked_family(connection: Connection, presented: Secret) -> RowMapping | None:
    # All that happens to a family goes through its lock, so of two equal refreshes the second sees the first.
    family_id = select(refresh_tokens.c.family_id).where(refresh_tokens.c.token_sha256 == digest_of(presented))
    query = select(*ACCOUNT_COLUMNS, *FAMILY_COLUMNS).join_from(token_families, accounts)
    query = query.where(token_families.c.family_id == family_id.scalar_subquery())
    return connection.execute(query.with_for_update(of=token_families)).mappings().first()


def _used_before(
    connection: Connection,
    settings: AccountSettings,
    family: Family,
    used_at: dt.datetime,
    now: dt.datetime,
    by: Actor,
) -> InputError:
    if now >= family.ends_at:
        return _invalid()
    grace = dt.timedelta(seconds=settings.refresh_grace_seconds)
    if family.revoked_at is None and now - used_at < grace:
        return InputError("Another request has just used this refresh token; use its answer.", code="refresh_race")
    if end_family(connection, family.family_id, REUSE, now=now):
        audit.note(connection, audit.REFRESH_REUSE, by=by, now=now, user_id=family.user_id)
        logger.warning("a spent refresh token of account %s came again; its session is over", family.user_id)
    return CredentialsRefused("This refresh token was used before; sign in again.", code="refresh_reused")


def _pair(
    connection: Connection, settings: AccountSettings, key: Secret, account: Account, family: Family, now: dt.datetime
) -> SignedIn:
    token, expires_at = add_refresh_token(connection, settings, family, now=now)
    return SignedIn(account, make_access_token(settings, key, account, family, now=now), token, expires_at)


def _invalid() -> CredentialsRefused:
    return CredentialsRefused("The refresh token is not valid; sign in again.", code="invalid_refresh")
