"""Times that people write: with an offset, or as the wall clock of the counter's zone shows them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from include.days import day_bounds
from include.errors import InputError
from include.state.counters import known_zone


def parse_moment(text: str, zone: ZoneInfo | None) -> dt.datetime | None:
    """Read a time.

    Args:
        text: ISO 8601, for example ``2025-07-01T12:00:00+03:00``; without an offset it is local to the zone.
        zone: the counters' zone; None when they have several, and then every time needs an offset.

    Returns:
        The instant, UTC, whole seconds; None when the text is no time.

    >>> str(parse_moment("2025-07-01 12:00:00", ZoneInfo("Europe/Moscow")))
    '2025-07-01 09:00:00+00:00'
    """
    try:
        found = dt.datetime.fromisoformat(text)
        if found.tzinfo is None and zone is None:
            return None
        local = found if found.tzinfo else found.replace(tzinfo=zone)
        return local.astimezone(dt.UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        return None


def common_zone(state: Engine, counter_ids: Sequence[int]) -> ZoneInfo | None:
    """The zone of some counters, for times that people wrote without an offset.

    Args:
        state: the state engine.
        counter_ids: the counters.

    Returns:
        The zone they share; None when they have several, or none was ever loaded.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    zones = {zone.key: zone for counter_id in counter_ids if (zone := known_zone(state, counter_id)) is not None}
    return next(iter(zones.values())) if len(zones) == 1 else None


def parse_as_of(text: str, zone: ZoneInfo | None) -> dt.datetime:
    """Read the moment whose knowledge is to be used.

    Args:
        text: a day, which means its end, or a time.
        zone: the counters' zone; None when they have several, and then a day ends in UTC.

    Returns:
        The instant, UTC.

    Raises:
        InputError: neither a day nor a time.

    >>> str(parse_as_of("2025-07-01", ZoneInfo("Europe/Moscow")))
    '2025-07-01 21:00:00+00:00'
    """
    try:
        return day_bounds(dt.date.fromisoformat(text), zone or ZoneInfo("UTC"))[1]
    except ValueError:
        found = parse_moment(text, zone)
    if found is None:
        raise InputError(
            f"{text!r} is neither a day nor a time; write 2025-07-31, which means its end, or "
            "2025-07-31T12:00:00+03:00.",
            code="bad_time",
            pointer="--as-of",
        )
    return found
