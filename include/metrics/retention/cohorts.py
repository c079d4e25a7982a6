"""People who began together, and how many of them were seen again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate

from include.metrics.periods.grains import Period


class CurveKind(StrEnum):
    """What counts as being there on day n."""

    EXACT = "exact"
    UNBOUNDED = "unbounded"
    ROLLING = "rolling"


@dataclass(frozen=True)
class Point:
    """One day of a curve.

    Attributes:
        n: days after the first active day, from 0.
        closed_count: people of the cohort whose n-th day has ended; the denominator.
        exact_count: of them, active on day n.
        unbounded_count: of them, active on day n or later, as far as events are known.
        rolling_count: of them, active on a day of the window that ends with day n.
    """

    n: int
    closed_count: int
    exact_count: int
    unbounded_count: int
    rolling_count: int

    def count(self, kind: CurveKind) -> int:
        """People who count as being there.

        Args:
            kind: in which sense.

        Returns:
            Their number.
        """
        counts = {
            CurveKind.EXACT: self.exact_count,
            CurveKind.UNBOUNDED: self.unbounded_count,
            CurveKind.ROLLING: self.rolling_count,
        }
        return counts[kind]

    def share(self, kind: CurveKind) -> float | None:
        """Share of the people whose n-th day has ended.

        Args:
            kind: in which sense people are there.

        Returns:
            0 to 1, or None while the day has ended for nobody.
        """
        return self.count(kind) / self.closed_count if self.closed_count else None


@dataclass(frozen=True)
class Cohort:
    """People whose first-ever active day in the course lies in one period.

    Attributes:
        period: the period.
        person_count: how many they are.
        points: one per day n, from 0.
    """

    period: Period
    person_count: int
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Beginners:
    """People with one first-ever active day, by the days n after it.

    Attributes:
        first_day: that day, local.
        active_counts: active on day n.
        last_counts: of them, never seen after day n; the entry after the longest day stands for everything later.
        covered_changes: change, from day n - 1 to n, of those within a window of an active day.
    """

    first_day: dt.date
    active_counts: list[int]
    last_counts: list[int]
    covered_changes: list[int]


def cohort_of(period: Period, beginners: Iterable[Beginners], last_ended_day: dt.date, longest_days: int) -> Cohort:
    """Join people who began in one period.

    Args:
        period: the period.
        beginners: those whose first day lies in it.
        last_ended_day: the last local day that is over.
        longest_days: the largest n.

    Returns:
        The cohort. A person whose n-th day is not over counts neither above nor below the line.
    """
    sums = [[0, 0, 0, 0] for _ in range(longest_days + 1)]
    person_count = 0
    for one in beginners:
        size = one.active_counts[0]
        person_count += size
        unbounded = list(accumulate(reversed(one.last_counts)))[::-1]
        rolling = list(accumulate(one.covered_changes))
        ended = (last_ended_day - one.first_day).days
        for n in range(min(ended, longest_days) + 1):
            found = (size, one.active_counts[n], unbounded[n], rolling[n])
            sums[n] = [total + count for total, count in zip(sums[n], found, strict=True)]
    return Cohort(period, person_count, tuple(Point(n, *counts) for n, counts in enumerate(sums)))
