"""Reading the bounds of a period as people write them in an address."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

from include.days import day_bounds
from include.errors import InputError

FIRST_YEAR, LAST_YEAR = 1970, 2100
# A "+" in a query arrives as a space, so a space before an offset is read as one.
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d:[0-5]\d)(?:\.(\d{1,9}))?(?:([Zz])|([+ -])(\d\d):([0-5]\d))?)?", re.ASCII
)


def parse_moment(text: str, zone: ZoneInfo, *, pointer: str) -> dt.datetime:
    """Read an instant, or a day as its first instant.

    Args:
        text: RFC 3339; without an offset it is UTC, a date alone is local midnight.
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
    found = _MOMENT.fullmatch(text)
    try:
        moment = None if found is None else _moment(found, zone)
    except (ValueError, OverflowError):
        moment = None
    if moment is None or not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise InputError(
            "This is no time; write it as 2025-07-01T12:00:00Z or 2025-07-01, between 1970 and 2100.",
            code="bad_time",
            pointer=pointer,
        )
    return moment


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
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)


def _moment(found: re.Match[str], zone: ZoneInfo) -> dt.datetime:
    date, time, fraction, _, sign, hours, minutes = found.groups()
    if time is None:
        return day_bounds(dt.date.fromisoformat(date), zone)[0]
    millisecond = int((fraction or "0").ljust(3, "0")[:3])
    local = dt.datetime.fromisoformat(f"{date}T{time}").replace(microsecond=1000 * millisecond, tzinfo=dt.UTC)
    offset = dt.timedelta(0)
    if sign is not None:
        if int(hours) > 23:
            raise ValueError("no such offset")
        offset = dt.timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
    return local - offset
