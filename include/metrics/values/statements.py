"""The query of a batch: fixed texts from the SQL files put together, every value bound as a parameter."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from include.metrics.catalogue.cards import Card
from include.metrics.names import Metric
from include.metrics.parts.sql import Statement
from include.metrics.periods.grains import Grain, day_start, local_day
from include.metrics.tables import KIND_COUNTS, TIMEOUTS_SECONDS
from include.metrics.values.batches import COMPLETION, RETENTION, Batch
from include.metrics.values.sources import days_of, done_of, only, read_sql, stored
from include.settings.learning import UNBOUNDED

EPOCH_DAY = dt.date(1970, 1, 1)
LAST_DAY = dt.date(2149, 6, 6)  # the last one a Date of ClickHouse holds
MS_PER_SECOND = 1000
SUMS = (
    *("event_count", *KIND_COUNTS, "session_count", "engaged_session_count"),
    *(f"{what}_{seconds}_ms" for what in ("active", "task") for seconds in TIMEOUTS_SECONDS),
)
MADE = (
    "Tuple(is_produced UInt8, value Nullable(Float64), numerator Nullable(Float64), denominator Nullable(Float64), "
    "sample_n UInt32, null_reason String, by_timeout Array(Float64))"
)


def values_of(batch: Batch, events_table: str, *, person_id: str | None = None) -> Statement:
    """The query that calculates a batch.

    Args:
        batch: what to calculate.
        events_table: ClickHouse table of events, read only where a period cuts days.
        person_id: one person only; None for everybody.

    Returns:
        A SELECT of metric, version, period_day (number of the period's first local day), person_id, value, numerator,
        denominator, sample_n, null_reason and by_timeout. At least one card has to be produced.
    """
    cards = produced_cards(batch)
    days = days_of(batch, events_table, person_id)
    joins, params = [], {**_batch_params(batch, cards), **days.params, "person_id": person_id or ""}
    if any((card.metric, card.version) == COMPLETION for card in cards) and batch.required:
        done = done_of(batch, events_table, person_id)
        joins.append(_joined(read_sql("done_days").format(done=done.sql), "done"))
        params |= {**done.params, "required": batch.required, "required_count": len(batch.required)}
    for card in cards:
        if (card.metric, card.version) == RETENTION:
            joins.append(_joined(stored("first_days", batch.history, only_person=only(person_id)), "first_days"))
            params |= _retention_params(batch, card)
        params |= {f"weight_{kind}": weight for kind, weight in card.parameters.get("weights", {}).items()}
    sums = ",\n    ".join(f"sum({name}) AS {name}" for name in SUMS)
    sql = read_sql("values").format(
        made=",\n".join(f"CAST({_made_by(card, batch)}, '{MADE}')" for card in cards),
        person_periods=read_sql("person_periods").format(sums=sums, days=days.sql),
        history="\n".join(joins),
    )
    return Statement(sql, params)


def text_of(values: Statement, batch: Batch, settings: Mapping[str, Any]) -> Statement:
    """The same rows as text that COPY of PostgreSQL reads.

    Args:
        values: the query of the batch.
        batch: the batch.
        settings: query settings.

    Returns:
        A SELECT of VALUE_COLUMNS with its format.
    """
    starts = [f"{period.start_at:%Y-%m-%d %H:%M:%S.%f}+00" for period in batch.periods]
    said = ", ".join(f"{name} = {value}" for name, value in settings.items())
    sql = read_sql("as_text").format(values=values.sql, settings=said)
    return Statement(sql, {**values.params, "period_start_texts": starts})


def day_number(day: dt.date) -> int:
    """Number of a day as ClickHouse counts them.

    Args:
        day: the day.

    Returns:
        Days since 1970-01-01.
    """
    return (day - EPOCH_DAY).days


def produced_cards(batch: Batch) -> tuple[Card, ...]:
    """The cards of a batch that have values for its grain.

    Args:
        batch: the batch.

    Returns:
        All of them but version 1 of retention for days: nobody has two days in one.
    """
    is_day = batch.periods[0].grain is Grain.DAY
    return tuple(c for c in batch.cards if not (is_day and (c.metric, c.version) == (Metric.RETENTION, 1)))


def _made_by(card: Card, batch: Batch) -> str:
    name = f"{card.metric}_v{card.version}"
    if (card.metric, card.version) == COMPLETION and not batch.required:
        name += "_without_catalogue"
    return read_sql(f"metrics/{name}")


def _joined(sql: str, name: str) -> str:
    return f"LEFT JOIN ({sql}) AS {name} USING (person_id)"


def _batch_params(batch: Batch, cards: tuple[Card, ...]) -> dict[str, Any]:
    now = batch.now
    return {
        "project": batch.course.project,
        "course_id": batch.course.course_id,
        "first_days": [day_number(period.first_day) for period in batch.periods],
        "end_days": [day_number(period.end_day) for period in batch.periods],
        "begun_counts": [sum(day_start(day, p.zone) <= now for day in p.days) for p in batch.periods],
        "timeout_ms": TIMEOUTS_SECONDS[-1] * MS_PER_SECOND,
        "metrics": [str(card.metric) for card in cards],
        "versions": [card.version for card in cards],
    }


def _retention_params(batch: Batch, card: Card) -> dict[str, Any]:
    n_days, kind = card.parameters["n_days"], card.parameters["kind"]
    away = dt.timedelta(days=n_days)
    last = LAST_DAY if kind == UNBOUNDED else batch.periods[-1].end_day + away
    return {
        "n_days": n_days,
        "retention_kind": kind,
        "today": day_number(local_day(batch.now, batch.course.zone)),
        "first_return_day": (batch.periods[0].first_day + away).isoformat(),
        "last_return_day": last.isoformat(),
    }
