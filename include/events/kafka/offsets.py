"""How far each partition has been read: kept in PostgreSQL, and moved in the transaction that stores what was read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select, text, update
from sqlalchemy.dialects.postgresql import insert

from include.errors import StoreConflict
from include.events.kafka.topic import Bounds, Topic
from include.state.engine import reachable
from include.state.tables import ingest_offsets


@dataclass(frozen=True)
class StoredOffset:
    """How far a partition has been read.

    Attributes:
        partition: its number.
        next_offset: offset of the message to be read next.
        end: newest known end of the partition.
        topic_id: the broker's id of the topic these offsets belong to.
        lost_count: messages the broker deleted before they were read.
        restart_count: how often reading began again, because the topic was made anew or its log cut short.
        updated_at: aware UTC.
    """

    partition: int
    next_offset: int
    end: int
    topic_id: str
    lost_count: int
    restart_count: int
    updated_at: dt.datetime

    @property
    def lag(self) -> int:
        """Offsets not yet read, as far as the end is known."""
        return max(0, self.end - self.next_offset)


@dataclass(frozen=True)
class Start:
    """Where reading a partition begins.

    Attributes:
        bounds: what the partition holds.
        next_offset: where to begin.
        lost: messages deleted by the broker before they were read.
        is_restart: the topic was made anew or its log cut short, so that offsets are given out again.
    """

    bounds: Bounds
    next_offset: int
    lost: int = 0
    is_restart: bool = False


def read_offsets(engine: Engine, topic: str) -> list[StoredOffset]:
    """Read how far a topic has been read.

    Args:
        engine: the state engine.
        topic: its name.

    Returns:
        One entry per partition ever read, in order.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    table = ingest_offsets.c
    query = select(ingest_offsets).where(table.topic == topic).order_by(table.partition)
    with reachable(engine), engine.connect() as connection:
        return [
            StoredOffset(
                row.partition,
                row.next_offset,
                row.high_watermark,
                row.topic_id,
                row.lost_count,
                row.restart_count,
                row.updated_at,
            )
            for row in connection.execute(query)
        ]


def choose_start(stored: StoredOffset | None, bounds: Bounds, topic_id: str) -> Start:
    """Decide where reading a partition begins.

    Args:
        stored: how far it was read; None when never.
        bounds: what it holds now.
        topic_id: the broker's id of the topic.

    Returns:
        The stored offset; or the oldest message there is, when the topic was made anew or the broker has deleted
        what was to be read next.

    >>> choose_start(None, Bounds(0, 5, 9), "a").next_offset
    5
    """
    if stored is None:
        return Start(bounds, bounds.begin)
    if stored.topic_id != topic_id or stored.next_offset > bounds.end:
        return Start(bounds, bounds.begin, lost=_unread(stored, topic_id), is_restart=True)
    if stored.next_offset < bounds.begin:
        return Start(bounds, bounds.begin, lost=bounds.begin - stored.next_offset)
    return Start(bounds, stored.next_offset)


def _unread(stored: StoredOffset, topic_id: str) -> int:
    """Messages of a deleted topic that were never read; a log cut short still has what was not read."""
    return stored.lag if stored.topic_id != topic_id else 0


def note_start(engine: Engine, topic: Topic, start: Start, now: dt.datetime) -> None:
    """Write down where reading a partition begins, what was lost, and where the partition ends.

    Args:
        engine: the state engine.
        topic: the topic.
        start: what was decided.
        now: aware UTC.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    values = {
        "next_offset": start.next_offset,
        "high_watermark": start.bounds.end,
        "topic_id": topic.topic_id,
        "updated_at": now,
    }
    table = ingest_offsets.c
    counts = {
        "lost_count": table.lost_count + start.lost,
        "restart_count": table.restart_count + int(start.is_restart),
    }
    statement = insert(ingest_offsets).values(topic=topic.name, partition=start.bounds.partition, **values)
    with reachable(engine), engine.begin() as connection:
        connection.execute(
            statement.on_conflict_do_update(index_elements=["topic", "partition"], set_={**values, **counts})
        )


def move_offsets(connection: Connection, topic: str, moves: Mapping[int, tuple[int, int]], now: dt.datetime) -> None:
    """Move the offsets of partitions, inside the transaction that stores what was read.

    Args:
        connection: with that transaction.
        topic: name of the topic.
        moves: by partition, the offset reading began at and the offset to go on at.
        now: aware UTC.

    Raises:
        StoreConflict: somebody else has read the partition meanwhile; the transaction must be rolled back.
    """
    table = ingest_offsets.c
    for partition, (before, after) in sorted(moves.items()):
        here = (table.topic == topic) & (table.partition == partition) & (table.next_offset == before)
        moved = connection.execute(update(ingest_offsets).where(here).values(next_offset=after, updated_at=now))
        if moved.rowcount != 1:
            raise StoreConflict(
                f"Partition {partition} of {topic} has been read by another process since offset {before}; "
                "nothing of this block was stored."
            )


@contextmanager
def held_partitions(engine: Engine, topic: str, partitions: Sequence[int]) -> Iterator[list[int]]:
    """Hold the partitions nobody else is reading; never waits.

    Args:
        engine: the state engine.
        topic: name of the topic.
        partitions: those wanted.

    Yields:
        Those that are ours until the block ends, or our PostgreSQL session.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    query = text("SELECT pg_try_advisory_lock(hashtextextended(:key, 0))")
    with reachable(engine):
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        with reachable(engine):
            held = [
                partition
                for partition in partitions
                if connection.execute(query, {"key": f"kafka:{topic}:{partition}"}).scalar()
            ]
        yield held
    finally:
        connection.invalidate()  # closes the session, and with it every lock
        connection.close()
