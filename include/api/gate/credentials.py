"""What a request brings to say who it is, and which verifier that is for."""

from __future__ import annotations

import binascii
import hmac
import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from starlette.requests import cookie_parser

from include.secret import Secret

SESSION_COOKIE = "_token"
KEY_PREFIX = "cfk_"
PRODUCT_ISSUER = "counterflow"
LONGEST_CHARS = 16_384  # a token of Airflow has some hundred


class CredentialKind(StrEnum):
    """Which one verifier a credential goes to."""

    KEY = "key"
    ACCOUNT = "account"
    OPERATOR = "operator"


@dataclass(frozen=True)
class Credential:
    """What a request brought to say who it is.

    Attributes:
        kind: the verifier that decides about it; no other one is asked.
        token: the token or key.
        is_cookie: it came by itself, from a browser's session.
    """

    kind: CredentialKind
    token: Secret
    is_cookie: bool = False


def credential_of(headers: Mapping[str, str]) -> Credential | None:
    """Find the credential of a request; a header wins over the cookie.

    Args:
        headers: request headers.

    Returns:
        The credential, or None when the request brings none that can be used, or two different ones.
    """
    given, key = headers.get("authorization"), headers.get("x-api-key")
    if given is None and key is None:
        cookie = cookie_parser(headers.get("cookie") or "").get(SESSION_COOKIE)
        return Credential(CredentialKind.OPERATOR, Secret(cookie), True) if cookie else None
    bearer = _bearer(given) if given is not None else None
    if given is not None and key is not None and not (bearer and _same(bearer, key.strip())):
        return None
    token = bearer if given is not None else (key or "").strip()
    if not token or len(token) > LONGEST_CHARS:
        return None
    is_key = key is not None or token.startswith(KEY_PREFIX)
    return Credential(CredentialKind.KEY if is_key else _kind_of(token), Secret(token))


def _bearer(header: str) -> str | None:
    scheme, _, token = header.partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def _kind_of(token: str) -> CredentialKind:
    """Read who says to have issued a token; nothing else in it is believed before it is verified."""
    parts = token.split(".")
    if len(parts) != 3:
        return CredentialKind.OPERATOR
    try:
        claims = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return CredentialKind.OPERATOR
    is_own = isinstance(claims, dict) and claims.get("iss") == PRODUCT_ISSUER
    return CredentialKind.ACCOUNT if is_own else CredentialKind.OPERATOR
