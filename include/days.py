"""Days of a counter: parsing, ranges, zones, and true epoch seconds.

A day is a calendar day in the counter's time zone. Times inside a day are turned into
instants through the IANA zone, never through a fixed offset.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from include.errors import InputError

MAX_RANGE_DAYS = 366  # one year, the longest period of one Logs API request


def parse_day(text: str) -> dt.date:
    """Read one ``YYYY-MM-DD`` day.

    Args:
        text: the day as given by a person or a run.

    Returns:
        The date.

    Raises:
        InputError: the text is not exactly ``YYYY-MM-DD`` or not a real day.

    >>> parse_day("2025-07-01")
    datetime.date(2025, 7, 1)
    """
    try:
        day = dt.date.fromisoformat(text)
    except (TypeError, ValueError):
        day = None
    if day is None or day.isoformat() != text:
        raise InputError(
            f"{text!r} is not a day; write it as YYYY-MM-DD, for example 2025-07-01.",
            code="bad_date",
            pointer="/date",
        )
    return day


def zone_of(name: str) -> ZoneInfo:
    """Find an IANA time zone.

    Args:
        name: for example ``Europe/Moscow``.

    Returns:
        The zone.

    Raises:
        InputError: no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            f"{name!r} is not a known time zone; use an IANA name such as Europe/Moscow.",
            code="bad_zone",
            pointer="/time_zone",
        ) from None


def utc_now() -> dt.datetime:
    """The current instant, aware, UTC."""
    return dt.datetime.now(dt.UTC)


def today_in(zone: ZoneInfo, now: dt.datetime | None = None) -> dt.date:
    """The current day of a zone.

    Args:
        zone: the counter's zone.
        now: aware instant to use instead of the clock.

    Returns:
        The local date.
    """
    return (now or utc_now()).astimezone(zone).date()


def require_closed_day(day: dt.date, zone: ZoneInfo, now: dt.datetime | None = None) -> None:
    """Refuse a day that is not over yet in the counter's zone.

    Args:
        day: the day asked for.
        zone: the counter's zone.
        now: aware instant to use instead of the clock.

    Raises:
        InputError: the day is today or later (code ``date_not_closed``).
    """
    today = today_in(zone, now)
    if day >= today:
        raise InputError(
            f"Day {day} is not over in {zone.key} (today is {today}); "
            f"ask for {today - dt.timedelta(days=1)} or earlier.",
            code="date_not_closed",
            pointer="/date",
        )


def iter_days(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    """Every day from first to last, both included.

    Args:
        first: first day.
        last: last day.

    Yields:
        The days in order.
    """
    for offset in range((last - first).days + 1):
        yield first + dt.timedelta(days=offset)


def parse_range(first: str, last: str) -> tuple[dt.date, ...]:
    """Read a range of days, both ends included.

    Args:
        first: first day, ``YYYY-MM-DD``.
        last: last day, ``YYYY-MM-DD``.

    Returns:
        Every day of the range in order.

    Raises:
        InputError: a malformed day, a reversed range, or more than 366 days.
    """
    start, end = parse_day(first), parse_day(last)
    if end < start:
        raise InputError(f"The range {start} to {end} is reversed; give the earlier day first.", code="bad_period")
    if (end - start).days >= MAX_RANGE_DAYS:
        raise InputError(
            f"The range {start} to {end} is longer than {MAX_RANGE_DAYS} days; split it.", code="bad_period"
        )
    return tuple(iter_days(start, end))


def day_bounds(day: dt.date, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
    """The half-open instant interval of a local day.

    Args:
        day: local day.
        zone: its zone.

    Returns:
        Start and end, aware UTC; 23 or 25 hours apart on days when clocks change.
    """
    start = dt.datetime.combine(day, dt.time(), tzinfo=zone)
    end = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), tzinfo=zone)
    return start.astimezone(dt.UTC), end.astimezone(dt.UTC)


@dataclass(frozen=True)
class LocalInstant:
    """A local wall-clock time resolved to an instant.

    Attributes:
        epoch_seconds: true Unix seconds.
        is_ambiguous: the wall clock showed this time twice; the first reading was taken.
    """

    epoch_seconds: int
    is_ambiguous: bool


def resolve_local(naive: dt.datetime, zone: ZoneInfo) -> LocalInstant:
    """Turn counter-local wall-clock time into true epoch seconds.

    Args:
        naive: local time without offset, whole seconds.
        zone: the counter's zone.

    Returns:
        The instant; of an ambiguous time the first reading.

    Raises:
        InputError: the time does not exist in the zone (clocks jumped over it).

    >>> resolve_local(dt.datetime(2025, 6, 26, 0, 13, 9), ZoneInfo("Europe/Moscow")).epoch_seconds
    1750885989
    >>> resolve_local(dt.datetime(2025, 10, 26, 2, 30), ZoneInfo("Europe/Berlin"))
    LocalInstant(epoch_seconds=1761438600, is_ambiguous=True)
    """
    first = naive.replace(tzinfo=zone, fold=0)
    second = naive.replace(tzinfo=zone, fold=1)
    instant = first.astimezone(dt.UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != naive:
        raise InputError(
            f"{naive.isoformat(sep=' ')} does not exist in {zone.key}: clocks jump over it; correct the time.",
            code="bad_time",
            pointer="/date_time",
        )
    return LocalInstant(int(instant.timestamp()), first.utcoffset() != second.utcoffset())


def resolve_run_days(
    params: Mapping[str, object],
    partition_key: str | None,
    interval_start: dt.datetime | None,
    zone: ZoneInfo,
) -> tuple[dt.date, ...]:
    """Decide which days a run is for; the only place that does.

    Args:
        params: the run's parameters; ``date``, or ``date_from`` with ``date_to``.
        partition_key: ``YYYY-MM-DD`` of a partitioned run, or None.
        interval_start: aware start of the run's data interval, or None.
        zone: the counter's zone, for the interval start.

    Returns:
        The days, at least one, in order.

    Raises:
        InputError: nothing names a day, or what names it is malformed.
    """
    date, first, last = (params.get(name) or None for name in ("date", "date_from", "date_to"))
    if date and (first or last):
        raise InputError("Give either date, or date_from with date_to, not both.", code="conflicting_input")
    if date:
        return (parse_day(str(date)),)
    if first or last:
        return parse_range(str(first or last), str(last or first))
    if partition_key:
        return (parse_day(partition_key),)
    if interval_start is not None:
        return (interval_start.astimezone(zone).date(),)
    raise InputError(
        "This run names no day: trigger it with the parameter date (YYYY-MM-DD), or with a partition key "
        "of the same form.",
        code="no_day",
        pointer="/date",
    )
