"""Which slices follow from which days: the rules of what has to be calculated again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from include.metrics.courses import LearningCourse
from include.metrics.names import VERSIONS, Metric
from include.metrics.parts.touching import CATALOGUE, COHORT, EVENTS, TouchedDay
from include.metrics.periods.grains import ONE_DAY, STANDARD_GRAINS, Grain, Period, day_start, period_between, period_of
from include.metrics.recalculating.needs import CardKey, Needs
from include.metrics.recalculating.orders import Order
from include.metrics.recalculating.stored_periods import COMPLETION_V2, RETENTION_V2, StoredSlice
from include.metrics.storing.causes import DAY_CLOSED, Cause
from include.settings.learning import UNBOUNDED, LearningSettings

ALL_CARDS: tuple[CardKey, ...] = tuple((metric, version) for metric in Metric for version in VERSIONS)


@dataclass(frozen=True)
class Known:
    """What a plan is made from.

    Attributes:
        course: the course, in the zone its user-days are cut in.
        touched: its touched days.
        stored: slices that may hang on days outside of their period, and free periods.
        due: slices that time alone has changed.
        settings: n and kind of retention.
    """

    course: LearningCourse
    touched: Collection[TouchedDay]
    stored: Collection[StoredSlice]
    due: Collection[StoredSlice]
    settings: LearningSettings


def plan(known: Known, order: Order, *, unchanged_days: Collection[dt.date] = ()) -> Needs:
    """Work out every slice that has to be calculated.

    Args:
        known: touched days and stored slices.
        order: what is wanted besides.
        unchanged_days: days of the order whose user-days came out as they were: nothing else follows from them.

    Returns:
        The slices, each with its cause.
    """
    needs = Needs()
    for row in known.touched:
        cause = Cause(row.cause, tuple(sorted(row.load_ids)))
        if row.kind == EVENTS and row.day not in unchanged_days:
            _add_day(needs, known, row, cause)
        elif row.kind == COHORT:
            _add_stored(needs, known, {RETENTION_V2}, _holding(known, row.day), cause)
        elif row.kind == CATALOGUE:
            _add_stored(needs, known, {COMPLETION_V2}, _ending_after(known, row.day), cause)
    for one in known.due:
        needs.add(one.period, (one.card,), Cause(DAY_CLOSED))
    wanted = [(metric, version) for metric in order.chosen_metrics for version in order.chosen_versions]
    for period in _ordered_periods(order, known):
        needs.add(period, wanted, Cause(order.cause))
    return needs


def _add_day(needs: Needs, known: Known, row: TouchedDay, cause: Cause) -> None:
    """A day whose user-days are others now: the periods that hold it, and those that look at it from elsewhere."""
    for grain in STANDARD_GRAINS:
        needs.add(period_of(row.day, grain, known.course.zone), ALL_CARDS, cause)
    holding = _holding(known, row.day)
    for one in known.stored:
        if one.period.grain is Grain.CUSTOM and holding(one.period):
            needs.add(one.period, (one.card,), cause)
    first_day = row.day - dt.timedelta(days=known.settings.retention_days)
    if known.settings.retention_kind == UNBOUNDED:
        _add_stored(needs, known, {RETENTION_V2}, _beginning_until(known, first_day), cause)
    else:
        _add_stored(needs, known, {RETENTION_V2}, _holding(known, first_day), cause)
    if row.may_complete:
        _add_stored(needs, known, {COMPLETION_V2}, _ending_after(known, row.day), cause)


def _add_stored(
    needs: Needs, known: Known, cards: Collection[CardKey], is_meant: Callable[[Period], bool], cause: Cause
) -> None:
    for one in known.stored:
        if one.card in cards and is_meant(one.period):
            needs.add(one.period, (one.card,), cause)


def _holding(known: Known, day: dt.date) -> Callable[[Period], bool]:
    """Periods that hold at least a part of a day."""
    start_at, end_at = day_start(day, known.course.zone), day_start(day + ONE_DAY, known.course.zone)
    return lambda period: period.start_at < end_at and period.end_at > start_at


def _beginning_until(known: Known, day: dt.date) -> Callable[[Period], bool]:
    end_at = day_start(day + ONE_DAY, known.course.zone)
    return lambda period: period.start_at < end_at


def _ending_after(known: Known, day: dt.date) -> Callable[[Period], bool]:
    start_at = day_start(day, known.course.zone)
    return lambda period: period.end_at > start_at


def _ordered_periods(order: Order, known: Known) -> Iterable[Period]:
    zone = known.course.zone
    if order.bounds:
        yield period_between(*order.bounds, zone)
    for day in existing_days(order.days, zone):
        for grain in STANDARD_GRAINS:
            yield period_of(day, grain, zone)


def existing_days(days: Iterable[dt.date], zone: ZoneInfo) -> tuple[dt.date, ...]:
    """Leave out days that a zone has skipped, as islands did that moved across the date line.

    Args:
        days: days in any order.
        zone: the zone.

    Returns:
        The days that have a length, each once, in order.

    >>> existing_days([dt.date(2011, 12, 31), dt.date(2011, 12, 30)], ZoneInfo("Pacific/Apia"))
    (datetime.date(2011, 12, 31),)
    """
    return tuple(day for day in sorted(set(days)) if day_start(day, zone) < day_start(day + ONE_DAY, zone))
