"""One watched feature of one day against its reference, and what is made of it: pure functions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from include.visits.monitoring.comparing import adjust_together, compare_counts, short
from include.visits.monitoring.reference import FEWEST_DAYS, kinds_of

STEADY, SMALL_CHANGE, DRIFT, NOT_JUDGED = "steady", "small_change", "drift", "not_judged"
FEWEST_VISITS = 50  # of the day, and of its reference; ten bins then hold five each
USUAL_TIMES = 2.0  # drift is more than twice what the reference's own days show against each other
LARGE_PSI = 0.25  # from here on the change is called large
NO_REFERENCE = "too few days to compare with"
FEW_VISITS = f"fewer than {FEWEST_VISITS} visits"


@dataclass(frozen=True)
class DriftRules:
    """When a change counts.

    Attributes:
        level: share of days (0-1) on which equal distributions may raise an alarm anywhere.
        floor_psi: smallest change worth an alarm, population stability index.
    """

    level: float = 0.01
    floor_psi: float = 0.1


@dataclass(frozen=True)
class Tally:
    """Visits of one feature by day and bin.

    Attributes:
        counts: shape (bins,) by day.
        sums: sum of the values by day; empty where sums say nothing.
    """

    counts: Mapping[dt.date, NDArray[np.float64]]
    sums: Mapping[dt.date, float]

    def visits(self, days: Iterable[dt.date]) -> int:
        """Visits of some days."""
        return int(sum(self.counts[day].sum() for day in days if day in self.counts))

    def mean(self, days: Sequence[dt.date]) -> float | None:
        """Mean value over some days, None without visits."""
        visits = self.visits(days)
        total = sum(self.sums.get(day, 0.0) for day in days)
        return short(total / visits) if visits and self.sums else None


@dataclass(frozen=True)
class Check:
    """One feature of one device, judged.

    Attributes:
        scope: desktop, mobile, or all for the whole counter.
        feature: what was compared.
        visits: visits of the day.
        reference_visits: visits of the reference days of its kind.
        reference_days: how many those are.
        mean: mean value of the day; None where means say nothing.
        reference_mean: the same of the reference.
        psi: population stability index less what chance gives.
        usual_psi: what nine of ten reference days stay under against each other.
        dispersion: how many times more those days differ than chance explains.
        p_value: of the two-sample test alone, 0-1.
        p_adjusted: corrected for all tests of the day, 0-1.
        verdict: steady, small_change, drift or not_judged.
        why: why it was not judged, otherwise empty.
    """

    scope: str
    feature: str
    visits: int
    reference_visits: int = 0
    reference_days: int = 0
    mean: float | None = None
    reference_mean: float | None = None
    psi: float | None = None
    usual_psi: float | None = None
    dispersion: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    verdict: str = NOT_JUDGED
    why: str = ""


def check_feature(scope: str, feature: str, tally: Tally, day: dt.date, days: Sequence[dt.date]) -> Check:
    """Compare one feature; the verdict waits for :func:`judge_together`.

    Args:
        scope: device name, or all.
        feature: its name.
        tally: visits by day and bin.
        day: the day.
        days: days of the reference.

    Returns:
        The check, without a verdict.
    """
    usable = [one for one in days if tally.visits([one])]
    kinds, kind = kinds_of(usable, day)
    alike = [one for one, its_kind in zip(usable, kinds, strict=True) if its_kind == kind]
    check = Check(
        scope=scope,
        feature=feature,
        visits=tally.visits([day]),
        reference_visits=tally.visits(alike),
        reference_days=len(alike),
        mean=tally.mean([day]),
        reference_mean=tally.mean(alike),
    )
    if len(alike) < FEWEST_DAYS:
        return replace(check, why=NO_REFERENCE)
    if min(check.visits, check.reference_visits) < FEWEST_VISITS:
        return replace(check, why=FEW_VISITS)
    found = compare_counts(tally.counts[day], np.array([tally.counts[one] for one in usable]), kinds, kind)
    return replace(
        check,
        psi=short(found.psi),
        usual_psi=short(found.usual_psi),
        dispersion=short(found.dispersion),
        p_value=short(found.p_value),
    )


def judge_together(checks: Sequence[Check], rules: DriftRules) -> list[Check]:
    """Give all checks of a counter-day their verdicts.

    Args:
        checks: from :func:`check_feature`.
        rules: level and floor.

    Returns:
        The same checks with corrected p-values and verdicts, in the same order.
    """
    judged = [check for check in checks if check.p_value is not None]
    adjusted = iter(adjust_together([check.p_value or 0.0 for check in judged]))
    return [check if check.p_value is None else _judge(check, next(adjusted), rules) for check in checks]


def _judge(check: Check, p_adjusted: float, rules: DriftRules) -> Check:
    psi, usual = check.psi or 0.0, check.usual_psi or 0.0
    verdict = STEADY
    if p_adjusted < rules.level:
        verdict = DRIFT if psi > max(rules.floor_psi, USUAL_TIMES * usual) else SMALL_CHANGE
    return replace(check, p_adjusted=short(p_adjusted), verdict=verdict)
