"""The load job: closed days of one counter from Metrika into ``visits`` and ``hits``, swapped in whole."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from include.days import utc_now
from include.errors import CounterflowError, SourceDataError, SourceError, SourceRejected, StoreConflict
from include.failpoints import failpoint
from include.metrika.client.logs_api import LogOrder
from include.metrika.loading.day_records import describe_range
from include.metrika.loading.day_staging import StagedRange, stage_range, staging_tables
from include.metrika.loading.load_job import (
    SOURCES,
    LoadJob,
    first_orders,
    order_log,
    plan_load,
    staged_request,
    table_of,
)
from include.metrika.loading.part_loading import PartLoader
from include.metrika.loading.phases import DOWNLOADING, QUEUE, REQUESTING, STORING, PhaseClock
from include.metrika.loading.tables import quarantine_table
from include.metrika.requests.own_requests import OwnRequest, mark_loaded, wait_processed
from include.metrika.requests.releasing import release
from include.state.locks import day_lock
from include.state.manifest import read_stages, write_stage
from include.warehouse.day_swap import swap_day
from include.warehouse.schema import drop_tables, ensure_tables

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadReport:
    """What one load did.

    Attributes:
        counter_id: the counter.
        days: days loaded, ``YYYY-MM-DD``.
        received: rows Metrika sent, visits and hits together.
        visits: visits stored.
        hits: hits stored, those of the day after included.
        quarantined: rows set aside with a reason.
        duplicates: rows whose key was there already.
        unchanged: True when every day was stored before with the same contents.
        changed_days: days whose visits or hits differ from before.
        reasons: dialect counts: nulls, empty numbers, replaced bytes, unwrapped fields.
        seconds: duration.
    """

    counter_id: int
    days: tuple[str, ...]
    received: int
    visits: int
    hits: int
    quarantined: int
    duplicates: int
    unchanged: bool
    changed_days: tuple[str, ...]
    reasons: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


def load_days(job: LoadJob, days: Sequence[dt.date], *, keep_for_retry: bool = False) -> LoadReport:
    """Load consecutive days of the job's counter.

    Args:
        job: the load.
        days: consecutive closed days, local to the counter.
        keep_for_retry: leave log requests and staged parts in place after an error that a retry may
            overcome; whoever retries, or housekeeping, frees them.

    Returns:
        Counts of the whole load.

    Raises:
        InputError: a day is not over, or a field is unknown.
        SourceDataError: too many unusable rows, a damaged part, or a foreign header; nothing was stored.
        SourceError: Metrika refused or does not answer.
        StoreError: a store refused or does not answer.
    """
    started, clock, began_at = time.monotonic(), PhaseClock(), utc_now()
    tables = [table for source in SOURCES for table in (table_of(job, source), quarantine_table(source))]
    ensure_tables(job.warehouse, tables)
    with day_lock(job.state, job.counter.counter_id, (*days, days[-1] + dt.timedelta(days=1)), purpose="load"):
        owned: list[OwnRequest] = []
        ranges: list[StagedRange] = []
        try:
            with clock.phase(REQUESTING):
                plan = plan_load(job, days)
                has_room = _order_first(job, plan, owned)
            clock.note_waited([own.ordered_at for own in owned], began_at)
            for source, chunks in plan.items():
                ranges += _stage_source(job, source, chunks, owned, clock, release_early=not has_room)
            for staged in ranges:
                _check_range(job, staged)
            failpoint("load.staged")
            with clock.phase(STORING):
                _swap(job, ranges)
            failpoint("load.all_swapped")
            changed = _write_down(job, ranges, clock, time.monotonic() - started)
        except CounterflowError as error:
            if not (keep_for_retry and error.retryable):
                _clean_up(job, owned)
            raise
        failpoint("load.swapped")
        if has_room:  # otherwise they are given back already
            for own in owned:
                mark_loaded(job.state, own)
        _clean_up_stored(job, owned)
    report = _report(job, days, ranges, changed, time.monotonic() - started)
    log.info(
        "day %s..%s counter %d: received %d, visits %d, hits %d, quarantined %d, duplicates %d, %.1f s",
        days[0], days[-1], job.counter.counter_id, report.received, report.visits, report.hits,
        report.quarantined, report.duplicates, report.seconds,
    )  # fmt: skip
    return report


def _order_first(job: LoadJob, plan: Mapping[str, Sequence[tuple[LogOrder, ...]]], owned: list[OwnRequest]) -> bool:
    """Order what can be prepared at the same time; False when Metrika's store has room for one log at a time."""
    orders = first_orders(plan)
    for order in orders:
        try:
            owned.append(order_log(job, order))
        except SourceRejected:
            if not owned:
                raise
            return False  # the estimate was too low; this log is ordered once the others are given back
    return len(orders) == sum(len(chunk) for chunks in plan.values() for chunk in chunks)


