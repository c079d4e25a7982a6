"""Times of events: reading them exactly, taking out the error of a sender's clock, and bounds."""

from __future__ import annotations

import datetime as dt
import re
from typing import NamedTuple
from zoneinfo import ZoneInfo

from include.errors import InputError
from include.events.envelope.codes import refusal, shown

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
NAIVE_EPOCH = dt.datetime(1970, 1, 1)  # UTC too; times known to be UTC are reckoned without zones, which is faster
ONE_MS, ONE_US = dt.timedelta(milliseconds=1), dt.timedelta(microseconds=1)
ONE_DAY, ONE_MINUTE, NO_OFFSET = dt.timedelta(days=1), dt.timedelta(minutes=1), dt.timedelta()
FIRST_YEAR, LAST_YEAR = "1970", "2100"
FIRST_MS = 0
END_MS = (dt.datetime(int(LAST_YEAR) + 1, 1, 1, tzinfo=dt.UTC) - EPOCH) // ONE_MS
SMALL_SKEW_US = 5 * 1_000_000  # a clock off by this much is left alone
LARGEST_SKEW_US = 24 * 3600 * 1_000_000  # a clock off by more cannot be trusted to be merely off
FUTURE_US = 5 * 60 * 1_000_000
DAY_US, DAY_MS = 86_400 * 1_000_000, 86_400 * 1_000
LONGEST_TIME_CHARS = 128
# RFC 3339, its offset left open: a date alone, or date, one of "T", "t" and blank, and a time with seconds.
FORM = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[Tt ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?([Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?)?"
)
DATE_CHARS = 10


class Moment(NamedTuple):
    """A time as sent.

    Attributes:
        instant_ms: milliseconds since 1970 UTC; digits beyond are cut.
        offset_minutes: offset as written, None when there was none.
        is_naive: a time of day without offset, taken as UTC.
    """

    instant_ms: int
    offset_minutes: int | None
    is_naive: bool


class EventTime(NamedTuple):
    """When an event happened, after correction.

    Attributes:
        instant_ms: milliseconds since 1970 UTC.
        warning: ``skew_corrected``, ``skew_out_of_range`` or empty.
    """

    instant_ms: int
    warning: str


def parse_time(text: str, zone: ZoneInfo) -> Moment:
    """Read a time of RFC 3339, a time without offset (UTC), or a date (its first instant in the zone).

    Args:
        text: as sent.
        zone: zone of the project, for dates alone.

    Returns:
        The moment.

    Raises:
        InputError: no such time, second 60, or a year outside 1970 to 2100 (``bad_time``).

    >>> parse_time("2025-03-03T10:01:00.1239+03:00", ZoneInfo("UTC"))
    Moment(instant_ms=1740985260123, offset_minutes=180, is_naive=False)
    """
    form = FORM.fullmatch(text) if len(text) <= LONGEST_TIME_CHARS else None
    if form is None:
        raise _bad_time(text)
    offset = form.group(1)
    try:
        if len(text) == DATE_CHARS:
            return Moment(_in_range(_first_instant(dt.date.fromisoformat(text), zone) - EPOCH, text), None, False)
        if offset is None:
            return Moment(_in_range(dt.datetime.fromisoformat(text) - NAIVE_EPOCH, text), None, True)
        if offset in "Zz":
            return Moment(_in_range(dt.datetime.fromisoformat(text[:-1]) - NAIVE_EPOCH, text), 0, False)
        value = dt.datetime.fromisoformat(text)
        return Moment(_in_range(value - EPOCH, text), (value.utcoffset() or NO_OFFSET) // ONE_MINUTE, False)
    except (ValueError, OverflowError):
        raise _bad_time(text) from None


def event_time_of(occurred_ms: int, sent_us: int | None, received_us: int) -> EventTime:
    """Take the error of the sender's clock out of a time.

    Args:
        occurred_ms: time by the sender's clock, milliseconds since 1970 UTC.
        sent_us: when it was sent by the same clock, microseconds since 1970 UTC; None when it did not say.
        received_us: when it arrived by ours, microseconds since 1970 UTC.

    Returns:
        The time by our clock; digits beyond a millisecond are cut.

    >>> event_time_of(0, 1_000_000, 11_000_000)
    EventTime(instant_ms=10000, warning='skew_corrected')
    """
    if sent_us is None:
        return EventTime(occurred_ms, "")
    skew_us = received_us - sent_us
    if abs(skew_us) <= SMALL_SKEW_US:
        return EventTime(occurred_ms, "")
    if abs(skew_us) <= LARGEST_SKEW_US:
        return EventTime((occurred_ms * 1000 + skew_us) // 1000, "skew_corrected")
    return EventTime(occurred_ms, "skew_out_of_range")


def check_window(event_ms: int, received_us: int, oldest_us: int | None, pointer: str) -> None:
    """Refuse events of the future and of long ago.

    Args:
        event_ms: corrected time, milliseconds since 1970 UTC.
        received_us: when it arrived, microseconds since 1970 UTC.
        oldest_us: oldest time the project takes, microseconds since 1970 UTC; None when any age is fine.
        pointer: JSON pointer of the time, from the event on.

    Raises:
        InputError: ``from_future`` or ``too_old``.
    """
    event_us = event_ms * 1000
    if event_us > received_us + FUTURE_US:
        late = instant_of(event_ms).isoformat(timespec="milliseconds")
        raise refusal("from_future", pointer, f"The event is of {late}, more than 5 minutes after it was received.")
    if oldest_us is not None and event_us < oldest_us:
        age_days = (received_us - oldest_us) // DAY_US
        raise refusal("too_old", pointer, f"The event is older than the {age_days} days that the project takes.")


def instant_of(instant_ms: int) -> dt.datetime:
    """Turn milliseconds since 1970 UTC into an aware instant.

    Args:
        instant_ms: milliseconds since 1970 UTC.

    Returns:
        The instant, UTC.
    """
    return EPOCH + instant_ms * ONE_MS


def microseconds_of(instant: dt.datetime) -> int:
    """Turn an aware instant into microseconds since 1970 UTC.

    Args:
        instant: any zone.

    Returns:
        Microseconds, exact.
    """
    return (instant - EPOCH) // ONE_US


def stored_time(instant_ms: int) -> str:
    """Write an instant as ClickHouse reads it.

    Args:
        instant_ms: milliseconds since 1970 UTC.

    Returns:
        Date, blank, time with three digits of a second.

    >>> stored_time(1740985260123)
    '2025-03-03 07:01:00.123'
    """
    return (NAIVE_EPOCH + instant_ms * ONE_MS).isoformat(" ", "milliseconds")


def _in_range(since: dt.timedelta, text: str) -> int:
    instant_ms = since.days * DAY_MS + since.seconds * 1000 + since.microseconds // 1000
    if not (FIRST_YEAR <= text[:4] <= LAST_YEAR and FIRST_MS <= instant_ms < END_MS):
        raise _bad_time(text)
    return instant_ms


def _first_instant(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """First instant of a local day: its midnight, or the end of the gap that swallowed midnight."""
    midnight = dt.datetime.combine(day, dt.time(), zone)
    instant = midnight.astimezone(dt.UTC)  # before a gap's end, the offset that held before the gap is used
    if instant.astimezone(zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return instant
    low, high = instant - ONE_DAY, instant + ONE_DAY
    while high - low > dt.timedelta(seconds=1):  # local dates only grow within a gap, so halving finds its end
        middle = low + (high - low) // 2
        low, high = (middle, high) if middle.astimezone(zone).date() < day else (low, middle)
    first = high.replace(microsecond=0)
    if first.astimezone(zone).date() != day:
        raise ValueError("the zone skipped this day")
    return first


def _bad_time(text: str) -> InputError:
    return refusal("bad_time", "", f"{shown(text)} is not a time that can be used.")
