"""Texts that never show themselves, and addresses that carry one."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

MASK = "********"


@dataclass(frozen=True, repr=False)
class Secret:
    """A text that never shows itself: masked in ``repr``, ``str`` and formatting.

    Args:
        value: the secret; read it only where it is sent.
    """

    value: str

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self.value)

    def __reduce__(self) -> str:
        raise TypeError("A Secret is not pickled; pass the setting's name instead.")


def url_with_password(scheme: str, user: str, password: Secret, address: str) -> str:
    """Build a URL that carries a login; keep the result inside a :class:`Secret`.

    Args:
        scheme: for example ``postgresql+psycopg2``.
        user: login.
        password: its password.
        address: ``host:port/path``.

    Returns:
        The URL, login and password percent-encoded.
    """
    return f"{scheme}://{quote(user, safe='')}:{quote(password.value, safe='')}@{address}"
