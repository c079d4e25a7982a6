"""What the broker says of the topic: its id, its partitions, and where each begins and ends."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.errors import ConfigError, StoreUnavailable
from include.events.kafka.library import load_library, open_admin, open_consumer
from include.settings.intake import KafkaSettings

if TYPE_CHECKING:
    from confluent_kafka import Consumer

ASK_SECONDS = 5.0
GROUP = "counterflow"  # its commits are a hint for tools that show lag; offsets are read from PostgreSQL
REFUSALS = ("_AUTHENTICATION", "SASL_AUTHENTICATION_FAILED", "_SSL", "TOPIC_AUTHORIZATION_FAILED")
ABSENT = ("UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bounds:
    """What a partition holds.

    Attributes:
        partition: its number.
        begin: offset of the oldest message still there.
        end: offset the next message will get.
    """

    partition: int
    begin: int
    end: int


@dataclass(frozen=True)
class Topic:
    """A topic as the broker knows it.

    Attributes:
        name: its name.
        topic_id: the broker's id; another one after the topic was deleted and made anew.
        bounds: of its partitions, in order; empty when there is no such topic yet.
    """

    name: str
    topic_id: str
    bounds: tuple[Bounds, ...]


def open_reader(settings: KafkaSettings) -> Consumer:
    """Make the consumer that reads the topic; it is told its partitions and offsets, and joins no group.

    Args:
        settings: how to reach the broker.

    Returns:
        The consumer; close it.

    Raises:
        ConfigError: the library is missing, or refuses a setting.
    """
    return open_consumer(
        settings,
        **{
            "group.id": GROUP,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "allow.auto.create.topics": False,
            "check.crcs": True,
        },
    )


def ask_topic(settings: KafkaSettings, reader: Consumer) -> Topic:
    """Ask the broker about the topic.

    Args:
        settings: with the name of the topic.
        reader: a consumer of the broker.

    Returns:
        The topic; without partitions when it does not exist yet.

    Raises:
        StoreUnavailable: the broker does not answer.
        ConfigError: it refuses the login, or the library is missing.
    """
    described = _describe(settings)
    if described is None:
        return Topic(settings.topic, "", ())
    topic_id, partitions = described
    return Topic(settings.topic, topic_id, tuple(_bounds(settings, reader, partition) for partition in partitions))


def _describe(settings: KafkaSettings) -> tuple[str, Sequence[int]] | None:
    library = load_library()
    admin = open_admin(settings)
    try:
        asked = admin.describe_topics(library.TopicCollection([settings.topic]), request_timeout=ASK_SECONDS)
        found = asked[settings.topic].result(timeout=ASK_SECONDS + 1)
    except library.KafkaException as error:
        if error.args[0].name() in ABSENT:
            return None
        raise broker_trouble(settings, error.args[0]) from None
    except TimeoutError:
        raise _silent(settings) from None
    return str(found.topic_id), sorted(partition.id for partition in found.partitions)


def _bounds(settings: KafkaSettings, reader: Consumer, partition: int) -> Bounds:
    library = load_library()
    try:
        asked = library.TopicPartition(settings.topic, partition)
        found = reader.get_watermark_offsets(asked, timeout=ASK_SECONDS)
    except library.KafkaException as error:
        raise broker_trouble(settings, error.args[0]) from None
    if found is None:
        raise _silent(settings)
    return Bounds(partition, *found)


def broker_trouble(settings: KafkaSettings, error: Any) -> StoreUnavailable | ConfigError:
    """Name what is wrong with the broker.

    Args:
        settings: with its address.
        error: the library's error.

    Returns:
        An error of the product: a login to correct, or a broker to wait for.
    """
    if error.name() in REFUSALS:
        return ConfigError(
            f"The Kafka broker at {settings.servers} refused the login of {settings.username!r} or its rights on "
            f"{settings.topic} ({error.name()}); correct KAFKA_*."
        )
    return StoreUnavailable(
        f"The Kafka broker at {settings.servers} cannot be asked about {settings.topic} ({error.str()}); "
        "start it, or correct KAFKA_BOOTSTRAP_SERVERS."
    )


def _silent(settings: KafkaSettings) -> StoreUnavailable:
    return StoreUnavailable(
        f"The Kafka broker at {settings.servers} does not answer within {ASK_SECONDS:.0f} s; "
        "start it, or correct KAFKA_BOOTSTRAP_SERVERS."
    )
