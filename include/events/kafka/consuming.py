"""From the topic to the inbox: events and the offsets they came from are stored in one transaction."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine

from include.events.apps.rules import RulesCache
from include.events.intake.room import InboxRoom
from include.events.kafka.blocks import Block, Range, Reading
from include.events.kafka.library import load_library
from include.events.kafka.offsets import Start, choose_start, held_partitions, move_offsets, note_start, read_offsets
from include.events.kafka.topic import Topic, ask_topic, open_reader
from include.events.kafka.unpacking import Taken, take_block
from include.failpoints import failpoint
from include.progress import Progress, no_progress
from include.settings.intake import IntakeSettings

if TYPE_CHECKING:
    from confluent_kafka import Consumer

BLOCK_READ, OFFSETS_MOVED, BLOCK_STORED = "kafka.block_read", "kafka.offsets_moved", "kafka.block_stored"
START_NOTED, HINT_GIVEN = "kafka.start_noted", "kafka.hint_given"
CONSUME_FAILPOINTS = (START_NOTED, BLOCK_READ, OFFSETS_MOVED, BLOCK_STORED, HINT_GIVEN)

logger = logging.getLogger(__name__)


@dataclass
class ConsumeReport:
    """What one run has read.

    Attributes:
        topic: name of the topic.
        messages: messages read: taken + repeated.
        taken: of them, what became of their events.
        lost: messages the broker had deleted before they were read.
        restarts: partitions read from their start, because the topic was made anew or its log cut short.
        next_offsets: by partition, where the next run goes on.
        left_out: partitions that another process was reading.
        duration_seconds: of the run.
    """

    topic: str
    messages: int = 0
    taken: Taken = field(default_factory=Taken)
    lost: int = 0
    restarts: int = 0
    next_offsets: dict[int, int] = field(default_factory=dict)
    left_out: list[int] = field(default_factory=list)
    duration_seconds: float = 0.0


def consume_available(
    engine: Engine,
    settings: IntakeSettings,
    *,
    run_id: str,
    budget_seconds: float | None = None,
    progress: Progress = no_progress,
) -> ConsumeReport:
    """Take into the inbox what the topic holds now; what comes meanwhile is left to the next run.

    Reading begins at the offsets in PostgreSQL, and they move in the transaction that stores the events. A run that
    was killed anywhere is repeated by the next one, without loss and without a double. Several runs at once share
    the partitions; none waits for another.

    Args:
        engine: the state engine.
        settings: of intake, with the broker.
        run_id: names the run in the log.
        budget_seconds: begin no block after that; None reads to the end.
        progress: told of messages read.

    Returns:
        What was read.

    Raises:
        StoreUnavailable: the broker or PostgreSQL cannot be reached; what was read before is stored.
        StoreBusy: the inbox is full; what was read before is stored.
        ConfigError: the client library is missing, or the broker refuses the login.
    """
    started = time.monotonic()
    report = ConsumeReport(settings.kafka.topic)
    ends_at = None if budget_seconds is None else started + budget_seconds
    try:
        with closing(open_reader(settings.kafka)) as reader:
            topic = ask_topic(settings.kafka, reader)
            numbers = [bounds.partition for bounds in topic.bounds]
            with held_partitions(engine, topic.name, numbers) as held:
                report.left_out = [number for number in numbers if number not in held]
                ranges = _begin(engine, topic, held, report)
                failpoint(START_NOTED)
                _consume(engine, settings, Reading(settings.kafka, reader, topic, ranges, ends_at), report, progress)
                _give_hint(reader, report)
                failpoint(HINT_GIVEN)
    finally:
        report.duration_seconds = time.monotonic() - started
        _log(report, run_id)
    return report


def _begin(engine: Engine, topic: Topic, held: Sequence[int], report: ConsumeReport) -> list[Range]:
    stored = {offset.partition: offset for offset in read_offsets(engine, topic.name)}
    starts = [
        choose_start(stored.get(bounds.partition), bounds, topic.topic_id)
        for bounds in topic.bounds
        if bounds.partition in held
    ]
    for start in starts:
        note_start(engine, topic, start, _now())
        _tell(topic, start)
        report.lost += start.lost
        report.restarts += int(start.is_restart)
        report.next_offsets[start.bounds.partition] = start.next_offset
    return [Range(start.bounds.partition, start.next_offset, start.bounds.end) for start in starts]


def _tell(topic: Topic, start: Start) -> None:
    number, begin = start.bounds.partition, start.bounds.begin
    if start.is_restart:
        logger.warning(
            "partition %d of %s begins anew (topic made anew, or its log cut short): reading from offset %d; "
            "%d messages of before were never read",
            number, topic.name, begin, start.lost,
        )  # fmt: skip
    elif start.lost:
        logger.error(
            "partition %d of %s: the broker deleted %d messages before they were read; reading goes on at offset %d",
            number, topic.name, start.lost, begin,
        )  # fmt: skip


def _consume(
    engine: Engine, settings: IntakeSettings, reading: Reading, report: ConsumeReport, progress: Progress
) -> None:
    rules, room = RulesCache(), InboxRoom(settings)
    total = reading.offsets_left
    for block in reading.blocks():
        failpoint(BLOCK_READ)
        room.require(engine)
        _store(engine, settings, block, report, rules)
        failpoint(BLOCK_STORED)
        progress(f"reading {report.topic}", total - reading.offsets_left, total)


def _store(engine: Engine, settings: IntakeSettings, block: Block, report: ConsumeReport, rules: RulesCache) -> None:
    def move(connection: Connection, moves: Mapping[int, tuple[int, int]]) -> None:
        """Move the offsets in the transaction that stores the block."""
        move_offsets(connection, report.topic, moves, _now())
        failpoint(OFFSETS_MOVED)

    report.taken.add(take_block(engine, block, rules=rules, settings=settings, also=move))
    report.messages += len(block.messages)
    report.next_offsets |= {partition: after for partition, (_, after) in block.moves.items()}


def _give_hint(reader: Consumer, report: ConsumeReport) -> None:
    """Tell the broker's own tools how far we are; nothing is ever read from there."""
    library = load_library()
    offsets = [library.TopicPartition(report.topic, number, at) for number, at in report.next_offsets.items()]
    if not report.messages:
        return
    try:
        reader.commit(offsets=offsets, asynchronous=True)
    except library.KafkaException as error:
        logger.debug("offsets were not committed to the group: %s", error)


def _log(report: ConsumeReport, run_id: str) -> None:
    logger.info(
        "run %s read %d messages of %s in %.2f s: accepted %d, duplicates %d, rejected %d, repeated %d, lost %d; "
        "partitions left to others %s",
        run_id, report.messages, report.topic, report.duration_seconds, report.taken.accepted,
        report.taken.duplicates, report.taken.rejected, report.taken.repeated, report.lost, report.left_out,
    )  # fmt: skip


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
