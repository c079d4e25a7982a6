"""How often somebody may try a password: per email address and per network address."""

from __future__ import annotations

import datetime as dt
import hashlib

from sqlalchemy import Column, Connection, delete, insert, select

from include.accounts.transactions import wait_in_line
from include.errors import TooManyRequests
from include.state.tables import login_failures

WINDOW = dt.timedelta(minutes=15)
MOST_PER_EMAIL, MOST_PER_ADDRESS = 10, 50


def begin_attempt(connection: Connection, email_key: str, address: str, *, now: dt.datetime) -> int:
    """Count an attempt as failed before it is judged, so that attempts at once cannot pass the limit together.

    Args:
        connection: open transaction, committed by the caller before the password is looked at.
        email_key: whose account; empty for texts that are no address.
        address: network address of the caller; empty when unknown.
        now: aware instant.

    Returns:
        What :func:`forget_attempt` takes when the attempt succeeds.

    Raises:
        TooManyRequests: too many failures (code ``too_many_attempts``), with the time until the next try is heard.
    """
    # A digest, since people type passwords into the field of the email address.
    email_digest = hashlib.sha256(email_key.encode()).hexdigest() if email_key else ""
    for line in sorted((f"login:email:{email_digest}", f"login:address:{address}")):
        wait_in_line(connection, line)
    c = login_failures.c
    _require_few(connection, c.email_key, email_digest, MOST_PER_EMAIL, now)
    _require_few(connection, c.address, address, MOST_PER_ADDRESS, now)
    row = {"email_key": email_digest, "address": address, "failed_at": now}
    return int(connection.execute(insert(login_failures).values(row).returning(c.failure_id)).scalar_one())


def forget_attempt(connection: Connection, failure_id: int) -> None:
    """Take an attempt back that did not fail; the caller commits.

    Args:
        connection: open transaction.
        failure_id: what :func:`begin_attempt` gave.
    """
    connection.execute(delete(login_failures).where(login_failures.c.failure_id == failure_id))


def _require_few(connection: Connection, column: Column[str], value: str, most: int, now: dt.datetime) -> None:
    if not value:
        return
    failed_at = login_failures.c.failed_at
    newest = select(failed_at).where(column == value, failed_at > now - WINDOW).order_by(failed_at.desc())
    last_allowed: dt.datetime | None = connection.execute(newest.offset(most - 1).limit(1)).scalar()
    if last_allowed is not None:
        raise TooManyRequests(
            "Too many sign-ins failed; wait before the next try.",
            wait_seconds=(last_allowed + WINDOW - now).total_seconds(),
            code="too_many_attempts",
        )
