"""Forecasting counts per day and durations from what was seen before; pure, robust, with a range.

Medians everywhere: one day of an outage or a campaign moves nothing. The order of the history never
matters, and a history twice as large gives a forecast twice as large.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

WEEK_DAYS = 7
PROFILE_DAYS = 14  # from two whole weeks on, weekdays and growth can be told apart
WIDE_SPREAD, NARROW_SPREAD = 0.25, 0.08  # least relative error of a day before and after that
RANGE_SPREADS = 1.28  # a range that nine of ten normal outcomes are above, and nine of ten below
MAD_TO_SPREAD = 1.4826  # of a normal distribution
SIMILAR_SHARE = 0.2  # sizes that differ by less say nothing about a slope


@dataclass(frozen=True)
class Amount:
    """A figure with the range it probably lies in.

    Attributes:
        low: lower end.
        value: the best guess.
        high: upper end.
    """

    low: float = 0.0
    value: float = 0.0
    high: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        """Add figures that may all be wrong in the same direction."""
        return Amount(self.low + other.low, self.value + other.value, self.high + other.high)

    @staticmethod
    def around(value: float, spread: float) -> Amount:
        """Make a figure from a guess and its relative error.

        Args:
            value: the guess, at least 0.
            spread: one relative standard error.

        Returns:
            A range that is symmetric in factors, so that it never falls below 0.
        """
        factor = math.exp(RANGE_SPREADS * spread)
        return Amount(value / factor, value, value * factor)


@dataclass(frozen=True)
class Forecast:
    """Counts per day foretold from a history.

    Attributes:
        history: what is known, by day.
        level: typical count of a day at the middle of the history, 0 when nothing was ever counted.
        growth: relative growth per day, as the logarithm of its factor.
        profile: factor by weekday, Monday 0; 1 where unknown.
        spread: relative error of one day.
    """

    history: Mapping[dt.date, float]
    level: float
    growth: float
    profile: Mapping[int, float]
    spread: float

    def at(self, day: dt.date) -> float:
        """The count of a day: the known one, or the foretold one.

        Args:
            day: the day.

        Returns:
            The count, at least 0.
        """
        return float(self.history[day]) if day in self.history else self.foretold(day)

    def foretold(self, day: dt.date) -> float:
        """The count of a day as the rest of the history makes it look.

        Args:
            day: the day.

        Returns:
            The count, at least 0.
        """
        if not self.history:
            return self.level
        return self.level * math.exp(self.growth * self._reach(day)) * self.profile.get(day.weekday(), 1.0)

    def _reach(self, day: dt.date) -> float:
        """Days from the middle of the history; growth is followed half the length of the history beyond its ends."""
        first, last = min(self.history), max(self.history)
        span = (last - first).days
        middle = first.toordinal() + span / 2
        return max(-float(span), min(float(span), day.toordinal() - middle))

    def total(self, days: Sequence[dt.date]) -> Amount:
        """The count of several days together.

        Args:
            days: the days.

        Returns:
            The sum with its range: days err by themselves, the level errs for all of them.
        """
        value = sum(self.at(day) for day in days)
        unknown = [day for day in days if day not in self.history]
        if not unknown or not value:
            return Amount(value, value, value)
        own = 1 / len(unknown) + 1 / max(1, len(self.history))
        share = sum(self.at(day) for day in unknown) / value
        return Amount.around(value, self.spread * math.sqrt(own) * share)


def forecast(history: Mapping[dt.date, float]) -> Forecast:
    """Learn level, growth and weekdays from a history.

    Args:
        history: counts by day, at least 0; may be empty.

    Returns:
        The forecast.

    >>> forecast({dt.date(2025, 7, 1): 100.0, dt.date(2025, 7, 2): 120.0}).at(dt.date(2025, 7, 9))
    110.0
    """
    known = {day: count for day, count in history.items() if count > 0}
    if not known:
        return Forecast(dict(history), 0.0, 0.0, {}, WIDE_SPREAD)
    growth, profile = (_growth(known), _profile(known)) if len(known) >= PROFILE_DAYS else (0.0, {})
    shape = Forecast(dict.fromkeys(history, 0.0), 1.0, growth, profile, 0.0)
    ratios = {day: count / shape.foretold(day) for day, count in known.items()}
    level = median(ratios.values())
    seen = MAD_TO_SPREAD * median(abs(math.log(ratio / level)) for ratio in ratios.values())
    least = NARROW_SPREAD if len(known) >= PROFILE_DAYS else WIDE_SPREAD
    return Forecast(dict(history), level, growth, profile, max(seen, least))


def _growth(known: Mapping[dt.date, float]) -> float:
    """Median growth between equal weekdays, so that weekdays do not pass for growth."""
    days = sorted(known)
    slopes = [
        math.log(known[late] / known[early]) / (late - early).days
        for place, early in enumerate(days)
        for late in days[place + 1 :]
        if (late - early).days % WEEK_DAYS == 0
    ]
    return median(slopes) if slopes else 0.0


def _profile(known: Mapping[dt.date, float]) -> dict[int, float]:
    typical = median(known.values())
    by_weekday: dict[int, list[float]] = {}
    for day, count in known.items():
        by_weekday.setdefault(day.weekday(), []).append(count)
    return {weekday: median(counts) / typical for weekday, counts in by_weekday.items() if len(counts) > 1}


@dataclass(frozen=True)
class Line:
    """What something costs by its size: a base, and so much per unit above a size.

    Attributes:
        base: cost up to ``from_size``.
        per_unit: cost of each unit above it.
        from_size: size up to which the base holds.
        spread: relative error of one measurement.
        sample_count: measurements behind it; 0 for an assumption.
    """

    base: float
    per_unit: float
    from_size: float = 0.0
    spread: float = WIDE_SPREAD
    sample_count: int = 0

    def at(self, size: float) -> float:
        """The cost of a size.

        Args:
            size: at least 0.

        Returns:
            The cost.
        """
        return self.base + self.per_unit * max(0.0, size - self.from_size)


def fit_line(samples: Iterable[tuple[float, float]], assumed: Line) -> Line:
    """Learn a cost from measurements.

    Args:
        samples: size and cost of each measurement.
        assumed: what to believe when there is none.

    Returns:
        The line through the medians; with sizes all alike, their median cost, growing in proportion
        above them.
    """
    known = sorted(samples)
    if not known:
        return assumed
    slopes = [
        (cost - other_cost) / (size - other)
        for place, (other, other_cost) in enumerate(known)
        for size, cost in known[place + 1 :]
        if size - other > SIMILAR_SHARE * size
    ]
    typical, cost = median(size for size, _ in known), median(cost for _, cost in known)
    if slopes:
        per_unit = max(0.0, median(slopes))
        base = max(0.0, median(cost - per_unit * size for size, cost in known))
        line = Line(base, per_unit)
    else:
        line = Line(cost, cost / typical if typical else 0.0, typical)
    errors = [abs(math.log(cost / line.at(size))) for size, cost in known if cost > 0 and line.at(size) > 0]
    least = NARROW_SPREAD if len(known) >= PROFILE_DAYS else WIDE_SPREAD
    spread = max(least, MAD_TO_SPREAD * median(errors)) if errors else least
    return Line(line.base, line.per_unit, line.from_size, spread, len(known))