def _stage_source(
    job: LoadJob,
    source: str,
    chunks: Sequence[Sequence[LogOrder]],
    owned: list[OwnRequest],
    clock: PhaseClock,
    *,
    release_early: bool,
) -> list[StagedRange]:
    ranges = []
    for chunk in chunks:
        ready, counts = [], []
        for order in chunk:
            with clock.phase(QUEUE):
                own = wait_processed(job.api, job.state, order_log(job, order), job.settings, job.progress)
            owned.append(own)
            failpoint(f"load.{source}_processed")
            ready.append(staged_request(job, own))
            with clock.phase(DOWNLOADING):
                counts.append(PartLoader(job.warehouse, job.state, job.api, ready[-1]).load_all(job.progress))
        with clock.phase(STORING):
            ranges.append(stage_range(job.warehouse, ready, counts, job.counter.counter_id))
        failpoint(f"load.{source}_staged")
        if release_early:  # the rows are in their staging tables; the next log needs the room
            for own in owned[-len(chunk) :]:
                release(job.api, job.state, own)
    return ranges


def _check_range(job: LoadJob, staged: StagedRange) -> None:
    bad = sum(staged.quarantined.values())
    if staged.received and bad > job.settings.quarantine_share * staged.received:
        sample = job.warehouse.execute(
            f"SELECT reason, count() AS n, any(field), min((part_number, line_number)) FROM {staged.quarantine_stage} "
            "GROUP BY reason ORDER BY n DESC LIMIT 1"
        )[0]
        reason, count, name, (part, line) = sample
        raise SourceDataError(
            f"{bad} of {staged.received} {staged.table.name} rows cannot be read, more than the allowed share "
            f"{job.settings.quarantine_share:g}; most often {reason} {name} ({count} rows, first in part {part} "
            f"line {line}). Nothing was stored; look at the rows, or raise METRIKA_QUARANTINE_SHARE.",
            counter_id=job.counter.counter_id,
        )
    counts = staged.counts
    if counts.received and counts.received < staged.stored + staged.duplicates:
        raise StoreConflict(
            f"{staged.stored} {staged.table.name} rows are staged but only {counts.received} arrived; "
            "load the day again."
        )


def _swap(job: LoadJob, ranges: Iterable[StagedRange]) -> None:
    """Swap all days in."""
    counter_id = job.counter.counter_id
    for staged in ranges:
        for day in staged.days:
            swap_day(job.warehouse, staged.table, staged.stage, counter_id, day)
            failpoint(f"load.{staged.table.name}_day_swapped")
            swap_day(job.warehouse, quarantine_table(staged.table.name), staged.quarantine_stage, counter_id, day)


def _write_down(job: LoadJob, ranges: Iterable[StagedRange], clock: PhaseClock, seconds: float) -> tuple[str, ...]:
    """Write the manifest of all days in one transaction; say which days changed."""
    counter_id = job.counter.counter_id
    loaded = [one for staged in ranges for one in describe_range(job, staged, clock.seconds, seconds)]
    records = [one.record for one in loaded]
    with job.state.begin() as connection:
        before = {
            (known.day, known.stage): known.digest
            for known in read_stages(connection, counter_id, {record.day for record in records}, SOURCES)
        }
        for one in loaded:
            write_stage(connection, one.record, narrowing=one.narrowing)
    changed = {record.day for record in records if before.get((record.day, record.stage)) != record.digest}
    return tuple(sorted(day.isoformat() for day in changed))


def _clean_up(job: LoadJob, owned: Sequence[OwnRequest]) -> None:
    """Drop staging tables, then give the logs back: a crash in between leaves requests that a new run finds."""
    for own in {own.order_id: own for own in owned}.values():
        if own.is_ready:
            drop_tables(job.warehouse, staging_tables(staged_request(job, own)))
        failpoint("load.cleared")
        release(job.api, job.state, own)
        failpoint("load.released")


def _clean_up_stored(job: LoadJob, owned: Sequence[OwnRequest]) -> None:
    """The same once the rows are stored: a log Metrika does not take back is no failure, the janitor comes again."""
    try:
        _clean_up(job, owned)
    except SourceError as error:
        log.warning("%s The rows are stored; housekeeping gives the log back later.", error.message)


def _report(
    job: LoadJob, days: Sequence[dt.date], ranges: Sequence[StagedRange], changed: tuple[str, ...], seconds: float
) -> LoadReport:
    def stored(source: str) -> int:
        """Rows stored of one source."""
        return sum(staged.stored for staged in ranges if staged.table.name == source)

    names = ("nulls", "empty_numbers", "bad_utf8", "unwrapped")
    return LoadReport(
        counter_id=job.counter.counter_id,
        days=tuple(day.isoformat() for day in days),
        received=sum(staged.received for staged in ranges),
        visits=stored("visits"),
        hits=stored("hits"),
        quarantined=sum(sum(staged.quarantined.values()) for staged in ranges),
        duplicates=sum(staged.duplicates for staged in ranges),
        unchanged=not changed,
        changed_days=changed,
        reasons={name: sum(getattr(staged.counts, name) for staged in ranges) for name in names},
        seconds=round(seconds, 3),
    )
