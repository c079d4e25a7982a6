"""Reading the bounds of a period as people write them in an address."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

from include.errors import InputError
from include.events.envelope.times import EPOCH, ONE_MS, instant_of, parse_time

_SPACED_OFFSET = re.compile(r" (\d\d:\d\d)\Z", re.ASCII)
CLOCK_CHARS = 19  # of 2025-07-01T12:00:00, which an offset can follow


def parse_moment(text: str, zone: ZoneInfo, *, pointer: str) -> dt.datetime:
    """Read an instant, or a day as its first instant.

    Args:
        text: RFC 3339; without an offset it is UTC, a date alone is local midnight. A ``+`` of a query arrives as a
            space, so a space before an offset is read as one.
        zone: zone of dates that come alone.
        pointer: names the value in refusals.

    Returns:
        The instant, UTC, whole milliseconds; finer digits are cut.

    Raises:
        InputError: it is no such time, or outside the years 1970-2100 (``bad_time``).

    >>> parse_moment("2025-07-01T12:00:00 03:00", ZoneInfo("UTC"), pointer="/from").isoformat()
    '2025-07-01T09:00:00+00:00'
    >>> parse_moment("2025-07-01", ZoneInfo("Europe/Moscow"), pointer="/from").isoformat()
    '2025-06-30T21:00:00+00:00'
    """
    whole = text[:CLOCK_CHARS] + _SPACED_OFFSET.sub(r"+\1", text[CLOCK_CHARS:])
    try:
        return instant_of(parse_time(whole, zone).instant_ms)
    except InputError:
        raise InputError(
            "This is no time; write it as 2025-07-01T12:00:00Z or 2025-07-01, between 1970 and 2100.",
            code="bad_time",
            pointer=pointer,
        ) from None


def parse_period(
    start: str | None, end: str | None, zone: ZoneInfo, *, names: tuple[str, str] = ("from", "to")
) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Read a half-open period; either bound may be missing.

    Args:
        start: first instant, or None.
        end: first instant after it, or None.
        zone: zone of dates that come alone.
        names: of the two bounds, for refusals.

    Returns:
        Both bounds.

    Raises:
        InputError: a bound is no time (``bad_time``), or the period is empty (``bad_period``).
    """
    first = None if start is None else parse_moment(start, zone, pointer=f"/{names[0]}")
    last = None if end is None else parse_moment(end, zone, pointer=f"/{names[1]}")
    if first is not None and last is not None and first >= last:
        raise InputError(
            f"The period is empty: {names[0]} must lie before {names[1]}.", code="bad_period", pointer=f"/{names[1]}"
        )
    return first, last


def milliseconds_of(moment: dt.datetime) -> int:
    """Count the milliseconds since 1970 UTC.

    Args:
        moment: aware instant.

    Returns:
        Whole milliseconds, exact.
    """
    return (moment - EPOCH) // ONE_MS
