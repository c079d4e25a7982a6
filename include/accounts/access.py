"""Access tokens: short-lived JWTs that say who and which sign-in, never what one may do."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

import jwt

from include.accounts.families import Family
from include.accounts.rows import Account
from include.accounts.texts import is_id
from include.errors import CredentialsRefused
from include.secret import Secret
from include.settings import AccountSettings

ISSUER, AUDIENCE = "counterflow", "counterflow-api"
CLAIMS = ("iss", "aud", "sub", "sid", "jti", "epoch", "iat", "exp")


@dataclass(frozen=True)
class AccessToken:
    """An access token.

    Attributes:
        token: the JWT.
        expires_in: whole seconds it lives.
    """

    token: Secret
    expires_in: int


@dataclass(frozen=True)
class Claims:
    """What a genuine, unexpired access token says; whether it still counts is decided by the rows.

    Attributes:
        user_id: whose.
        family_id: which sign-in.
        epoch: the account's epoch when it was made.
    """

    user_id: str
    family_id: str
    epoch: int


def make_access_token(
    settings: AccountSettings, key: Secret, account: Account, family: Family, *, now: dt.datetime
) -> AccessToken:
    """Sign an access token; it never lives longer than its family.

    Args:
        settings: algorithm and life.
        key: signs.
        account: whose.
        family: the sign-in.
        now: aware instant.

    Returns:
        The token.
    """
    issued = int(now.timestamp())
    life = min(dt.timedelta(minutes=settings.access_minutes), family.ends_at - now)
    lives_seconds = max(0, int(life.total_seconds()))
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": account.user_id,
        "sid": family.family_id,
        "jti": str(uuid.uuid4()),
        "epoch": account.epoch,
        "iat": issued,
        "exp": issued + lives_seconds,
    }
    return AccessToken(Secret(jwt.encode(claims, key.value, algorithm=settings.algorithm)), lives_seconds)


def read_access_token(settings: AccountSettings, key: Secret, presented: Secret, *, now: dt.datetime) -> Claims:
    """Check signature, issuer, audience and expiry of an access token.

    Args:
        settings: the one algorithm that is taken.
        key: signed it.
        presented: the JWT as sent.
        now: aware instant.

    Returns:
        What it says.

    Raises:
        CredentialsRefused: not ours, changed, or expired (code ``invalid_token``).
    """
    try:
        claims = jwt.decode(
            presented.value,
            key.value,
            algorithms=[settings.algorithm],
            issuer=ISSUER,
            audience=AUDIENCE,
            # Expiry is judged below by the caller's clock; tokens of a machine whose clock is ahead are fine.
            options={"require": list(CLAIMS), "verify_exp": False, "verify_iat": False},
        )
    except (jwt.InvalidTokenError, ValueError, UnicodeError):
        raise refused() from None
    return _checked(claims, now)


def refused() -> CredentialsRefused:
    """The one answer to every access token that is not taken.

    Returns:
        An error to raise.
    """
    return CredentialsRefused("The access token is not valid; sign in again.", code="invalid_token")


def _checked(claims: dict[str, Any], now: dt.datetime) -> Claims:
    expires, epoch, user_id, family_id = (claims[name] for name in ("exp", "epoch", "sub", "sid"))
    is_whole = all(isinstance(value, int) and not isinstance(value, bool) for value in (expires, epoch))
    if not is_whole or now.timestamp() >= expires or not is_id(user_id) or not is_id(family_id):
        raise refused()
    return Claims(user_id, family_id, epoch)
