"""A plan in words: rows of its tables, what stands in the way, and the commands that start it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

from include.metrika.planning.review import Comparison

KILO = 1000.0
BYTE_UNITS = ("B", "kB", "MB", "GB", "TB")
MINUTE_SECONDS, HOUR_SECONDS = 60.0, 3600.0
NAMES = {
    "visits": "visits",
    "hits": "hits",
    "parts": "parts of logs",
    "requests": "requests of the loop",
    "download_bytes": "downloaded, unpacked",
    "raw_bytes": "disk: visits and hits",
    "derived_bytes": "disk: features and scores",
    "total_seconds": "time, one day after another",
}


def readable(name: str, value: float) -> str:
    """A figure as people read it.

    Args:
        name: the quantity; its ending says the unit.
        value: the figure.

    Returns:
        For example ``12.3 MB``, ``4.0 min`` or ``1,234``.

    >>> readable("download_bytes", 12_340_000), readable("total_seconds", 240), readable("visits", 1234)
    ('12.3 MB', '4.0 min', '1,234')
    """
    if name.endswith("_bytes"):
        unit = 0
        while value >= KILO and unit < len(BYTE_UNITS) - 1:
            value, unit = value / KILO, unit + 1
        return f"{value:.3g} {BYTE_UNITS[unit]}"
    if name.endswith("_seconds"):
        if value >= HOUR_SECONDS:
            return f"{value / HOUR_SECONDS:.1f} h"
        return f"{value / MINUTE_SECONDS:.1f} min" if value >= MINUTE_SECONDS else f"{value:.1f} s"
    return f"{round(value):,}"


def titled(name: str) -> str:
    """The name of a quantity for people.

    Args:
        name: the quantity.

    Returns:
        A few words.
    """
    return NAMES.get(name) or f"time: {name.removesuffix('_seconds')}"


def counter_rows(counters: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What is to be done about the days of each counter.

    Args:
        counters: plans as JSON holds them.

    Returns:
        Rows of a table.
    """
    return [
        {
            "counter": str(one["counter_id"]),
            "to_load": len(one["days"]["to_load"]),
            "of_them_again": len(one["days"]["again"]),
            "loaded_unchanged": len(one["days"]["unchanged"]),
            "refused_today_or_later": ", ".join(map(str, one["days"]["refused"])) or "none",
            "figures_from": f"{one['known_days']} known days" if one["known_days"] else "Metrika's estimate, uncertain",
        }
        for one in counters
    ]


def amount_rows(totals: Mapping[str, Mapping[str, float]]) -> list[dict[str, Any]]:
    """The figures with their ranges.

    Args:
        totals: low, value, high by quantity.

    Returns:
        Rows of a table.
    """
    return [
        {"": titled(name), **{part: readable(name, amount[part]) for part in ("low", "value", "high")}}
        for name, amount in totals.items()
    ]


def review_rows(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """Plan against truth.

    Args:
        comparisons: by quantity.

    Returns:
        Rows of a table.
    """
    return [
        {
            "": titled(one.name),
            "planned": readable(one.name, one.planned),
            "actual": readable(one.name, one.actual),
            "off_by": "" if one.error_percent is None else f"{one.error_percent:+.1f} %",
        }
        for one in comparisons
    ]


def verdict_lines(result: Mapping[str, Any]) -> list[str]:
    """Quota, room and disk in sentences.

    Args:
        result: the plan as JSON holds it.

    Returns:
        Sentences; what stands in the way comes last.
    """
    if not result["pieces"]:
        return ["Nothing is to be loaded."]
    requests = result["scheduled_requests"]
    share = 100 * requests / result["daily_requests"]
    peaks = [
        f"counter {one['counter_id']} {readable('log_bytes', one['log_peak_bytes'])} of "
        + ("unknown room" if one["log_room_bytes"] is None else readable("log_bytes", max(0, one["log_room_bytes"])))
        for one in result["counters"]
    ]
    return [
        f"Quota: the scheduler sends {requests:,} of {result['daily_requests']:,} requests a day ({share:.1f} %), "
        f"{_days_of_quota(result['quota_days'])}; at least {readable('least_seconds', result['least_seconds'])} at the "
        "allowed rate, never more than 3 at a time.",
        f"Prepared logs at Metrika at most: {'; '.join(peaks)}.",
        f"Disk of ClickHouse: up to {readable('disk_bytes', result['disk_bytes'])} with staging tables at their peak, "
        f"{readable('disk_bytes', result['free_disk_bytes'])} free.",
        *result["problems"],
        f"Plan {result['plan_id']}; start with:",
    ]


def _days_of_quota(count: int) -> str:
    return "within one day" if count <= 1 else f"spread over {count} days, a piece each"


def command_lines(
    pieces: Sequence[tuple[dt.date, dt.date]], counter_ids: Sequence[int], *, is_again: bool
) -> list[str]:
    """The commands that load the days: by scheduler, or without one.

    Args:
        pieces: first and last day of each piece; one is started when the one before has ended.
        counter_ids: counters named on the command line; empty for all.
        is_again: some days were loaded before, which the scheduler passes over unless told.

    Returns:
        A command per piece, then one loop over the first.
    """
    conf = f" --dag-run-conf '{json.dumps({'counters': list(counter_ids)})}'" if counter_ids else ""
    again = " --reprocess-behavior completed" if is_again else ""
    lines = [
        f"airflow backfill create --dag-id metrika_logs --from-date {first} --to-date {last}{again}{conf}"
        for first, last in pieces
    ]
    if pieces:
        lines.append(_loop(*pieces[0], "".join(f" --counter {one}" for one in counter_ids)))
    return lines


def _loop(first: dt.date, last: dt.date, counter: str) -> str:
    steps = " && ".join(
        f'python -m include {command} --date "$day"{counter}' for command in ("load", "score", "conversions upload")
    )
    return f'day={first}; until [ "$day" \\> {last} ]; do {steps} || break; day=$(date -I -d "$day + 1 day"); done'
