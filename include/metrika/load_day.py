"""The load job: closed days of one counter from Metrika into ``visits`` and ``hits``, swapped in whole."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from include.days import require_closed_day, today_in, utc_now
from include.errors import CounterflowError, SourceDataError, SourceRejected, StoreConflict
from include.failpoints import failpoint
from include.metrika.day_staging import StagedRange, drop_range, stage_range, staging_tables
from include.metrika.field_kinds import Field
from include.metrika.fields import resolve_fields, split_fields
from include.metrika.logs_api import LogOrder, LogsApi
from include.metrika.part_loading import PartCounts, PartLoader, StagedRequest, days_of
from include.metrika.requests import OwnRequest, ensure_request, plan_orders, release, wait_processed
from include.metrika.tables import quarantine_table, source_table
from include.progress import Progress, no_progress
from include.settings import MetrikaSettings
from include.state.counters import Counter, write_counter
from include.state.locks import day_lock
from include.state.manifest import StageRecord, read_stages, write_stage
from include.warehouse.client import Warehouse
from include.warehouse.day_swap import swap_day
from include.warehouse.schema import Table, ensure_tables

log = logging.getLogger(__name__)

SOURCES = ("visits", "hits")
HIT_VISIT_FIELD = "ym:pv:visitID"  # refused by Metrika for days before 10 October 2025
LOADER_VERSION = "1"


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


@dataclass(frozen=True)
class LoadJob:
    """Everything a load needs beside the days.

    Attributes:
        warehouse: ClickHouse.
        state: PostgreSQL.
        api: the Logs API.
        settings: fields, dialect, thresholds, waiting.
        counter: the counter and its zone.
        run_id: who loads, for the manifest.
        progress: told what happens.
    """

    warehouse: Warehouse
    state: Engine
    api: LogsApi
    settings: MetrikaSettings
    counter: Counter
    run_id: str
    progress: Progress = no_progress


def open_load(
    warehouse: Warehouse,
    state: Engine,
    api: LogsApi,
    settings: MetrikaSettings,
    *,
    counter_id: int,
    run_id: str,
    progress: Progress = no_progress,
) -> LoadJob:
    """Ask Metrika about the counter and remember its zone.

    Args:
        warehouse: ClickHouse.
        state: PostgreSQL.
        api: the Logs API.
        settings: Metrika settings.
        counter_id: the counter.
        run_id: who loads.
        progress: told what happens.

    Returns:
        A job to hand to the other functions of this module.

    Raises:
        SourceRejected: unknown counter or wrong token.
        SourceUnavailable: Metrika does not answer.
    """
    info = api.counter(counter_id)
    counter = Counter(counter_id, info.name, info.time_zone)
    with state.begin() as connection:
        write_counter(connection, counter)
    return LoadJob(warehouse, state, api, settings, counter, run_id, progress)


def order_days(job: LoadJob, days: Sequence[dt.date]) -> tuple[OwnRequest, ...]:
    """Order the logs of a range at Metrika without waiting for them.

    Args:
        job: the load.
        days: consecutive closed days.

    Returns:
        The requests that come first; further chunks of a split range are ordered while loading.

    Raises:
        InputError: a day is not over, or a field is unknown.
    """
    _check_days(job, days)
    return tuple(_ensure(job, halves[0][0]) for halves in (_plan(job, source, days) for source in SOURCES) if halves)


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
    started = time.monotonic()
    _check_days(job, days)
    tables = [table for source in SOURCES for table in (_table(job, source), quarantine_table(source))]
    ensure_tables(job.warehouse, tables)
    with day_lock(job.state, job.counter.counter_id, (*days, days[-1] + dt.timedelta(days=1)), purpose="load"):
        owned: list[OwnRequest] = []
        ranges: list[StagedRange] = []
        try:
            for source in SOURCES:
                ranges += _stage_source(job, source, days, owned)
            for staged in ranges:
                _check_range(job, staged)
            failpoint("load.staged")
            changed = _swap(job, ranges, time.monotonic() - started)
        except CounterflowError as error:
            if not (keep_for_retry and error.retryable):
                _clean_up(job, owned, ranges)
            raise
        failpoint("load.swapped")
        _clean_up(job, owned, ranges)
    report = _report(job, days, ranges, changed, time.monotonic() - started)
    log.info(
        "day %s..%s counter %d: received %d, visits %d, hits %d, quarantined %d, duplicates %d, %.1f s",
        days[0], days[-1], job.counter.counter_id, report.received, report.visits, report.hits,
        report.quarantined, report.duplicates, report.seconds,
    )  # fmt: skip
    return report


def refresh_days(day: dt.date, zone: ZoneInfo, reload_days: int, now: dt.datetime | None = None) -> tuple[dt.date, ...]:
    """Days a daily run loads: its own, and before it those whose visits may still change.

    Args:
        day: the run's day.
        zone: the counter's zone.
        reload_days: how long visits keep changing; 99 % end within 3 days.
        now: aware instant to use instead of the clock.

    Returns:
        Consecutive days, the run's day last. A day further back than ``reload_days`` is alone:
        nothing changes there any more.
    """
    if day < today_in(zone, now) - dt.timedelta(days=reload_days + 1):
        return (day,)
    return tuple(day - dt.timedelta(days=back) for back in range(reload_days, -1, -1))


def _check_days(job: LoadJob, days: Sequence[dt.date]) -> None:
    for day in days:
        require_closed_day(day, job.counter.zone)


def _fields(job: LoadJob, source: str) -> tuple[Field, ...]:
    extra = job.settings.visit_fields if source == "visits" else job.settings.hit_fields
    return resolve_fields(source, extra)


def _table(job: LoadJob, source: str) -> Table:
    return source_table(source, _fields(job, source))


def _range_of(job: LoadJob, source: str, days: Sequence[dt.date]) -> tuple[dt.date, dt.date]:
    """Hits reach one day further, as far as that day is over: visits over midnight keep their tail."""
    last = days[-1]
    if source == "hits":
        last = min(last + dt.timedelta(days=1), today_in(job.counter.zone) - dt.timedelta(days=1))
    return days[0], last


def _plan(job: LoadJob, source: str, days: Sequence[dt.date]) -> list[list[LogOrder]]:
    """Chunks of the range; each chunk one order, or several when the field list is long."""
    first, last = _range_of(job, source, days)
    return [
        list(chunk)
        for chunk in zip(
            *(
                plan_orders(
                    job.api,
                    job.state,
                    LogOrder(job.counter.counter_id, source, first, last, tuple(f.api_name for f in half)),
                )
                for half in split_fields(_fields(job, source))
            ),
            strict=True,
        )
    ]


def _ensure(job: LoadJob, order: LogOrder) -> OwnRequest:
    """Order a log; without the hit's visit id where Metrika does not have it."""
    try:
        return ensure_request(job.api, job.state, order, job.run_id)
    except SourceRejected as error:
        if HIT_VISIT_FIELD not in order.fields or HIT_VISIT_FIELD not in error.message:
            raise
        log.warning(
            "Metrika refuses %s for %s..%s; hits are joined by watch ids",
            HIT_VISIT_FIELD,
            order.first_date,
            order.last_date,
        )
        fields = tuple(name for name in order.fields if name != HIT_VISIT_FIELD)
        narrower = LogOrder(order.counter_id, order.source, order.first_date, order.last_date, fields)
        return ensure_request(job.api, job.state, narrower, job.run_id)


