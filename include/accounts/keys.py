"""API keys of a project: made, shown once, found, listed, replaced, revoked."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable

from sqlalchemy import Connection, Engine, func, select, update
from sqlalchemy.dialects.postgresql import insert

from include.accounts import audit
from include.accounts.actors import Actor
from include.accounts.key_ring import ring_of
from include.accounts.key_shape import ApiKey, digest_of, key_from, new_key
from include.accounts.scopes import require_scopes
from include.accounts.texts import clean_text, is_id
from include.accounts.transactions import transaction, wait_in_line
from include.days import utc_now
from include.errors import InputError
from include.secret import Secret
from include.state.tables import api_keys

__all__ = ["ApiKey", "create_key", "find_key", "list_keys", "revoke_key", "rotate_key"]

MOST_ACTIVE = 20  # keys of one project


def create_key(
    where: Engine | Connection,
    *,
    project: str,
    scopes: Iterable[str],
    label: str,
    created_by: str,
    expires_at: dt.datetime | None = None,
    now: dt.datetime | None = None,
) -> tuple[ApiKey, Secret]:
    """Make a key; its secret exists only in the answer.

    Args:
        where: the state engine, or a connection whose transaction the caller ends.
        project: the only project the key acts in.
        scopes: what it may do, at least one.
        label: what its owner calls it, at most 100 characters; may be empty.
        created_by: who makes it.
        expires_at: aware instant from which it is refused; None for never.
        now: aware instant to use instead of the clock.

    Returns:
        The key as stored, and the whole key to show once.

    Raises:
        InputError: a wrong scope, label or expiry, or the project has 20 active keys (code ``too_many_keys``).
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    moment = now or utc_now()
    values = {
        "project": project,
        "scopes": list(require_scopes(scopes)),
        "label": clean_text(label, what="label of a key", pointer="/label"),
        "created_by": created_by,
        "created_at": moment,
        "expires_at": _expiry(expires_at, moment),
    }
    with transaction(where) as connection:
        wait_in_line(connection, f"keys:{project}")
        _require_room(connection, project, moment)
        key, secret = _insert(connection, values)
        _note(connection, audit.KEY_CREATE, key, actor=created_by, now=moment)
    return key, secret


def find_key(engine: Engine, presented: Secret, *, now: dt.datetime | None = None) -> ApiKey | None:
    """Find the key a caller presents; what changed in the last three seconds may not be seen yet.

    Args:
        engine: the state engine.
        presented: the whole key as sent.
        now: aware instant to use instead of the clock.

    Returns:
        The key; None when it is unknown, wrong, expired or revoked.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    return ring_of(engine).find(presented, now or utc_now())


def list_keys(where: Engine | Connection, project: str) -> list[ApiKey]:
    """List the keys of a project, revoked and expired ones too.

    Args:
        where: the state engine, or an open connection.
        project: the project.

    Returns:
        Keys, oldest first.
    """
    query = select(api_keys).where(api_keys.c.project == project).order_by(api_keys.c.created_at, api_keys.c.key_id)
    with transaction(where) as connection:
        return [key_from(row) for row in connection.execute(query).mappings()]


def revoke_key(
    where: Engine | Connection, *, project: str, key_id: str, revoked_by: str, now: dt.datetime | None = None
) -> ApiKey | None:
    """Take a key back; every process refuses it at most five seconds later. Twice is once.

    Args:
        where: the state engine, or a connection whose transaction the caller ends.
        project: the key's project.
        key_id: the key.
        revoked_by: who takes it back.
        now: aware instant to use instead of the clock.

    Returns:
        The revoked key; None when the project has no such key.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    moment = now or utc_now()
    with transaction(where) as connection:
        key = _locked(connection, project, key_id)
        if key is None or key.revoked_at is not None:
            return key
        revoked = _change(connection, key, revoked_at=moment)
        _note(connection, audit.KEY_REVOKE, revoked, actor=revoked_by, now=moment)
    return revoked


