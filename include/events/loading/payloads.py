"""What the batches of a load hold, a few batches in memory at a time."""

from __future__ import annotations

import gzip
import uuid
from collections.abc import Iterator

from sqlalchemy import Engine, select

from include.events.tables import INBOX_COLUMNS
from include.state.engine import reachable
from include.state.tables import inbox_batches

BATCHES_AT_ONCE = 32  # at most 5 MiB each before gzip
CHUNK_BYTES = 262_144  # a batch of one event is 300 bytes: sent alone, each would be a packet
_NAMES = [column.name for column in INBOX_COLUMNS]
PROJECT_PLACE, ID_PLACE = _NAMES.index("project"), _NAMES.index("event_id")

EventKey = tuple[str, uuid.UUID]
"""Project and id of an event."""


def iter_payloads(engine: Engine, load_id: int) -> Iterator[bytes]:
    """Read the payloads of a load in receipt order, through a cursor of the server.

    Args:
        engine: the state engine.
        load_id: the load.

    Yields:
        A gzip member per batch.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached or went away.
    """
    c = inbox_batches.c
    query = select(c.payload).where(c.load_id == load_id).order_by(c.receipt_number)
    with reachable(engine), engine.connect() as connection:
        for payload in connection.execution_options(yield_per=BATCHES_AT_ONCE).execute(query).scalars():
            yield bytes(payload)


def in_chunks(payloads: Iterator[bytes]) -> Iterator[bytes]:
    """Join small payloads.

    Args:
        payloads: gzip members.

    Yields:
        The same bytes, in pieces worth sending.
    """
    waiting, size_bytes = [], 0
    for payload in payloads:
        waiting.append(payload)
        size_bytes += len(payload)
        if size_bytes >= CHUNK_BYTES:
            yield b"".join(waiting)
            waiting, size_bytes = [], 0
    if waiting:
        yield b"".join(waiting)


def keys_of(engine: Engine, load_id: int) -> set[EventKey]:
    """Read which events a load holds.

    Args:
        engine: the state engine.
        load_id: the load.

    Returns:
        Their projects and ids.
    """
    found: set[EventKey] = set()
    for payload in iter_payloads(engine, load_id):
        for line in gzip.decompress(payload).splitlines():
            values = line.split(b"\t", ID_PLACE + 1)
            found.add((values[PROJECT_PLACE].decode(), uuid.UUID(values[ID_PLACE].decode())))
    return found
