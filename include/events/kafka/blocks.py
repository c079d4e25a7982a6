"""Reading partitions of the topic in blocks, each up to the end it had when reading began."""

from __future__ import annotations

import datetime as dt
import logging
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from include.errors import StoreUnavailable
from include.events.kafka.library import load_library
from include.events.kafka.messages import Headers, Incoming, Place, read_message
from include.events.kafka.topic import Topic, broker_trouble
from include.settings.intake import KafkaSettings

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Message

BLOCK_MESSAGES = 1_000
FIRST_SECONDS, OTHERS_SECONDS = 0.5, 0.05  # waiting for the first message of a block, and for the others
QUIET_SECONDS = 15.0  # a broker that has messages and sends none for so long is away
OLDEST_MS = 1_262_304_000_000  # 2010: no broker is older
END_REACHED, OFFSET_GONE = "_PARTITION_EOF", "_AUTO_OFFSET_RESET"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Range:
    """Offsets of a partition to read.

    Attributes:
        partition: its number.
        begin: the first.
        end: one after the last.
    """

    partition: int
    begin: int
    end: int


@dataclass
class Block:
    """Messages that are stored together.

    Attributes:
        messages: in the order of each partition.
        moves: by partition, the offset reading began at and the offset to go on at. The second may lie beyond the
            last message: the offsets of transaction markers and of messages compacted away hold nothing.
    """

    messages: list[Incoming] = field(default_factory=list)
    moves: dict[int, tuple[int, int]] = field(default_factory=dict)

    def singles(self) -> Iterator[Block]:
        """Take it apart.

        Yields:
            A block for each message, and one for what lies behind the last; together they move as far.
        """
        at = {number: before for number, (before, _) in self.moves.items()}
        for message in self.messages:
            number, after = message.place.partition, message.place.offset + 1
            yield Block([message], {number: (at[number], after)})
            at[number] = after
        yield Block(
            [], {number: (at[number], after) for number, (_, after) in self.moves.items() if at[number] < after}
        )


class Reading:
    """One walk over ranges of partitions.

    Args:
        settings: of the broker.
        reader: a consumer that nobody else uses; it is given these partitions.
        topic: the topic.
        ranges: what to read.
        ends_at: begin no block after that, as ``time.monotonic`` counts; None reads to the end.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        reader: Consumer,
        topic: Topic,
        ranges: Sequence[Range],
        ends_at: float | None = None,
    ) -> None:
        self._settings, self._reader, self._topic = settings, reader, topic
        self._ends_at = math.inf if ends_at is None else ends_at
        self._waiting = {one.partition: one for one in ranges if one.begin < one.end}
        self._at = {one.partition: one.begin for one in self._waiting.values()}

    @property
    def offsets_left(self) -> int:
        """Offsets between here and the ends of the ranges."""
        return sum(one.end - self._at[one.partition] for one in self._waiting.values())

    def blocks(self) -> Iterator[Block]:
        """Read.

        Yields:
            Blocks, until each range has been read to its end, or the time is up.

        Raises:
            StoreUnavailable: the broker went away.
            ConfigError: it does not let us read.
        """
        partition = load_library().TopicPartition
        self._reader.assign([partition(self._topic.name, number, offset) for number, offset in self._at.items()])
        heard_at = time.monotonic()
        while self._waiting and time.monotonic() < self._ends_at:
            polled = self._poll()
            if polled:
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at > QUIET_SECONDS:
                raise self._quiet()
            block = Block()
            for message in polled:
                self._add(block, message)
            if block.moves:
                yield block

    def _poll(self) -> list[Message]:
        first = self._reader.poll(FIRST_SECONDS)
        if first is None:
            return []
        return [first, *self._reader.consume(BLOCK_MESSAGES - 1, timeout=OTHERS_SECONDS)]

    def _add(self, block: Block, message: Message) -> None:
        number, offset, error = message.partition(), message.offset(), message.error()
        if error is not None and error.name() not in (END_REACHED, OFFSET_GONE):
            raise broker_trouble(self._settings, error)
        if number is None or offset is None or number not in self._waiting:
            return
        if error is not None and error.name() == OFFSET_GONE:
            logger.warning("partition %d of %s lost offset %d while it was read", number, self._topic.name, offset)
            del self._waiting[number]
        elif error is not None:
            self._move(block, number, offset, is_end=True)
        elif offset >= self._waiting[number].end:
            self._move(block, number, self._waiting[number].end)
        else:
            block.messages.append(_incoming(message, Place(self._topic.name, self._topic.topic_id, number, offset)))
            self._move(block, number, offset + 1)

    def _move(self, block: Block, number: int, offset: int, *, is_end: bool = False) -> None:
        before, end = self._at[number], self._waiting[number].end
        after = min(max(before, offset), end)
        if after > before:
            block.moves[number] = (block.moves.get(number, (before, after))[0], after)
            self._at[number] = after
        if is_end or after >= end:
            del self._waiting[number]

    def _quiet(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"The Kafka broker at {self._settings.servers} has sent nothing for {QUIET_SECONDS:.0f} s, though "
            f"{self._topic.name} was not read to its end; what was read is stored, the next run reads the rest."
        )


def _incoming(message: Message, place: Place) -> Incoming:
    now = dt.datetime.now(dt.UTC)
    written_ms = message.timestamp()[1]
    is_known = OLDEST_MS < written_ms < now.timestamp() * 1000  # else a clock without sense, or none
    written_at = dt.datetime.fromtimestamp(written_ms / 1000, dt.UTC) if is_known else now
    return read_message(message.value(), cast("Headers | None", message.headers()), place, written_at)
