"""What callers write about periods, made into instants; what they wrote wrongly, named where it stands."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from include.api.gate.problems import invalid
from include.api.gate.refusals import STATUSES
from include.days import MAX_RANGE_DAYS
from include.errors import InputError
from include.events.statistics.periods import parse_moment
from include.metrics.periods.grains import ONE_DAY, local_day

ONE_MS = dt.timedelta(milliseconds=1)


@contextmanager
def asked_in(place: str, name: str = "") -> Iterator[None]:
    """Name the place of wrong values in refusals.

    Args:
        place: query, path or body.
        name: what the value is called there, when what reads it calls it otherwise.

    Yields:
        Nothing.

    Raises:
        Invalid: what is raised inside as an InputError that answers 422.
    """
    try:
        yield
    except InputError as error:
        if error.code in STATUSES:
            raise
        raise invalid(f"/{name}" if name else error.pointer, error.message, error.code, place=place) from None


def parse_bounds(
    start: str, end: str, zone: ZoneInfo, *, names: tuple[str, str] = ("period_start", "period_end")
) -> tuple[dt.datetime, dt.datetime]:
    """Read a half-open period of at most a year.

    Args:
        start: first instant, or a day as its first instant.
        end: first instant after it, or a day that is no longer part of it.
        zone: zone of days that come alone.
        names: of the two bounds, for refusals.

    Returns:
        Both bounds, aware UTC, whole milliseconds.

    Raises:
        InputError: a bound is no time (``bad_time``); the period is empty, reversed, or touches more than 366 local
            days (``bad_period``).
    """
    first = parse_moment(start, zone, pointer=f"/{names[0]}")
    last = parse_moment(end, zone, pointer=f"/{names[1]}")
    if first >= last:
        raise InputError(
            f"The period is empty: {names[0]} must lie before {names[1]}.", code="bad_period", pointer=f"/{names[1]}"
        )
    if (local_day(last - ONE_MS, zone) - local_day(first, zone)) // ONE_DAY >= MAX_RANGE_DAYS:
        raise InputError(
            f"The period is longer than {MAX_RANGE_DAYS} days; split it.", code="bad_period", pointer=f"/{names[1]}"
        )
    return first, last
