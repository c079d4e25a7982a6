"""What happened to accounts and keys: rows are only ever added, and hold no secret."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert

from include.accounts.actors import Actor
from include.state.tables import account_audit

REGISTER, LOGIN, LOGIN_FAILED, LOGOUT = "register", "login", "login_failed", "logout"
REFRESH, REFRESH_REUSE = "refresh", "refresh_reuse"
ROLE, ACTIVE, PASSWORD, SESSIONS_ENDED = "role", "active", "password", "sessions_ended"
KEY_CREATE, KEY_REVOKE, KEY_ROTATE = "key_create", "key_revoke", "key_rotate"
COURSE = "course"


def note(
    connection: Connection,
    action: str,
    *,
    by: Actor,
    now: dt.datetime,
    user_id: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add a row to the audit, inside the transaction of what happened; the caller commits.

    Args:
        connection: open transaction.
        action: one of this module's names.
        by: who did it.
        now: when, aware UTC.
        user_id: the account it is about, when known.
        details: more about it; never a password, token or key.
    """
    row = {
        "happened_at": now,
        "action": action,
        "user_id": user_id,
        "actor": by.name,
        "address": by.address,
        "details": dict(details or {}),
    }
    connection.execute(insert(account_audit).values(row))
