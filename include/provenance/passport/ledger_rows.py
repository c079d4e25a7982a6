"""Reading rows of the ledger for passports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Row, Text, cast, func, select, union

from include.conversions.ledger.uploads import Upload, list_uploads
from include.errors import DayNotReady
from include.provenance.passport.cases import LedgerRow
from include.provenance.passport.questions import Question
from include.state.counters import read_counter
from include.state.tables import conversion_uploads, conversions, counters

MOST_MATCHES = 50  # shown to somebody who has to choose


def rows_where(connection: Connection, *conditions: ColumnElement[bool], limit: int | None = None) -> list[LedgerRow]:
    """Read rows of the ledger.

    Args:
        connection: open connection.
        conditions: all of them hold.
        limit: most rows.

    Returns:
        The rows by time, then upload and line.
    """
    c = conversions.c
    query = select(*(c[field.name] for field in fields(LedgerRow))).where(*conditions)
    ordered = query.order_by(c.event_at, c.upload_id, c.line_number, c.visit_id, c.conversion_id)
    return [_row_of(row) for row in connection.execute(ordered.limit(limit))]


def rows_of_visits(connection: Connection, question: Question, visit_ids: Iterable[int]) -> list[LedgerRow]:
    """Rows of some visits.

    Args:
        connection: open connection.
        question: narrows counter, target and day.
        visit_ids: the visits; 0 stands for single conversions of the client asked about.

    Returns:
        The rows; of a visit and target without the withdrawn ones when another stands.
    """
    c, conditions = conversions.c, list[ColumnElement[bool]]()
    if question.counter_id is None:
        seen = union(select(counters.c.counter_id), select(conversion_uploads.c.counter_id)).subquery()
        conditions.append(c.counter_id.in_(select(seen.c.counter_id)))
    else:
        conditions.append(c.counter_id == question.counter_id)
    if question.target is not None:
        conditions.append(c.target == question.target)
    if question.day is not None:
        conditions.append(c.day == question.day)
    if question.client_id is not None:
        conditions.append((c.visit_id != 0) | (c.identifier == str(question.client_id)))
    found = rows_where(connection, c.visit_id.in_(list(visit_ids)), *conditions, limit=MOST_MATCHES)
    standing = {(row.counter_id, row.visit_id, row.day, row.target) for row in found if not row.is_withdrawn}
    return [
        row
        for row in found
        if not row.is_withdrawn or (row.counter_id, row.visit_id, row.day, row.target) not in standing
    ]


def uploads_named(connection: Connection, question: Question) -> list[Upload]:
    """Uploads that somebody names.

    Args:
        connection: open connection.
        question: our UUID, or Metrika's number; narrows the counter.

    Returns:
        The uploads, oldest first.
    """
    u, name = conversion_uploads.c, question.upload_id or ""
    query = select(conversion_uploads).where(
        u.metrika_upload_id == int(name) if name.isdigit() else u.upload_id == name,
        *([u.counter_id == question.counter_id] if question.counter_id is not None else []),
    )
    return list_uploads(connection, query)


def random_rows(connection: Connection, *conditions: ColumnElement[bool], count: int, seed: int) -> list[LedgerRow]:
    """Draw rows of the ledger.

    Args:
        connection: open connection.
        conditions: all of them hold.
        count: how many; all when there are fewer.
        seed: the same seed draws the same rows of the same ledger.

    Returns:
        The rows by time.
    """
    c = conversions.c
    drawn = func.hashtextextended(cast(c.conversion_id, Text), seed)
    query = select(c.conversion_id).where(*conditions).order_by(drawn, c.conversion_id).limit(count)
    return rows_where(connection, c.conversion_id.in_(query))


def zone_of_counter(connection: Connection, counter_id: int) -> ZoneInfo:
    """The zone in which a counter's times are read and shown.

    Args:
        connection: open connection.
        counter_id: the counter.

    Returns:
        Its zone; UTC for a counter of which nothing was ever loaded.
    """
    try:
        return read_counter(connection, counter_id).zone
    except DayNotReady:
        return ZoneInfo("UTC")


def _row_of(row: Row[Any]) -> LedgerRow:
    values = dict(row._mapping)
    return LedgerRow(**{**values, "visit_id": int(values["visit_id"])})
