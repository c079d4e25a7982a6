"""Reading a range of a partition once more, through the same checks: what is known stays as it is."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import closing

from sqlalchemy import Connection, Engine

from include.errors import InputError, StoreBusy
from include.events.apps.rules import RulesCache
from include.events.intake.room import InboxRoom
from include.events.kafka.blocks import Range, Reading
from include.events.kafka.offsets import held_partitions
from include.events.kafka.topic import Bounds, Topic, ask_topic, open_reader
from include.events.kafka.unpacking import Taken, take_block
from include.progress import Progress, no_progress
from include.settings.intake import IntakeSettings

RETRY_SECONDS = 30.0

logger = logging.getLogger(__name__)


def replay_range(engine: Engine, settings: IntakeSettings, wanted: Range, *, progress: Progress = no_progress) -> Taken:
    """Read a range of offsets again and take in what is missing; the stored offsets do not move.

    Args:
        engine: the state engine.
        settings: of intake, with the broker.
        wanted: the partition and the half-open range of offsets.
        progress: told of offsets read.

    Returns:
        What became of the messages; those that had been taken in before count as repeated.

    Raises:
        InputError: there is no such partition, or it does not hold the whole range.
        StoreBusy: another process is reading the partition, or the inbox is full.
        StoreUnavailable: the broker or PostgreSQL cannot be reached.
        ConfigError: the client library is missing, or the broker refuses the login.
    """
    if wanted.begin >= wanted.end:
        raise InputError("--from must be smaller than --to; --to itself is not read.", pointer="--from")
    with closing(open_reader(settings.kafka)) as reader:
        topic = ask_topic(settings.kafka, reader)
        _require(topic, wanted)
        with held_partitions(engine, topic.name, [wanted.partition]) as held:
            if not held:
                raise StoreBusy(
                    f"Partition {wanted.partition} of {topic.name} is being read by another process; try again later.",
                    code="busy",
                    wait_seconds=RETRY_SECONDS,
                )
            taken = _replay(engine, settings, Reading(settings.kafka, reader, topic, [wanted]), progress)
    logger.info(
        "replayed offsets %d to %d of partition %d: accepted %d, duplicates %d, rejected %d, repeated %d",
        wanted.begin, wanted.end, wanted.partition, taken.accepted, taken.duplicates, taken.rejected, taken.repeated,
    )  # fmt: skip
    return taken


def _require(topic: Topic, wanted: Range) -> None:
    bounds: Bounds | None = next((one for one in topic.bounds if one.partition == wanted.partition), None)
    if bounds is None:
        raise InputError(
            f"{topic.name} has no partition {wanted.partition}; it has {len(topic.bounds)}.", pointer="--partition"
        )
    if wanted.begin < bounds.begin or wanted.end > bounds.end:
        raise InputError(
            f"Partition {wanted.partition} holds the offsets {bounds.begin} to {bounds.end} (exclusive); "
            "choose a range inside.",
            code="out_of_range",
            pointer="--from" if wanted.begin < bounds.begin else "--to",
        )


def _replay(engine: Engine, settings: IntakeSettings, reading: Reading, progress: Progress) -> Taken:
    rules, room, taken, total = RulesCache(), InboxRoom(settings), Taken(), reading.offsets_left
    for block in reading.blocks():
        room.require(engine)
        taken.add(take_block(engine, block, rules=rules, settings=settings, also=_stay))
        progress("reading again", total - reading.offsets_left, total)
    return taken


def _stay(_: Connection, __: Mapping[int, tuple[int, int]]) -> None:
    """Offsets stay where they are."""