def rotate_key(
    where: Engine | Connection,
    *,
    project: str,
    key_id: str,
    rotated_by: str,
    expires_at: dt.datetime | None = None,
    overlap: dt.timedelta = dt.timedelta(0),
    now: dt.datetime | None = None,
) -> tuple[ApiKey, Secret]:
    """Replace a key by a new one with the same scopes and label.

    Args:
        where: the state engine, or a connection whose transaction the caller ends.
        project: the key's project.
        key_id: the key to replace; it must be active.
        rotated_by: who replaces it.
        expires_at: aware instant from which the new key is refused; None for never.
        overlap: how long the old key is still taken; zero revokes it at once.
        now: aware instant to use instead of the clock.

    Returns:
        The new key as stored, and the whole new key to show once.

    Raises:
        InputError: no such key (code ``key_unknown``), it is not active (``key_not_active``), a bad expiry, or
            both keys together would be more than 20 (``too_many_keys``).
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    moment = now or utc_now()
    with transaction(where) as connection:
        wait_in_line(connection, f"keys:{project}")
        old = _locked(connection, project, key_id)
        if old is None:
            raise InputError(f"{project} has no key {key_id}; list its keys first.", code="key_unknown")
        if not old.is_active(moment):
            raise InputError(f"Key {old.masked} is no longer active; make a new one.", code="key_not_active")
        if overlap > dt.timedelta(0):
            _require_room(connection, project, moment)
        values = {
            "project": project,
            "scopes": list(old.scopes),
            "label": old.label,
            "created_by": rotated_by,
            "created_at": moment,
            "expires_at": _expiry(expires_at, moment),
        }
        key, secret = _insert(connection, values)
        until = moment + overlap
        if until <= moment:
            _change(connection, old, revoked_at=moment)
        elif old.expires_at is None or until < old.expires_at:
            _change(connection, old, expires_at=until)
        _note(connection, audit.KEY_ROTATE, key, actor=rotated_by, now=moment, replaces=old.key_id)
    return key, secret


def _expiry(expires_at: dt.datetime | None, now: dt.datetime) -> dt.datetime | None:
    if expires_at is not None and (expires_at.tzinfo is None or expires_at <= now):
        raise InputError(
            "A key must expire in the future; give a later time with its offset, or none.",
            code="bad_expiry",
            pointer="/expires_at",
        )
    return expires_at


def _require_room(connection: Connection, project: str, now: dt.datetime) -> None:
    c = api_keys.c
    is_active = c.revoked_at.is_(None) & (c.expires_at.is_(None) | (c.expires_at > now))
    count = connection.execute(select(func.count()).where(c.project == project, is_active)).scalar_one()
    if count >= MOST_ACTIVE:
        raise InputError(f"{project} has {MOST_ACTIVE} active keys; revoke one first.", code="too_many_keys")


def _insert(connection: Connection, values: dict[str, object]) -> tuple[ApiKey, Secret]:
    while True:  # ends at once unless two of 4 billion prefixes meet
        prefix, secret = new_key()
        row = {"key_id": str(uuid.uuid4()), "prefix": prefix, "secret_sha256": digest_of(secret), **values}
        statement = insert(api_keys).values(row).on_conflict_do_nothing(index_elements=["prefix"]).returning(api_keys)
        stored = connection.execute(statement).mappings().first()
        if stored is not None:
            return key_from(stored), secret


def _locked(connection: Connection, project: str, key_id: str) -> ApiKey | None:
    if not is_id(key_id):
        return None
    query = select(api_keys).where(api_keys.c.project == project, api_keys.c.key_id == key_id).with_for_update()
    row = connection.execute(query).mappings().first()
    return key_from(row) if row else None


def _change(connection: Connection, key: ApiKey, **values: dt.datetime) -> ApiKey:
    statement = update(api_keys).where(api_keys.c.key_id == key.key_id).values(**values).returning(api_keys)
    return key_from(connection.execute(statement).mappings().one())


def _note(
    connection: Connection, action: str, key: ApiKey, *, actor: str, now: dt.datetime, replaces: str | None = None
) -> None:
    details = {"key_id": key.key_id, "project": key.project, "prefix": key.prefix, "scopes": list(key.scopes)}
    more = {"replaces": replaces} if replaces else {}
    audit.note(connection, action, by=Actor(actor), now=now, details=details | more)