def _stage_source(job: LoadJob, source: str, days: Sequence[dt.date], owned: list[OwnRequest]) -> list[StagedRange]:
    chunks = _plan(job, source, days)
    ranges = []
    for number, chunk in enumerate(chunks, start=1):
        halves, counts = [], []
        for order in chunk:
            own = wait_processed(job.api, job.state, _ensure(job, order), job.settings, job.progress)
            owned.append(own)
            failpoint(f"load.{source}_processed")
            staged = _staged_request(job, own)
            halves.append(staged)
            counts.append(PartLoader(job.warehouse, job.state, job.api, staged).load_all(job.progress))
        ranges.append(stage_range(job.warehouse, halves, counts, job.counter.counter_id))
        failpoint(f"load.{source}_staged")
        if number < len(chunks):  # prepared chunks share one store at Metrika: free it for the next
            for own in owned[-len(chunk) :]:
                release(job.api, job.state, own)
    return ranges


def _staged_request(job: LoadJob, own: OwnRequest) -> StagedRequest:
    request = own.request
    known = {name: f for f in _fields(job, request.source) for name in f.names}
    return StagedRequest(
        order_id=own.order_id,
        request=request,
        fields=tuple(known[name] for name in own.order.fields),
        table=_table(job, request.source),
        days=days_of(own.order.first_date, own.order.last_date),
        time_zone=job.counter.time_zone,
        quotes=job.settings.quotes,
    )


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
            f"{job.settings.quarantine_share:g}; most often {reason} {name} ({count} rows, first in part {part} line {line}). "
            "Nothing was stored; look at the rows, or raise METRIKA_QUARANTINE_SHARE.",
            counter_id=job.counter.counter_id,
        )
    counts = staged.counts
    if counts.received and counts.received < staged.stored + staged.duplicates:
        raise StoreConflict(
            f"{staged.stored} {staged.table.name} rows are staged but only {counts.received} arrived; load the day again."
        )


