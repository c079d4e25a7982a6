"""What an API key may do; each key holds one or more of these."""

from __future__ import annotations

from collections.abc import Iterable

from include.errors import InputError

INGEST = "ingest"  # send events
BACKFILL = "backfill"  # send events older than the project takes from others
STATS_READ = "stats:read"
SEGMENTS_READ = "segments:read"
SCOPES = (INGEST, BACKFILL, STATS_READ, SEGMENTS_READ)


def require_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    """Check the scopes of a new key.

    Args:
        scopes: as given, in any order.

    Returns:
        Each of them once, in the order of :data:`SCOPES`.

    Raises:
        InputError: none, or one that does not exist (code ``bad_scope``).

    >>> require_scopes(["stats:read", "ingest", "ingest"])
    ('ingest', 'stats:read')
    """
    given = list(scopes)
    unknown = [scope for scope in given if scope not in SCOPES]
    if unknown or not given:
        wrong = f"{unknown[0]!r} is not a scope" if unknown else "A key needs a scope"
        raise InputError(f"{wrong}; use some of {', '.join(SCOPES)}.", code="bad_scope", pointer="/scopes")
    return tuple(scope for scope in SCOPES if scope in given)
