"""The planner: what loading a range of days will take, before anything is loaded."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

from include.days import require_closed_day, today_in
from include.errors import InputError, SourceRejected
from include.metrika.client.logs_api import Evaluation, LogOrder
from include.metrika.fields.resolving import split_fields
from include.metrika.loading.load_job import HIT_VISIT_FIELD, SOURCES, LoadJob, fields_of
from include.metrika.planning.basis import TOO_LOW_FACTOR, Basis
from include.metrika.planning.day_choice import DayChoice, choose_days
from include.metrika.planning.history import History, read_history
from include.metrika.planning.sizes import DayFigures, Sizes, learn_sizes
from include.metrika.planning.totals import add_up
from include.metrika.requests.planning import MAX_PERIOD_DAYS

logger = logging.getLogger(__name__)

RUNS_AT_ONCE = 4  # of a DAG, so that many loads of one counter may hold logs and staging tables together
PROBABILITY_BYTES = 24  # of one visit while models are asked


@dataclass(frozen=True)
class CounterPlan:
    """What a backfill of one counter will take.

    Attributes:
        counter_id: the counter.
        time_zone: zone of its days.
        days: which days are loaded and which are not asked for.
        known_days: days of its own history behind the figures; 0 when they rest on Metrika's estimate.
        figures: by day to load.
        totals: over these days, each with its range.
        log_peak_bytes: prepared logs at Metrika at the same time.
        log_room_bytes: room Metrika has for them; None when it did not say.
        largest_log_bytes: the logs of the largest day, which have to fit alone.
        staging_peak_bytes: staging tables at the same time.
    """

    counter_id: int
    time_zone: str
    days: DayChoice
    known_days: int
    figures: Mapping[dt.date, DayFigures]
    totals: Mapping[str, Any]
    log_peak_bytes: int
    log_room_bytes: int | None
    largest_log_bytes: int
    staging_peak_bytes: int

    def as_dict(self) -> dict[str, Any]:
        """The plan as JSON holds it."""
        return {
            "counter_id": self.counter_id,
            "time_zone": self.time_zone,
            "days": {name: [day.isoformat() for day in days] for name, days in asdict(self.days).items()},
            "known_days": self.known_days,
            "figures": {day.isoformat(): asdict(one) for day, one in self.figures.items()},
            "totals": {name: asdict(amount) for name, amount in self.totals.items()},
            "log_peak_bytes": self.log_peak_bytes,
            "log_room_bytes": self.log_room_bytes,
            "largest_log_bytes": self.largest_log_bytes,
            "staging_peak_bytes": self.staging_peak_bytes,
        }


def plan_counters(jobs: Sequence[LoadJob], days: Sequence[dt.date]) -> tuple[CounterPlan, ...]:
    """Plan the same days for several counters; asks Metrika once per counter and source.

    Args:
        jobs: an opened load per counter.
        days: consecutive days.

    Returns:
        A plan per counter, in order.

    Raises:
        InputError: no day of the range is over yet, or nothing is known of a counter and Metrika gives no estimate.
        SourceError: Metrika refused or does not answer.
        StoreUnavailable: a store cannot be reached.
    """
    for job in jobs:
        require_closed_day(days[0], job.counter.zone)
    histories = {job.counter.counter_id: _history(job) for job in jobs}
    bases = [_basis(job, histories, days) for job in jobs]
    factor = _factor(bases)
    return tuple(
        _plan(job, replace(basis, factor=factor), choose_days(job, basis.own, days))
        for job, basis in zip(jobs, bases, strict=True)
    )


def _history(job: LoadJob) -> History:
    return read_history(job.warehouse, job.state, job.counter.counter_id)


def _basis(job: LoadJob, histories: Mapping[int, History], days: Sequence[dt.date]) -> Basis:
    own = histories[job.counter.counter_id]
    last_closed = today_in(job.counter.zone) - dt.timedelta(days=1)
    wanted = choose_days(job, own, days).to_load
    evaluated, range_days = {}, {}
    for source in SOURCES if wanted else ():
        order = _order(job, source, wanted, last_closed)
        evaluation = _evaluate(job, order)
        if evaluation is not None:
            evaluated[source] = evaluation
            range_days[source] = (order.last_date - order.first_date).days + 1
    return Basis(
        own=own,
        others=[history for counter_id, history in histories.items() if counter_id != own.counter_id],
        fields={source: split_fields(fields_of(job, source)) for source in SOURCES},
        settings=job.settings,
        last_closed=last_closed,
        evaluated=evaluated,
        range_days=range_days,
    )


def _order(job: LoadJob, source: str, days: Sequence[dt.date], last_closed: dt.date) -> LogOrder:
    """The range as one log, as far as one question may reach; of a long field list the first part."""
    last = days[-1] if source == SOURCES[0] else min(days[-1] + dt.timedelta(days=1), last_closed)
    last = min(last, days[0] + dt.timedelta(days=MAX_PERIOD_DAYS - 1))
    fields = split_fields(fields_of(job, source))[0]
    return LogOrder(job.counter.counter_id, source, days[0], last, tuple(one.api_name for one in fields))


def _evaluate(job: LoadJob, order: LogOrder) -> Evaluation | None:
    job.progress(f"asking Metrika about {order}", 0, 0)
    try:
        return job.api.evaluate(order)
    except SourceRejected as error:
        if HIT_VISIT_FIELD not in error.message:
            raise
        logger.info("Metrika has no %s for %s and makes no estimate of it", HIT_VISIT_FIELD, order)
        return None


def _factor(bases: Iterable[Basis]) -> float:
    """How much more comes than Metrika estimates: seen where the history knows better, else as recorded once."""
    seen = []
    for basis in bases:
        for source, evaluation in basis.evaluated.items():
            if not (basis.is_known and evaluation.expected_bytes):
                continue
            days = basis.range_days[source]
            foretold = basis.row_bytes(source, basis.fields[source][0]).at(basis.rows(source).level * days)
            seen.append(foretold / evaluation.expected_bytes)
    return median(seen) if seen else TOO_LOW_FACTOR


def _plan(job: LoadJob, basis: Basis, choice: DayChoice) -> CounterPlan:
    if choice.to_load and not basis.is_known and not basis.has_estimate:
        raise InputError(
            f"Nothing is known of counter {job.counter.counter_id} and Metrika gives no estimate of its logs; load one "
            f"day first ('python -m include load --date {choice.to_load[-1]} --counter {job.counter.counter_id}').",
            code="no_history",
        )
    sizes = learn_sizes(basis)
    figures = {day: sizes.figure(day) for day in choice.to_load}
    at_once = min(RUNS_AT_ONCE, len(figures))
    largest = round(max((one.download_bytes for one in figures.values()), default=0.0))
    room = [one.limit_bytes - one.stored_bytes for one in basis.evaluated.values() if one.stored_bytes is not None]
    return CounterPlan(
        counter_id=job.counter.counter_id,
        time_zone=job.counter.time_zone,
        days=choice,
        known_days=len(basis.own.rows(SOURCES[0])),
        figures=figures,
        totals=add_up(sizes, figures),
        log_peak_bytes=largest * at_once,
        log_room_bytes=min(room) if room else None,
        largest_log_bytes=largest,
        staging_peak_bytes=at_once * _staging_bytes(sizes, figures.values()),
    )


def _staging_bytes(sizes: Sizes, figures: Iterable[DayFigures]) -> int:
    """Of one day: the downloaded rows, twice when halves are joined, or the scores on their way."""
    copies = 1 + any(len(halves) > 1 for halves in sizes.basis.fields.values())
    peaks = (
        max(copies * sizes.raw.at(one.received), one.derived_bytes + PROBABILITY_BYTES * one.visits) for one in figures
    )
    return round(max(peaks, default=0.0))
