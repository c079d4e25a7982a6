"""What somebody asks of the metrics, and where the answers are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from include.errors import InputError
from include.metrics.names import Metric, parse_metrics, parse_versions
from include.metrics.periods.grains import (
    ONE_DAY,
    STANDARD_GRAINS,
    Grain,
    Period,
    local_day,
    period_between,
    period_of,
)
from include.settings import Settings
from include.settings.learning import LearningSettings
from include.warehouse.client import Warehouse

MAX_PERIODS = 400  # of one answer: a year of days and some


@dataclass(frozen=True)
class Stores:
    """Where values are, and how they are calculated.

    Attributes:
        warehouse: ClickHouse with the user-days; its ``read_seconds`` bound every question.
        engine: PostgreSQL with the stored values.
        events_table: ClickHouse table of events.
        settings: of learning metrics.
    """

    warehouse: Warehouse
    engine: Engine
    events_table: str
    settings: LearningSettings

    @classmethod
    def of(cls, warehouse: Warehouse, engine: Engine, settings: Settings) -> Stores:
        """Put the stores of an installation together.

        Args:
            warehouse: ClickHouse.
            engine: PostgreSQL.
            settings: of the installation.

        Returns:
            The stores.
        """
        return cls(warehouse, engine, settings.intake.events_table, settings.learning)


@dataclass(frozen=True)
class Question:
    """Metrics of one stretch of time.

    Attributes:
        start_at: first instant, aware UTC.
        end_at: first instant after it, aware UTC.
        metrics: in the order of the catalogue.
        versions: of them.
        grain: day, week or month for one answer per such period inside; None for the stretch as a whole.
    """

    start_at: dt.datetime
    end_at: dt.datetime
    metrics: tuple[Metric, ...]
    versions: tuple[int, ...]
    grain: Grain | None = None

    def periods(self, zone: ZoneInfo) -> tuple[Period, ...]:
        """The periods asked for, as a course cuts them.

        Args:
            zone: zone of the course's days.

        Returns:
            In order: the stretch itself, or the periods of the grain that lie wholly inside it.

        Raises:
            InputError: more periods than one answer holds (code ``bad_period``).
        """
        if self.grain is None:
            return (period_between(self.start_at, self.end_at, zone),)
        found: list[Period] = []
        one = period_of(local_day(self.start_at, zone), self.grain, zone)
        while one.end_at <= self.end_at:
            if one.start_at >= self.start_at:
                found.append(one)
            if len(found) > MAX_PERIODS:
                raise InputError(
                    f"This asks for more than {MAX_PERIODS} periods of the grain {self.grain}; ask for a shorter time "
                    "or a longer grain.",
                    code="bad_period",
                    pointer="/period_end",
                )
            one = period_of(one.end_day, self.grain, zone)
        return tuple(found)


def ask(
    start_at: dt.datetime,
    end_at: dt.datetime,
    *,
    metrics: Iterable[str] | None = None,
    version: str | int | None = None,
    grain: str | None = None,
    default_version: int,
) -> Question:
    """Read what somebody asks for.

    Args:
        start_at: first instant, aware.
        end_at: first instant after it, aware; later.
        metrics: stored names or aliases; none, or None, for all six.
        version: 1, 2, ``all``, or None for the default.
        grain: day, week, month, or None for the stretch as a whole.
        default_version: version when none is named.

    Returns:
        The question.

    Raises:
        InputError: ``bad_period``, ``unknown_metric``, ``version_unknown`` or ``bad_grain``.
    """
    start_at, end_at = start_at.astimezone(dt.UTC), end_at.astimezone(dt.UTC)
    if start_at >= end_at:
        raise InputError(
            f"The period ends at {end_at.isoformat()}, which is not after its start {start_at.isoformat()}.",
            code="bad_period",
            pointer="/period_end",
        )
    return Question(
        start_at,
        end_at,
        parse_metrics(metrics),
        parse_versions(version, default_version),
        None if grain is None else standard_grain(grain),
    )


def standard_grain(name: str) -> Grain:
    """Read the name of a grain.

    Args:
        name: day, week or month.

    Returns:
        The grain.

    Raises:
        InputError: it is none of them (code ``bad_grain``).

    >>> standard_grain("week")
    <Grain.WEEK: 'week'>
    """
    for grain in STANDARD_GRAINS:
        if grain == name:
            return grain
    raise InputError(f"{name[:20]!r} is no grain; use day, week or month.", code="bad_grain", pointer="/grain")


def day_count(period: Period) -> int:
    """Local days a period touches.

    Args:
        period: the period.

    Returns:
        Their number, at least 1.
    """
    return (period.end_day - period.first_day) // ONE_DAY


def written(instant: dt.datetime) -> str:
    """Write an instant the way every answer does.

    Args:
        instant: aware.

    Returns:
        ISO 8601 in UTC, to the millisecond.

    >>> written(dt.datetime(2025, 3, 3, tzinfo=dt.UTC))
    '2025-03-03T00:00:00.000Z'
    """
    return instant.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
