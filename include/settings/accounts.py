"""Settings of people who sign in: how tokens are signed and how long they live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from include.errors import ConfigError
from include.secret import Secret
from include.settings.reading import flag, number

ALGORITHMS = ("HS256", "HS384", "HS512")
SHORTEST_KEY_BYTES = 32
SAMPLE_KEYS = frozenset({"change-me-change-me-change-me-change-me"})  # what .env.example shows


@dataclass(frozen=True)
class AccountSettings:
    """How people sign in.

    Attributes:
        secret_key: signs access tokens; None when not given, then this machine keeps one of its own.
        algorithm: HS256, HS384 or HS512.
        access_minutes: life of an access token.
        refresh_minutes: life of a refresh token.
        refresh_grace_seconds: how long a spent refresh token is taken for a race instead of a theft.
        refresh_cleanup_seconds: how long expired tokens are kept before housekeeping deletes them.
        is_registration_open: anybody may register as a student.
    """

    secret_key: Secret | None = None
    algorithm: str = "HS256"
    access_minutes: float = 30.0
    refresh_minutes: float = 10_080.0
    refresh_grace_seconds: float = 0.0
    refresh_cleanup_seconds: float = 3_600.0
    is_registration_open: bool = True


def accounts_from(env: Mapping[str, str]) -> AccountSettings:
    """Read the settings of accounts.

    Args:
        env: names and values.

    Returns:
        The settings.

    Raises:
        ConfigError: a value cannot be used; the message names the setting.
    """
    algorithm = env.get("JWT_ALGORITHM") or "HS256"
    if algorithm not in ALGORITHMS:
        raise ConfigError(f"JWT_ALGORITHM is {algorithm!r}; use {', '.join(ALGORITHMS)}.")
    return AccountSettings(
        secret_key=_secret_key(env.get("SECRET_KEY") or ""),
        algorithm=algorithm,
        access_minutes=number(env, "ACCESS_TOKEN_EXPIRE_MINUTES", 30, 0.1, 1440),
        refresh_minutes=number(env, "REFRESH_TOKEN_EXPIRE_MINUTES", 10_080, 1, 43_200),
        refresh_grace_seconds=number(env, "AUTH_REFRESH_GRACE_SECONDS", 0, 0, 300),
        refresh_cleanup_seconds=number(env, "REFRESH_CLEANUP_INTERVAL_SECONDS", 3600, 0, 30 * 86400),
        is_registration_open=flag(env, "AUTH_OPEN_REGISTRATION", default=True),
    )


def _secret_key(text: str) -> Secret | None:
    if not text:
        return None
    if text in SAMPLE_KEYS or len(text.encode()) < SHORTEST_KEY_BYTES:
        raise ConfigError(
            f"SECRET_KEY must be at least {SHORTEST_KEY_BYTES} random bytes and not the sample value; "
            "make one with: openssl rand -hex 32"
        )
    return Secret(text)
