"""Passwords: which are taken, and their argon2id hashes."""

from __future__ import annotations

import base64
import os
import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from include.accounts.texts import email_key_of
from include.errors import InputError
from include.secret import Secret

SHORTEST, LONGEST = 8, 128  # characters
_hasher = PasswordHasher()
# One hash takes 64 MiB and a core; without a limit a burst of sign-ins would take gigabytes.
_turns = threading.BoundedSemaphore(os.cpu_count() or 1)


def require_password(password: Secret, email: str, *, pointer: str = "/password") -> Secret:
    """Refuse a password that is too short, too long, or the email address itself.

    Args:
        password: as typed.
        email: the account's clean address.
        pointer: JSON pointer of the password.

    Returns:
        The password.

    Raises:
        InputError: code ``bad_password``.
    """
    if not SHORTEST <= len(password.value) <= LONGEST:
        raise InputError(
            f"A password has {SHORTEST} to {LONGEST} characters; choose another.", code="bad_password", pointer=pointer
        )
    if email_key_of(password.value.strip()) == email_key_of(email):
        raise InputError("The password must not be the email address.", code="bad_password", pointer=pointer)
    return password


def hash_password(password: Secret) -> str:
    """Hash a password with a salt of its own.

    Args:
        password: as typed.

    Returns:
        An argon2id hash with its parameters.
    """
    with _turns:
        return _hasher.hash(_bytes(password))


def is_password(password: Secret, stored: str | None) -> bool:
    """Compare a password with a hash; without one an equal amount of work is done.

    Args:
        password: as typed.
        stored: the hash, or None when there is no account to compare with.

    Returns:
        True when it is the password.
    """
    with _turns:
        try:
            return _hasher.verify(stored or _hash_of_nobody(), _bytes(password)) and stored is not None
        except (VerificationError, InvalidHashError):
            return False


def wants_new_hash(stored: str) -> bool:
    """Whether a hash was made with other parameters than today's.

    Args:
        stored: the hash.

    Returns:
        True when the password should be hashed again.
    """
    return _hasher.check_needs_rehash(stored)


def _bytes(password: Secret) -> bytes:
    return password.value.encode("utf-8", "surrogatepass")  # half characters are wrong passwords, not errors


def _hash_of_nobody() -> str:
    salt, digest = (_base64(secrets.token_bytes(size)) for size in (_hasher.salt_len, _hasher.hash_len))
    costs = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${digest}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")
