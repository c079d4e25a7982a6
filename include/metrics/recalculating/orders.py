"""What somebody wants calculated."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from include.days import MAX_RANGE_DAYS
from include.errors import InputError
from include.metrics.names import VERSIONS, Metric, parse_metrics, parse_versions
from include.metrics.storing.causes import DEFINITION_CHANGE, DELETION, RECALCULATION

ORDER_CAUSES = (RECALCULATION, DELETION, DEFINITION_CHANGE)
LONGEST = dt.timedelta(days=MAX_RANGE_DAYS)


@dataclass(frozen=True)
class Order:
    """Courses, and what of them is to be calculated whether or not anything changed.

    Days that events came for since the last run are always worked off first, with all metrics and versions; an order
    without days and bounds asks for nothing else.

    Attributes:
        project: project of the courses; None for all projects.
        courses: ids of courses; none for every course there is.
        metrics: names of the metrics of days or bounds; none for all six.
        versions: their versions; none for both.
        days: local days of each course whose user-days are built anew, and whose days, weeks and months are
            calculated; at most 366.
        bounds: first instant of one period and first instant after it, aware; at most 366 days apart.
        cause: why closed periods may change: recalculation, deletion or definition_change.

    Raises:
        InputError: the order contradicts itself; the code says how.

    >>> Order(metrics=("focus_ratio",), days=(dt.date(2025, 3, 3),)).chosen_metrics
    (<Metric.FOCUS_RATIO: 'focus_ratio'>,)
    """

    project: str | None = None
    courses: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    versions: tuple[int, ...] = ()
    days: tuple[dt.date, ...] = ()
    bounds: tuple[dt.datetime, dt.datetime] | None = None
    cause: str = RECALCULATION

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        parse_metrics(self.metrics)
        for version in self.versions:
            parse_versions(version, VERSIONS[0])
        if self.cause not in ORDER_CAUSES:
            raise InputError(
                f"{self.cause[:40]!r} is no cause of a calculation; use {', '.join(ORDER_CAUSES)}.",
                code="unknown_cause",
                pointer="/cause",
            )
        if (self.metrics or self.versions or self.cause != RECALCULATION) and not (self.days or self.bounds):
            raise InputError(
                "Metrics, versions and a cause belong to named days or a period; without them everything that was "
                "touched is calculated: name days, or leave them out.",
                code="conflicting_input",
                pointer="/metrics",
            )
        if self.days and self.bounds:
            raise InputError("Give either days or one period, not both.", code="bad_period", pointer="/period_start")
        if self.days:
            _check_days(self.days)
        if self.bounds:
            _check_bounds(*self.bounds)

    @property
    def chosen_metrics(self) -> tuple[Metric, ...]:
        """The metrics of days or bounds, in the order of the catalogue."""
        return parse_metrics(self.metrics)

    @property
    def chosen_versions(self) -> tuple[int, ...]:
        """The versions of days or bounds."""
        return tuple(version for version in VERSIONS if version in self.versions or not self.versions)


def _check_days(days: tuple[dt.date, ...]) -> None:
    span = (max(days) - min(days)).days + 1
    if span > MAX_RANGE_DAYS:
        raise InputError(
            f"The days {min(days)} to {max(days)} are {span} days; ask for at most {MAX_RANGE_DAYS} at once.",
            code="bad_period",
            pointer="/days",
        )


def _check_bounds(start_at: dt.datetime, end_at: dt.datetime) -> None:
    if start_at.tzinfo is None or end_at.tzinfo is None:
        raise InputError(
            "The bounds of a period need an offset, such as 2025-03-03T00:00:00Z.", code="bad_time",
            pointer="/period_start",
        )  # fmt: skip
    if end_at <= start_at:
        raise InputError(
            f"The period {start_at.isoformat()} to {end_at.isoformat()} is empty or reversed; its end comes after "
            "its start.",
            code="bad_period",
            pointer="/period_end",
        )
    # A year of local days is an hour longer or shorter where clocks change.
    if end_at - start_at > LONGEST + dt.timedelta(hours=1):
        raise InputError(
            f"The period {start_at.isoformat()} to {end_at.isoformat()} exceeds {MAX_RANGE_DAYS} days; split it.",
            code="bad_period",
            pointer="/period_end",
        )
