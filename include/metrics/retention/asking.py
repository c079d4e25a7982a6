"""What somebody asks of retention curves."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from include.errors import InputError
from include.metrics.periods.grains import Grain, Period, period_of
from include.metrics.reading.asking import standard_grain

LONGEST_DAYS, USUAL_DAYS = 365, 28
LONGEST_WINDOW_DAYS, USUAL_WINDOW_DAYS = 365, 7
MAX_COHORTS = 400
FIRST_DAY, LAST_DAY = dt.date(1970, 1, 8), dt.date(2100, 1, 1)  # days that events may have, and whole weeks around them


@dataclass(frozen=True)
class CurveQuestion:
    """Cohorts and how long they are followed.

    Attributes:
        grain: day, week or month: who counts as having begun together.
        first_day: local day in the first cohort.
        last_day: local day in the last cohort.
        longest_days: the largest n.
        window_days: width of the window of the rolling kind, days.
    """

    grain: Grain
    first_day: dt.date
    last_day: dt.date
    longest_days: int = USUAL_DAYS
    window_days: int = USUAL_WINDOW_DAYS

    def cohorts(self, zone: ZoneInfo) -> tuple[Period, ...]:
        """The periods whose beginners make a cohort each.

        Args:
            zone: zone of the course's days.

        Returns:
            Whole periods in order: every one that holds a day from the first to the last.

        Raises:
            InputError: there are more than one answer holds (code ``bad_period``).
        """
        found = [period_of(self.first_day, self.grain, zone)]
        while found[-1].end_day <= self.last_day:
            found.append(period_of(found[-1].end_day, self.grain, zone))
            if len(found) > MAX_COHORTS:
                raise InputError(
                    f"This asks for more than {MAX_COHORTS} cohorts; ask for a shorter time or a longer grain.",
                    code="bad_period",
                    pointer="/period_end",
                )
        return tuple(found)


def ask_curves(
    first_day: dt.date,
    last_day: dt.date,
    *,
    grain: str = Grain.WEEK,
    longest_days: int = USUAL_DAYS,
    window_days: int = USUAL_WINDOW_DAYS,
) -> CurveQuestion:
    """Read what somebody asks for.

    Args:
        first_day: local day in the first cohort.
        last_day: local day in the last cohort, not before it.
        grain: day, week or month.
        longest_days: the largest n, 0 to 365.
        window_days: width of the rolling window, 1 to 365 days.

    Returns:
        The question.

    Raises:
        InputError: ``bad_period``, ``bad_grain`` or ``out_of_range``.
    """
    if not FIRST_DAY <= first_day <= last_day <= LAST_DAY:
        raise InputError(
            f"Cohorts from {first_day} to {last_day} make no period; give two days in order, between {FIRST_DAY} and "
            f"{LAST_DAY}.",
            code="bad_period",
            pointer="/period_end",
        )
    _require_range("longest_days", longest_days, 0, LONGEST_DAYS)
    _require_range("window_days", window_days, 1, LONGEST_WINDOW_DAYS)
    return CurveQuestion(standard_grain(grain), first_day, last_day, longest_days, window_days)


def _require_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise InputError(f"{name} is {value}; use {least} to {most}.", code="out_of_range", pointer=f"/{name}")
