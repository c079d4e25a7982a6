"""When a conversion happened: visit start or given time -> true epoch seconds."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from include.days import resolve_local
from include.errors import InputError

FIRST_YEAR, LAST_YEAR = 1970, 2100  # what an integer Unix time of a file may sensibly hold
FORM = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})[ T](?P<time>\d{2}:\d{2}(?::\d{2})?)(?:\.\d{1,9})?"
    r"(?P<offset>Z|z|[+-]\d{2}:?\d{2})?"
)


@dataclass(frozen=True)
class Moment:
    """One conversion time.

    Attributes:
        event_at: the instant, aware UTC, whole seconds.
        is_ambiguous: the local clock showed this time twice; the first reading was taken.
        day: local day of the instant in the counter's zone.
    """

    event_at: dt.datetime
    is_ambiguous: bool
    day: dt.date

    @property
    def epoch_seconds(self) -> int:
        """True Unix seconds of the instant."""
        return int(self.event_at.timestamp())


def parse_moment(text: str, zone: ZoneInfo) -> Moment:
    """Read a conversion time as a person or a program wrote it.

    Args:
        text: ``YYYY-MM-DD HH:MM[:SS]`` with a space or ``T``; an offset is honoured, without one the
            time is local to the counter. Fractions of a second are cut off.
        zone: the counter's zone.

    Returns:
        The instant.

    Raises:
        InputError: malformed, outside 1970-2100, or a local time that clocks jump over
            (code ``bad_time``).

    >>> parse_moment("2025-06-26 00:13:09", ZoneInfo("Europe/Moscow")).epoch_seconds
    1750885989
    >>> parse_moment("2025-06-28T12:00:00+03:00", ZoneInfo("UTC")).epoch_seconds
    1751101200
    """
    form = FORM.fullmatch(text.strip())
    if form is None:
        raise _bad_time(text)
    try:
        naive = dt.datetime.fromisoformat(f"{form['date']}T{form['time']}")
    except ValueError:
        raise _bad_time(text) from None
    if not FIRST_YEAR <= naive.year <= LAST_YEAR:
        raise _bad_time(text)
    moment = _with_offset(text, naive, form["offset"], zone) if form["offset"] else _local(naive, zone)
    if moment.epoch_seconds < 0:
        raise _bad_time(text)
    return moment


def moment_of(epoch_seconds: int, zone: ZoneInfo, *, is_ambiguous: bool = False) -> Moment:
    """Make a moment of true epoch seconds.

    Args:
        epoch_seconds: Unix seconds.
        zone: the counter's zone, for the day.
        is_ambiguous: the local time it was read from exists twice.

    Returns:
        The moment.
    """
    event_at = dt.datetime.fromtimestamp(epoch_seconds, dt.UTC)
    return Moment(event_at, is_ambiguous, event_at.astimezone(zone).date())


def _local(naive: dt.datetime, zone: ZoneInfo) -> Moment:
    local = resolve_local(naive, zone)
    return moment_of(local.epoch_seconds, zone, is_ambiguous=local.is_ambiguous)


def _with_offset(text: str, naive: dt.datetime, offset: str, zone: ZoneInfo) -> Moment:
    try:
        instant = dt.datetime.fromisoformat(naive.isoformat() + offset.upper().replace("Z", "+00:00"))
    except ValueError:
        raise _bad_time(text) from None
    return moment_of(int(instant.timestamp()), zone)


def _bad_time(text: str) -> InputError:
    return InputError(
        f"{text[:64]!r} is not a conversion time; write it as YYYY-MM-DD HH:MM:SS, local to the counter, or with an "
        "offset such as +03:00.",
        code="bad_time",
        pointer="/date_time",
    )
