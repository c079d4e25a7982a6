"""Values calculated when somebody asks, from user-days, for what nobody has stored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from sqlalchemy import Connection

from include.metrics.catalogue.cards import Card
from include.metrics.courses import LearningCourse
from include.metrics.parts.snapshot import read_snapshot
from include.metrics.parts.sql import PARTS_SETTINGS, milliseconds_of
from include.metrics.periods.grains import ONE_DAY, Period
from include.metrics.reading.asking import Question, Stores
from include.metrics.reading.limits import Deadline
from include.metrics.reading.people import People, nobody, people_of, runs_of
from include.metrics.reading.stored import MAX_ROWS, Asked
from include.metrics.tables import USER_DAYS
from include.metrics.values.batches import Batch, batches_of
from include.metrics.values.computing import ValueRow, value_rows
from include.metrics.values.statements import day_number, values_of
from include.warehouse.client import bound, quoted

# What RowBinary makes of a row of people.sql.
_FIELDS = (
    ("metric_place", "u1"),
    ("version", "u1"),
    ("period_day", "<i4"),
    ("person_id", "S16"),
    ("value", "<f8"),
    ("numerator", "<f8"),
    ("denominator", "<f8"),
    ("sample_n", "<i8"),
    ("at_300", "<f8"),
    ("at_600", "<f8"),
    ("at_1800", "<f8"),
)


def plan(
    connection: Connection,
    course: LearningCourse,
    asked: Sequence[Asked],
    *,
    now: dt.datetime,
    rows_of: Mapping[Period, int] | None = None,
) -> tuple[Batch, ...]:
    """Put together what one query can calculate.

    Args:
        connection: open connection, for the catalogue and the loads that count.
        course: the course.
        asked: cards and periods, all periods of one grain.
        now: aware; which days have begun and ended.
        rows_of: people by period, to keep what is held at once within bounds; None for one person.

    Returns:
        Batches; none for nothing.
    """
    if not asked:
        return ()
    snapshot = read_snapshot(connection)
    periods_of: dict[Card, tuple[Period, ...]] = {}
    for card, period in asked:
        periods_of[card] = (*periods_of.get(card, ()), period)
    cards_of: dict[tuple[Period, ...], tuple[Card, ...]] = {}
    for card, periods in periods_of.items():
        cards_of[periods] = (*cards_of.get(periods, ()), card)
    return tuple(
        batch
        for periods, cards in cards_of.items()
        for part in _parts(periods, len(cards), rows_of or {})
        for batch in batches_of(connection, course, part, cards, now=now, snapshot=snapshot)
    )


def derive_person(
    stores: Stores, deadline: Deadline, batches: Sequence[Batch], person_id: str
) -> dict[Asked, ValueRow]:
    """Calculate the values of one person.

    Args:
        stores: where user-days are.
        deadline: of the answer.
        batches: what to calculate.
        person_id: whose values.

    Returns:
        Rows by card and period; absent where the person has none.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached, or the time is over.
    """
    found: dict[Asked, ValueRow] = {}
    for batch in batches:
        cards = {(card.metric, card.version): card for card in batch.cards}
        periods = {period.start_at: period for period in batch.periods}
        left = deadline.left_seconds()
        for row in value_rows(stores.warehouse, stores.events_table, batch, person_id=person_id, limit_seconds=left):
            found[cards[row.metric, row.version], periods[row.period_start_at]] = row
    return found


def iter_derived(stores: Stores, deadline: Deadline, batches: Sequence[Batch]) -> Iterator[tuple[Asked, People]]:
    """Calculate the values of everybody, a batch at a time.

    Args:
        stores: where user-days are.
        deadline: of the answer.
        batches: what to calculate.

    Yields:
        Cards and periods with the people, every one of the batches once.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached, or the time is over.
    """
    for batch in batches:
        found = _calculated(stores, deadline, batch)
        for card in batch.cards:
            for period in batch.periods:
                key = (card.metric, card.version, day_number(period.first_day))
                yield (card, period), found.get(key) or nobody()


def count_people(
    stores: Stores, deadline: Deadline, course: LearningCourse, periods: Sequence[Period]
) -> dict[Period, int]:
    """Count the people with events.

    Args:
        stores: where user-days are.
        deadline: of the answer.
        course: the course.
        periods: of whole days, in order, disjoint.

    Returns:
        People by period.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached, or the time is over.
    """
    if not periods:
        return {}
    params = {
        "project": course.project,
        "course_id": course.course_id,
        "first_days": [day_number(period.first_day) for period in periods],
        "end_days": [day_number(period.end_day) for period in periods],
    }
    counts = dict(run_sql(stores, deadline, "person_counts", params))
    return {period: counts.get(day_number(period.first_day), 0) for period in periods}


def active_courses(stores: Stores, deadline: Deadline, project: str, person_id: str, question: Question) -> list[str]:
    """The courses that somebody has events in.

    Args:
        stores: where user-days are.
        deadline: of the answer.
        project: of the person.
        person_id: the person.
        question: for its first and last instant.

    Returns:
        Ids of courses, in order.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached, or the time is over.
    """
    params = {
        "project": project,
        "person_id": person_id,
        "first_day": question.start_at.date() - ONE_DAY,  # whatever the zone of the course
        "last_day": question.end_at.date() + ONE_DAY,
        "start_ms": milliseconds_of(question.start_at),
        "end_ms": milliseconds_of(question.end_at),
    }
    return [course_id for (course_id,) in run_sql(stores, deadline, "active_courses", params)]


def run_sql(stores: Stores, deadline: Deadline, name: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Ask the user-days something.

    Args:
        stores: where user-days are.
        deadline: of the answer.
        name: stem of the SQL file in this folder.
        params: values to bind.

    Returns:
        The rows.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached, or the time is over.
    """
    sql = _read(name).replace("{user_days}", quoted(USER_DAYS.name))
    return stores.warehouse.execute(sql, params, _limit(deadline))


def _calculated(stores: Stores, deadline: Deadline, batch: Batch) -> dict[tuple[Any, int, int], People]:
    import numpy as np

    names = list(dict.fromkeys(card.metric for card in batch.cards))
    statement = values_of(batch, stores.events_table)
    said = ", ".join(f"{name} = {value}" for name, value in {**PARTS_SETTINGS, **_limit(deadline)}.items())
    sql = _read("people").format(values=statement.sql, settings=said)
    with stores.warehouse.read_stream(
        bound(sql, {**statement.params, "asked_metrics": [str(one) for one in names]})
    ) as body:
        rows = np.frombuffer(body.read(), np.dtype(list(_FIELDS)))
    codes = (
        (rows["metric_place"].astype(np.int64) << 40) | (rows["version"].astype(np.int64) << 32) | rows["period_day"]
    )
    order = np.argsort(codes, kind="stable")
    found = {}
    for code, part in runs_of(codes[order], rows[order]):
        found[names[(code >> 40) - 1], (code >> 32) & 0xFF, code & 0xFFFFFFFF] = people_of(part)
    return found


def _parts(periods: Sequence[Period], card_count: int, rows_of: Mapping[Period, int]) -> Iterator[tuple[Period, ...]]:
    part: list[Period] = []
    held = 0
    for period in periods:
        rows = rows_of.get(period, 0) * card_count
        if part and held + rows > MAX_ROWS:
            yield tuple(part)
            part, held = [], 0
        part.append(period)
        held += rows
    yield tuple(part)


def _limit(deadline: Deadline) -> dict[str, Any]:
    return {"max_execution_time": deadline.left_seconds()}


@cache
def _read(name: str) -> str:
    return files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8").strip()
