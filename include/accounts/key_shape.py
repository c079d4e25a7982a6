"""API keys as text and as rows: ``cfk_<8 hex>_<32 base62>``, of which only a digest is stored."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
import string
from dataclasses import dataclass, field

from sqlalchemy import RowMapping

from include.secret import MASK, Secret

BASE62 = string.digits + string.ascii_letters
SECRET_CHARS = 32  # 190 bits
PREFIX_HEX = 8
KEY_FORM = re.compile(rf"(cfk_[0-9a-f]{{{PREFIX_HEX}}})_[0-9A-Za-z]{{{SECRET_CHARS}}}", re.ASCII)


@dataclass(frozen=True)
class ApiKey:
    """A key without its secret.

    Attributes:
        key_id: its id.
        project: the only project it acts in.
        prefix: ``cfk_<8 hex>``, the part that may be shown.
        scopes: what it may do.
        label: what its owner calls it.
        created_by: who made it.
        created_at: when, UTC.
        expires_at: from when it is refused; None for never.
        revoked_at: when it was taken back; None when it was not.
        last_used_at: the minute of its last call, UTC; None when it was never used.
    """

    key_id: str
    project: str
    prefix: str
    scopes: tuple[str, ...]
    label: str
    created_by: str
    created_at: dt.datetime
    expires_at: dt.datetime | None
    revoked_at: dt.datetime | None
    last_used_at: dt.datetime | None
    secret_sha256: bytes = field(repr=False, compare=False)

    @property
    def masked(self) -> str:
        """The key as it may be shown again: ``cfk_1a2b3c4d_********``."""
        return f"{self.prefix}_{MASK}"

    def is_active(self, now: dt.datetime) -> bool:
        """Whether the key is neither revoked nor expired.

        Args:
            now: aware instant.

        Returns:
            True when calls with it are taken.
        """
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def opens_with(self, presented: Secret) -> bool:
        """Compare a presented key with this one, in the same time whatever differs.

        Args:
            presented: the whole key.

        Returns:
            True when it is this key.
        """
        return secrets.compare_digest(digest_of(presented), self.secret_sha256)


def new_key() -> tuple[str, Secret]:
    """Make a key.

    Returns:
        Its prefix, and the whole key.
    """
    prefix = f"cfk_{secrets.token_hex(PREFIX_HEX // 2)}"
    return prefix, Secret(f"{prefix}_{''.join(secrets.choice(BASE62) for _ in range(SECRET_CHARS))}")


def prefix_of(presented: Secret) -> str | None:
    """The prefix of a presented key.

    Args:
        presented: any text.

    Returns:
        ``cfk_<8 hex>``, or None when the text has not the form of a key.

    >>> prefix_of(Secret("cfk_1a2b3c4d_" + "x" * 32))
    'cfk_1a2b3c4d'
    """
    found = KEY_FORM.fullmatch(presented.value)
    return found.group(1) if found else None


def digest_of(presented: Secret) -> bytes:
    """What is stored of a key.

    Args:
        presented: the whole key.

    Returns:
        32 bytes; SHA-256 suffices since the key is random and long.
    """
    return hashlib.sha256(presented.value.encode("utf-8", "surrogatepass")).digest()


def key_from(row: RowMapping) -> ApiKey:
    """Read a row of ``api_keys``.

    Args:
        row: all its columns.

    Returns:
        The key.
    """
    return ApiKey(**{**row, "scopes": tuple(row["scopes"]), "secret_sha256": bytes(row["secret_sha256"])})
