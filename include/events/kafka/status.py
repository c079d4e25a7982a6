"""How far behind reading the topic is."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy import Engine

from include.errors import StoreUnavailable
from include.events.kafka.offsets import StoredOffset, read_offsets
from include.events.kafka.topic import Bounds, ask_topic, open_reader
from include.settings.intake import KafkaSettings


@dataclass(frozen=True)
class PartitionStatus:
    """One partition.

    Attributes:
        partition: its number.
        next_offset: offset to be read next; None when it was never read.
        begin: offset of the oldest message; None when the broker was not asked.
        end: offset the next message gets, as far as known.
        lag: offsets not yet read.
        lost_count: messages the broker deleted before they were read, ever.
        restart_count: how often reading began again, because the topic was made anew or its log cut short.
        read_at: when it was last looked at, aware UTC; None when never.
    """

    partition: int
    next_offset: int | None
    begin: int | None
    end: int
    lag: int
    lost_count: int
    restart_count: int
    read_at: dt.datetime | None


@dataclass(frozen=True)
class TopicStatus:
    """The topic.

    Attributes:
        topic: its name.
        trouble: why the broker could not be asked; empty when it was.
        partitions: in order.
    """

    topic: str
    trouble: str
    partitions: list[PartitionStatus]

    @property
    def lag(self) -> int:
        """Offsets not yet read, over all partitions."""
        return sum(one.lag for one in self.partitions)

    @property
    def lost_count(self) -> int:
        """Messages the broker deleted before they were read, over all partitions."""
        return sum(one.lost_count for one in self.partitions)


def ask_status(engine: Engine, settings: KafkaSettings) -> TopicStatus:
    """Compare what has been read with what the broker holds now.

    Args:
        engine: the state engine.
        settings: how to reach the broker.

    Returns:
        The status; with the ends known last when the broker is away.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
        ConfigError: the client library is missing, or the broker refuses the login.
    """
    stored = read_offsets(engine, settings.topic)
    try:
        with closing(open_reader(settings)) as reader:
            topic = ask_topic(settings, reader)
    except StoreUnavailable as error:
        return TopicStatus(settings.topic, error.message, [_known(offset) for offset in stored])
    by_partition = {offset.partition: offset for offset in stored if offset.topic_id == topic.topic_id}
    return TopicStatus(
        settings.topic, "", [_asked(bounds, by_partition.get(bounds.partition)) for bounds in topic.bounds]
    )


def known_status(engine: Engine, topic: str) -> TopicStatus:
    """How far behind reading was when the topic was last looked at; the broker is not asked.

    Args:
        engine: the state engine.
        topic: its name.

    Returns:
        The status as stored.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    return TopicStatus(topic, "", [_known(offset) for offset in read_offsets(engine, topic)])


def _known(offset: StoredOffset) -> PartitionStatus:
    return PartitionStatus(
        offset.partition,
        offset.next_offset,
        None,
        offset.end,
        offset.lag,
        offset.lost_count,
        offset.restart_count,
        offset.updated_at,
    )


def _asked(bounds: Bounds, stored: StoredOffset | None) -> PartitionStatus:
    if stored is None:
        return PartitionStatus(bounds.partition, None, bounds.begin, bounds.end, bounds.end - bounds.begin, 0, 0, None)
    return PartitionStatus(
        bounds.partition,
        stored.next_offset,
        bounds.begin,
        bounds.end,
        max(0, bounds.end - max(stored.next_offset, bounds.begin)),
        stored.lost_count,
        stored.restart_count,
        stored.updated_at,
    )
