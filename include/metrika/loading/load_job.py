"""What a load needs beside the days: the counter and its zone, fields, tables, orders at Metrika."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from include.days import require_closed_day, today_in
from include.errors import SourceRejected
from include.metrika.client.logs_api import LogOrder, LogsApi
from include.metrika.fields.kinds import Field
from include.metrika.fields.resolving import resolve_fields, split_fields
from include.metrika.loading.part_loading import StagedRequest, days_of
from include.metrika.loading.tables import source_table
from include.metrika.requests.own_requests import OwnRequest, ensure_request
from include.metrika.requests.planning import plan_orders
from include.progress import Progress, no_progress
from include.settings import MetrikaSettings
from include.state.counters import Counter, known_zone, write_counter
from include.warehouse.client import Warehouse
from include.warehouse.schema import Table

log = logging.getLogger(__name__)

SOURCES = ("visits", "hits")
EARLIEST_ZONE = ZoneInfo("Pacific/Kiritimati")  # a day that is not over there is not over anywhere
HIT_VISIT_FIELD = "ym:pv:visitID"  # refused by Metrika for days before 10 October 2025


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
    days: Sequence[dt.date] = (),
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
        days: days somebody asks for; one that cannot be over yet is refused before Metrika is asked.
        progress: told what happens.

    Returns:
        A job to hand to the other functions of this module.

    Raises:
        InputError: a day is not over.
        SourceRejected: unknown counter or wrong token.
        SourceUnavailable: Metrika does not answer.
    """
    zone = known_zone(state, counter_id) or EARLIEST_ZONE
    for day in days:
        require_closed_day(day, zone)
    info = api.counter(counter_id)
    counter = Counter(counter_id, info.name, info.time_zone)
    with state.begin() as connection:
        write_counter(connection, counter)
    return LoadJob(warehouse, state, api, settings, counter, run_id, progress)


def plan_load(job: LoadJob, days: Sequence[dt.date]) -> dict[str, list[tuple[LogOrder, ...]]]:
    """Plan both logs of a range.

    Args:
        job: the load.
        days: consecutive closed days.

    Returns:
        Chunks per source, see :func:`plan_chunks`.

    Raises:
        InputError: a day is not over, or a field is unknown.
        SourceRejected: Metrika's store is full and nothing of ours can be cleaned.
    """
    check_days(job, days)
    return {source: plan_chunks(job, source, days) for source in SOURCES}


def first_orders(plan: Mapping[str, Sequence[tuple[LogOrder, ...]]]) -> list[LogOrder]:
    """What to order at once, before anything is downloaded.

    Args:
        plan: chunks per source.

    Returns:
        Both logs, so that Metrika prepares them at the same time; only the first chunk when its
        store is so small that a range had to be split.
    """
    is_tight = any(len(chunks) > 1 for chunks in plan.values())
    firsts = [chunks[0] for chunks in plan.values()]
    return [order for chunk in (firsts[:1] if is_tight else firsts) for order in chunk]


def order_days(job: LoadJob, days: Sequence[dt.date]) -> tuple[OwnRequest, ...]:
    """Order the logs of a range at Metrika without waiting for them.

    Args:
        job: the load.
        days: consecutive closed days.

    Returns:
        The requests ordered so far; further chunks are ordered while loading.

    Raises:
        InputError: a day is not over, or a field is unknown.
    """
    return tuple(order_log(job, order) for order in first_orders(plan_load(job, days)))


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


def check_days(job: LoadJob, days: Sequence[dt.date]) -> None:
    """Refuse days that are not over in the counter's zone.

    Args:
        job: the load.
        days: the days.

    Raises:
        InputError: a day is today or later.
    """
    for day in days:
        require_closed_day(day, job.counter.zone)


def fields_of(job: LoadJob, source: str) -> tuple[Field, ...]:
    """Fields a load asks for.

    Args:
        job: the load.
        source: visits or hits.

    Returns:
        The required fields and those of the settings.

    Raises:
        InputError: a field of the settings is unknown.
    """
    extra = job.settings.visit_fields if source == "visits" else job.settings.hit_fields
    return resolve_fields(source, extra)


def table_of(job: LoadJob, source: str) -> Table:
    """Table a source is stored in.

    Args:
        job: the load.
        source: visits or hits.

    Returns:
        Its definition, with a column per field of the load.
    """
    return source_table(source, fields_of(job, source))


def _range_of(job: LoadJob, source: str, days: Sequence[dt.date]) -> tuple[dt.date, dt.date]:
    """Hits reach one day further, as far as that day is over: visits over midnight keep their tail."""
    last = days[-1]
    if source == "hits":
        last = min(last + dt.timedelta(days=1), today_in(job.counter.zone) - dt.timedelta(days=1))
    return days[0], last


def plan_chunks(job: LoadJob, source: str, days: Sequence[dt.date]) -> list[tuple[LogOrder, ...]]:
    """Plan the log requests of a range.

    Args:
        job: the load.
        source: visits or hits.
        days: consecutive days.

    Returns:
        Chunks of the range in order; each is one order, or one per half of a long field list.

    Raises:
        SourceRejected: Metrika's store is full and nothing of ours can be cleaned.
    """
    first, last = _range_of(job, source, days)
    halves = [tuple(field.api_name for field in half) for half in split_fields(fields_of(job, source))]
    orders = [LogOrder(job.counter.counter_id, source, first, last, names) for names in halves]
    return list(zip(*(_plan_order(job, order) for order in orders), strict=True))


def _plan_order(job: LoadJob, order: LogOrder) -> tuple[LogOrder, ...]:
    """Split an order to Metrika's room; ask without the hit's visit id where Metrika does not have it."""
    try:
        return plan_orders(job.api, job.state, order)
    except SourceRejected as error:
        if HIT_VISIT_FIELD not in order.fields or HIT_VISIT_FIELD not in error.message:
            raise
        log.warning("Metrika refuses %s for %s; hits are joined by watch ids", HIT_VISIT_FIELD, order)
        fields = tuple(name for name in order.fields if name != HIT_VISIT_FIELD)
        return plan_orders(job.api, job.state, replace(order, fields=fields))


def order_log(job: LoadJob, order: LogOrder) -> OwnRequest:
    """Order a log, or find it again.

    Args:
        job: the load.
        order: what to ask for.

    Returns:
        The request as it stands.
    """
    return ensure_request(job.api, job.state, order, job.run_id)


def staged_request(job: LoadJob, own: OwnRequest) -> StagedRequest:
    """Describe how the parts of a processed request are staged.

    Args:
        job: the load.
        own: a request that is ready.

    Returns:
        What the part loader needs.
    """
    request = own.prepared
    known = {name: f for f in fields_of(job, request.source) for name in f.names}
    return StagedRequest(
        order_id=own.order_id,
        request=request,
        fields=tuple(known[name] for name in own.order.fields),
        table=table_of(job, request.source),
        days=days_of(own.order.first_date, own.order.last_date),
        time_zone=job.counter.time_zone,
        quotes=job.settings.quotes,
    )
