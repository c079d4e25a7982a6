"""Receipts of batches: numbers, keys held while a batch is stored, and answers given before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, update

from include.errors import InputError
from include.events.intake.answers import pack, unpack
from include.events.intake.batches import Batch, Outcome
from include.state.tables import receipts

MISMATCH = "idempotency_mismatch"
LOCK_SECONDS = 5  # another request with the same key or the same ids is stored in far less
STATEMENT_SECONDS = 30
# Durable means on the disk, whatever the database's own default is.
SETTINGS = f"""
SELECT set_config('lock_timeout', '{LOCK_SECONDS}s', true),
    set_config('statement_timeout', '{STATEMENT_SECONDS}s', true),
    CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', true) END"""
HOLD = """
SELECT count(pg_advisory_xact_lock(hashtextextended(name, 0)))
FROM (SELECT name FROM unnest(%(names)s::text[]) AS name ORDER BY name) AS held"""
NUMBER = "SELECT nextval(pg_get_serial_sequence('receipts', 'receipt_number')) FROM generate_series(1, %(count)s)"
STORED = """
SELECT receipt_number, receipt_id::text, received_at, body_sha256, answer, accepted_count, duplicate_count,
    rejected_count
FROM receipts WHERE """
BY_IDS = STORED + "receipt_id = ANY(%(ids)s::uuid[])"
BY_REQUEST = STORED + "principal = %(principal)s AND request_key = %(request)s"
BY_BODY = STORED + "principal = %(principal)s AND body_key = %(body)s"
BEGIN, BEGIN_AND_HOLD = f"{SETTINGS};\n{NUMBER}", f"{SETTINGS};\n{HOLD};\n{NUMBER}"


def limit_waits(connection: Connection) -> None:
    """Give up instead of waiting for long, and commit to the disk, for the rest of the transaction.

    Args:
        connection: in the transaction.
    """
    connection.exec_driver_sql(SETTINGS)


def begin(connection: Connection, batches: Sequence[Batch]) -> list[int]:
    """Begin to store batches: hold their keys and number their receipts.

    Who comes with the same key waits here until this transaction has ended.

    Args:
        connection: in a transaction.
        batches: the batches.

    Returns:
        A receipt number for each.
    """
    names = [f"intake {batch.sender.principal} {key}" for batch in batches for key in _keys(batch)]
    statement = BEGIN_AND_HOLD if names else BEGIN
    rows = connection.exec_driver_sql(statement, {"names": names, "count": len(batches)})
    return list(rows.scalars())


def find_answers(connection: Connection, batches: Sequence[Batch], *, seen_days: float) -> dict[int, Outcome]:
    """Find the batches that were stored before.

    Args:
        connection: in the transaction that holds their keys.
        batches: the batches.
        seen_days: answers older than this are forgotten.

    Returns:
        First answers, by index of the batch.

    Raises:
        InputError: a key was used with another body (code ``idempotency_mismatch``).
    """
    found = _delivered(connection, batches)
    for index, batch in enumerate(batches):
        row = _stored(connection, batch)
        if row is None:
            continue
        if row["answer"] is None or row["received_at"] < batch.received_at - dt.timedelta(days=seen_days):
            _forget(connection, row)
            continue
        if bytes(row["body_sha256"]) != batch.body_sha256:
            raise InputError(
                "This key was used for another batch; choose a new one.", code=MISMATCH, pointer="/Idempotency-Key"
            )
        found[index] = unpack(row)
    return found


def receipt_row(batch: Batch, number: int, outcome: Outcome) -> dict[str, Any]:
    """Write the receipt of a batch, with its answer when it can be asked for again.

    Args:
        batch: the batch.
        number: number of its receipt.
        outcome: what became of it.

    Returns:
        The row.
    """
    can_come_again = bool(_keys(batch)) or batch.source_positions is not None
    return {
        "receipt_number": number,
        "receipt_id": str(batch.receipt_id),
        "project_number": batch.rules.project_number,
        "principal": batch.sender.principal,
        "request_key": batch.request_key,
        "body_key": batch.body_key,
        "body_sha256": batch.body_sha256,
        "answer": pack(outcome) if can_come_again else None,
        "received_count": outcome.received,
        "accepted_count": outcome.accepted,
        "duplicate_count": outcome.duplicates,
        "rejected_count": outcome.rejected,
        "received_at": batch.received_at,
        "landed_at": None if outcome.accepted else batch.received_at,
    }


def _keys(batch: Batch) -> list[str]:
    return [key for key in (batch.request_key, batch.body_key) if key is not None]


def _stored(connection: Connection, batch: Batch) -> RowMapping | None:
    if batch.source_positions is not None or not (batch.request_key or batch.body_key):
        return None
    names = {"principal": batch.sender.principal, "request": batch.request_key, "body": batch.body_key}
    return connection.exec_driver_sql(BY_REQUEST if batch.request_key else BY_BODY, names).mappings().first()


def _delivered(connection: Connection, batches: Sequence[Batch]) -> dict[int, Outcome]:
    """Find what was delivered before under its receipt id, however long ago and whatever else is said with it."""
    ids = {str(batch.receipt_id): index for index, batch in enumerate(batches) if batch.source_positions is not None}
    if not ids:
        return {}
    rows = connection.exec_driver_sql(BY_IDS, {"ids": list(ids)}).mappings()
    return {ids[row["receipt_id"]]: unpack(row) for row in rows}


def _forget(connection: Connection, row: RowMapping) -> None:
    is_this = receipts.c.receipt_number == row["receipt_number"]
    connection.execute(update(receipts).where(is_this).values(request_key=None, body_key=None, answer=None))