def _swap(job: LoadJob, ranges: Iterable[StagedRange], seconds: float) -> tuple[str, ...]:
    """Swap all days in, then write their manifest in one transaction; say which days changed."""
    counter_id = job.counter.counter_id
    records = []
    for staged in ranges:
        for day in staged.days:
            swap_day(job.warehouse, staged.table, staged.stage, counter_id, day)
            failpoint(f"load.{staged.table.name}_day_swapped")
            swap_day(job.warehouse, quarantine_table(staged.table.name), staged.quarantine_stage, counter_id, day)
            records.append(_record(job, staged, day, seconds))
    failpoint("load.all_swapped")
    with job.state.begin() as connection:
        before = {
            (known.day, known.stage): known.digest
            for known in read_stages(connection, counter_id, {record.day for record in records}, SOURCES)
        }
        for record in records:
            write_stage(connection, record)
    changed = {record.day for record in records if before.get((record.day, record.stage)) != record.digest}
    return tuple(sorted(day.isoformat() for day in changed))


def _record(job: LoadJob, staged: StagedRange, day: dt.date, seconds: float) -> StageRecord:
    summary = staged.summary(day)
    return StageRecord(
        counter_id=job.counter.counter_id,
        day=day,
        stage=staged.table.name,
        digest=summary.digest,
        input_digest=hashlib.sha256(f"{LOADER_VERSION} {summary.digest}".encode()).hexdigest()[:32],
        run_id=job.run_id,
        duration_seconds=seconds,
        finished_at=utc_now(),
        counts={"stored": summary.row_count, "quarantined": staged.quarantined.get(day, 0)},
        details={
            "loader": LOADER_VERSION,
            "time_zone": job.counter.time_zone,
            "fields": [f.api_name for f in _fields(job, staged.table.name)],
            "range": {"received": staged.received, "stored": staged.stored, "duplicates": staged.duplicates,
                      "quarantined": sum(staged.quarantined.values())},
        },
    )  # fmt: skip


def _clean_up(job: LoadJob, owned: Sequence[OwnRequest], ranges: Sequence[StagedRange]) -> None:
    for own in owned:
        release(job.api, job.state, own)
        failpoint("load.released")
        drop_range(job.warehouse, staging_tables(_staged_request(job, own)))
    for staged in ranges:
        drop_range(job.warehouse, staged.leftovers)


def _report(
    job: LoadJob, days: Sequence[dt.date], ranges: Sequence[StagedRange], changed: tuple[str, ...], seconds: float
) -> LoadReport:
    def stored(source: str) -> int:
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
