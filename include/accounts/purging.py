"""What housekeeping forgets: families of tokens that have ended, expired tokens, old failures."""

from __future__ import annotations

import datetime as dt
import logging

from sqlalchemy import Engine, delete

from include.accounts.limits import WINDOW
from include.accounts.transactions import transaction
from include.days import utc_now
from include.settings import AccountSettings
from include.state.tables import login_failures, refresh_tokens, token_families

logger = logging.getLogger(__name__)


def purge_tokens(engine: Engine, settings: AccountSettings, *, now: dt.datetime | None = None) -> dict[str, int]:
    """Delete what no request can need again.

    Used tokens stay until their family ends: without them their reuse would not be noticed.

    Args:
        engine: the state engine.
        settings: how long expired tokens are kept.
        now: aware instant to use instead of the clock.

    Returns:
        How many ``families`` (with all their tokens), single ``refresh_tokens`` and ``login_failures``.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    moment = now or utc_now()
    kept_from = moment - dt.timedelta(seconds=settings.refresh_cleanup_seconds)
    f, t = token_families.c, refresh_tokens.c
    statements = {
        "families": delete(token_families).where(f.ends_at <= kept_from),
        "refresh_tokens": delete(refresh_tokens).where(t.used_at.is_(None), t.expires_at <= kept_from),
        "login_failures": delete(login_failures).where(login_failures.c.failed_at <= moment - WINDOW),
    }
    with transaction(engine) as connection:
        counts = {name: connection.execute(statement).rowcount for name, statement in statements.items()}
    logger.info("purged %s", counts)
    return counts
