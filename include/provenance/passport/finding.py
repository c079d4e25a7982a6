"""Finding what somebody asks about: in the ledger first, then among scored, then among stored visits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine

from include.conversions.ledger.families import family_of
from include.conversions.rules.identifiers import IdentifierKind
from include.conversions.rules.moments import parse_moment
from include.errors import InputError
from include.provenance.passport.cases import Case, LedgerRow
from include.provenance.passport.ledger_rows import (
    MOST_MATCHES,
    rows_of_visits,
    rows_where,
    uploads_named,
    zone_of_counter,
)
from include.provenance.passport.questions import Question
from include.provenance.passport.stored_rows import existing_tables
from include.state.engine import reachable
from include.state.tables import conversions
from include.warehouse.client import Warehouse

CONVERSION_UNKNOWN = "conversion_unknown"
SEVERAL_MATCHES = "several_matches"


def find_cases(warehouse: Warehouse, state: Engine, question: Question) -> list[Case]:
    """Find what is asked about.

    Args:
        warehouse: the warehouse.
        state: the state engine.
        question: what somebody names.

    Returns:
        Every match, at most 50 of the ledger; empty when there is none.

    Raises:
        InputError: the time cannot be read, or the upload is known but its rows are elsewhere.
        StoreUnavailable: a store cannot be reached.
    """
    with reachable(state), state.connect() as connection:
        if question.upload_id is not None:
            return _of_upload(connection, question)
        if question.date_time is not None:
            return _at_time(warehouse, connection, question)
        visits = _stored_visits(warehouse, question)
        wanted = [question.visit_id] if question.visit_id is not None else [0, *(visit for *_, visit in visits)]
        return _joined(rows_of_visits(connection, question, wanted), visits)


def only_case(cases: Sequence[Case], question: Question) -> Case:
    """Take the one match there has to be.

    Args:
        cases: what was found.
        question: what somebody named.

    Returns:
        The match.

    Raises:
        InputError: there is none (``conversion_unknown``), or there are several (``several_matches``).
    """
    if not cases:
        raise InputError(
            "Nothing stored matches; a visit is known once its day is loaded, a conversion once it was uploaded.",
            code=CONVERSION_UNKNOWN,
        )
    if len(cases) > 1:
        name = narrowing(cases, question)
        raise InputError(
            f"{len(cases)} conversions or visits match; give {name} as well.",
            code=SEVERAL_MATCHES,
            pointer=f"/{name}",
        )
    return cases[0]


def narrowing(cases: Sequence[Case], question: Question) -> str:
    """Name what tells several matches apart.

    Args:
        cases: the matches.
        question: what somebody named.

    Returns:
        A parameter: counter, date, target, row, date_time or visit_id.
    """
    if question.upload_id is not None and question.row is None:
        return "row"
    differing: dict[str, set[object]] = {
        "visit_id": {case.visit_id for case in cases},
        "counter": {case.counter_id for case in cases},
        "date": {case.day for case in cases},
        "target": {case.row.target if case.row else "" for case in cases},
    }
    return next((name for name, values in differing.items() if len(values) > 1), "upload_id")


def _of_upload(connection: Connection, question: Question) -> list[Case]:
    c, found = conversions.c, uploads_named(connection, question)
    conditions: list[ColumnElement[bool]] = [c.upload_id.in_([upload.upload_id for upload in found])]
    if question.row is not None:
        conditions.append(c.line_number == question.row)
    rows = rows_where(connection, *conditions, limit=MOST_MATCHES)
    if not rows and found:
        _refuse_row(connection, found[0].upload_id, question)
    return _joined(sorted(rows, key=lambda row: (row.upload_id or "", row.line_number or 0)), [])


def _refuse_row(connection: Connection, upload_id: str, question: Question) -> None:
    """Say where the rows of a known upload are."""
    c = conversions.c
    family = [upload.upload_id for upload in family_of(connection, upload_id)]
    owners = [name for name in family if rows_where(connection, c.upload_id == name, limit=1)]
    if upload_id not in owners and owners:
        raise InputError(
            f"The rows of upload {upload_id} were sent again with {', '.join(owners)}; ask for that upload.",
            code="upload_repeated",
            pointer="/upload_id",
        )
    raise InputError(f"Upload {upload_id} has no row {question.row}.", code=CONVERSION_UNKNOWN, pointer="/row")


def _at_time(warehouse: Warehouse, connection: Connection, question: Question) -> list[Case]:
    counter_id, c = question.counter_id or 0, conversions.c
    moment = parse_moment(question.date_time or "", zone_of_counter(connection, counter_id))
    conditions: list[ColumnElement[bool]] = [
        c.counter_id == counter_id,
        c.identifier_kind == IdentifierKind.CLIENT_ID.value,
        c.identifier == str(question.client_id),
        c.event_at == moment.event_at,
    ]
    if question.target is not None:
        conditions.append(c.target == question.target)
    rows = rows_where(connection, *conditions, limit=MOST_MATCHES)
    standing = [row for row in rows if not row.is_withdrawn] or rows
    if standing:
        return _joined(standing, [])
    condition = "counter_id = %(counter_id)s AND date = %(day)s AND client_id = %(client_id)s AND started_at = %(at)s"
    parameters = {
        "counter_id": counter_id,
        "day": moment.day,
        "client_id": question.client_id,
        "at": int(moment.event_at.timestamp()),
    }
    return _joined([], _visits_where(warehouse, "visits", condition, parameters))


def _stored_visits(warehouse: Warehouse, question: Question) -> list[tuple[Any, ...]]:
    """Counter, day and visit; scores are sorted by visit, raw visits by client."""
    is_visit = question.visit_id is not None
    named = {"counter_id": question.counter_id, "date": question.day}
    named |= {"visit_id": question.visit_id} if is_visit else {"client_id": question.client_id}
    parameters = {name: value for name, value in named.items() if value is not None}
    condition = " AND ".join(f"{name} = %({name})s" for name in parameters)
    found = _visits_where(warehouse, "visit_scores", condition, parameters) if is_visit else []
    return found or _visits_where(warehouse, "visits", condition, parameters)


def _visits_where(
    warehouse: Warehouse, table: str, condition: str, parameters: dict[str, Any]
) -> list[tuple[Any, ...]]:
    if table not in existing_tables(warehouse):
        return []
    sql = f"SELECT counter_id, date, visit_id FROM {table} WHERE {condition} ORDER BY ALL LIMIT {MOST_MATCHES}"
    return warehouse.execute(sql, parameters)


def _joined(rows: Iterable[LedgerRow], visits: Iterable[tuple[Any, ...]]) -> list[Case]:
    """Rows of the ledger, and visits of which the ledger knows nothing."""
    cases = [Case(row.counter_id, row.day, row.visit_id, row) for row in rows]
    known = {(case.counter_id, case.visit_id, case.day) for case in cases}
    cases += [Case(counter, day, visit) for counter, day, visit in visits if (counter, visit, day) not in known]
    return cases
