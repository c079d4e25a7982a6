"""Whether a planned backfill fits: into the quota, Metrika's room, the disk; and in which pieces to start it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from include.metrika.planning.plan_backfill import RUNS_AT_ONCE, CounterPlan
from include.metrika.planning.requests_used import DAILY_REQUESTS, cut_days, least_seconds, quota_days, usable_a_day

GIGABYTE = 1e9


@dataclass(frozen=True)
class Verdict:
    """What stands in the way of a backfill, if anything.

    Attributes:
        scheduled_requests: requests of the scheduler to Metrika, of all counters; the commands need fewer.
        daily_requests: Metrika's limit for one login and day.
        quota_days: days of quota it takes, with a tenth kept for other runs.
        least_seconds: time they take at the allowed rate.
        disk_bytes: compressed rows and staging tables at their peak.
        free_disk_bytes: room on ClickHouse's disk.
        pieces: days to load in pieces that each fit into one day's quota.
        problems: sentences; empty when nothing stands in the way.
    """

    scheduled_requests: int
    daily_requests: int
    quota_days: int
    least_seconds: float
    disk_bytes: int
    free_disk_bytes: int
    pieces: tuple[tuple[dt.date, ...], ...]
    problems: tuple[str, ...]


def judge(plans: Sequence[CounterPlan], free_disk_bytes: int) -> Verdict:
    """Hold a plan against the limits.

    Args:
        plans: one per counter, all of one login.
        free_disk_bytes: room on ClickHouse's disk.

    Returns:
        The verdict.
    """
    by_day: dict[dt.date, float] = {}
    for plan in plans:
        for day, figures in plan.figures.items():
            by_day[day] = by_day.get(day, 0.0) + figures.scheduled_requests
    requests = sum(by_day.values())
    stored = sum(plan.totals["raw_bytes"].high + plan.totals["derived_bytes"].high for plan in plans)
    staged = sum(sorted((plan.staging_peak_bytes for plan in plans), reverse=True)[:RUNS_AT_ONCE])
    disk_bytes = round(stored) + staged
    problems = [sentence for plan in plans for sentence in _room_problems(plan)]
    if disk_bytes > free_disk_bytes:
        problems.append(
            f"The disk of ClickHouse has {_gb(free_disk_bytes)} free but the days may take {_gb(disk_bytes)}; "
            "make room, or load fewer days."
        )
    return Verdict(
        scheduled_requests=round(requests),
        daily_requests=DAILY_REQUESTS,
        quota_days=quota_days([requests], usable_a_day()),
        least_seconds=round(least_seconds(requests), 1),
        disk_bytes=disk_bytes,
        free_disk_bytes=free_disk_bytes,
        pieces=cut_days(by_day, usable_a_day()),
        problems=tuple(problems),
    )


def _room_problems(plan: CounterPlan) -> list[str]:
    room = plan.log_room_bytes
    if room is None or plan.log_peak_bytes <= room:
        return []
    if plan.largest_log_bytes > room:
        return [
            f"Counter {plan.counter_id}: the logs of one day take about {_gb(plan.largest_log_bytes)} but Metrika has "
            f"room for {_gb(max(0, room))}; clean prepared logs of this counter in Metrika first."
        ]
    at_once = max(1, int(room // max(1, plan.largest_log_bytes)))
    return [
        f"Counter {plan.counter_id}: Metrika has room for the logs of {at_once} days at a time; give the backfill "
        f"--max-active-runs {at_once}."
    ]


def _gb(size: float) -> str:
    return f"{size / GIGABYTE:.2f} GB"
