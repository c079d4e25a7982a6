"""Families of tokens: one per sign-in, made and ended as a whole."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
import uuid
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, insert, update

from include.secret import Secret
from include.settings import AccountSettings
from include.state.tables import refresh_tokens, token_families

FAMILY_LIFE = dt.timedelta(days=30)  # after this one signs in again, however often the tokens were refreshed
TOKEN_BYTES = 32
TOKEN_FORM = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
LOGOUT, REUSE, PASSWORD, DISABLED, ENDED = "logout", "reuse", "password", "disabled", "ended"


@dataclass(frozen=True)
class Family:
    """One sign-in and the tokens that came of it.

    Attributes:
        family_id: UUID.
        user_id: whose.
        ends_at: no token of it lives longer, UTC.
        revoked_at: when it was ended early, UTC; None when it was not.
    """

    family_id: str
    user_id: str
    ends_at: dt.datetime
    revoked_at: dt.datetime | None

    def is_live(self, now: dt.datetime) -> bool:
        """Whether its tokens are taken.

        Args:
            now: aware instant.

        Returns:
            False when it was revoked or has ended.
        """
        return self.revoked_at is None and now < self.ends_at


def family_from(row: RowMapping) -> Family:
    """Take a family out of a row.

    Args:
        row: holds at least the columns of a :class:`Family`.

    Returns:
        The family.
    """
    return Family(row["family_id"], row["user_id"], row["ends_at"], row["revoked_at"])


def start_family(connection: Connection, user_id: str, *, now: dt.datetime) -> Family:
    """Begin a family; the caller commits.

    Args:
        connection: open transaction.
        user_id: whose.
        now: aware instant.

    Returns:
        The family.
    """
    family = Family(str(uuid.uuid4()), user_id, now + FAMILY_LIFE, None)
    connection.execute(insert(token_families).values(**vars(family), created_at=now))
    return family


def add_refresh_token(
    connection: Connection, settings: AccountSettings, family: Family, *, now: dt.datetime
) -> tuple[Secret, dt.datetime]:
    """Give a family its next refresh token; the caller commits.

    Args:
        connection: open transaction.
        settings: how long it lives.
        family: the family.
        now: aware instant.

    Returns:
        The token, stored only as a digest, and when it expires.
    """
    token = Secret(secrets.token_urlsafe(TOKEN_BYTES))
    expires_at = min(now + dt.timedelta(minutes=settings.refresh_minutes), family.ends_at)
    row = {
        "token_sha256": digest_of(token),
        "family_id": family.family_id,
        "created_at": now,
        "expires_at": expires_at,
    }
    connection.execute(insert(refresh_tokens).values(row))
    return token, expires_at


def end_family(connection: Connection, family_id: str, cause: str, *, now: dt.datetime) -> bool:
    """Revoke one family; the caller commits.

    Args:
        connection: open transaction.
        family_id: the family.
        cause: one of this module's names.
        now: aware instant.

    Returns:
        False when it was revoked before.
    """
    c = token_families.c
    statement = update(token_families).where(c.family_id == family_id, c.revoked_at.is_(None))
    return connection.execute(statement.values(revoked_at=now, revoked_cause=cause)).rowcount > 0


def end_families(connection: Connection, user_id: str, cause: str, *, now: dt.datetime) -> int:
    """Revoke all families of an account; the caller commits.

    Args:
        connection: open transaction.
        user_id: the account.
        cause: one of this module's names.
        now: aware instant.

    Returns:
        How many.
    """
    c = token_families.c
    statement = update(token_families).where(c.user_id == user_id, c.revoked_at.is_(None), c.ends_at > now)
    return connection.execute(statement.values(revoked_at=now, revoked_cause=cause)).rowcount


def has_token_form(presented: Secret) -> bool:
    """Whether a text can be a refresh token at all.

    Args:
        presented: any text.

    Returns:
        False for texts that were never given out.
    """
    return TOKEN_FORM.fullmatch(presented.value) is not None


def digest_of(token: Secret) -> bytes:
    """What is stored of a refresh token.

    Args:
        token: the token.

    Returns:
        32 bytes; SHA-256 suffices since the token is random and long.
    """
    return hashlib.sha256(token.value.encode("utf-8", "surrogatepass")).digest()
