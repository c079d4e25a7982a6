"""Sending events to the topic: acknowledged by all replicas within a bounded time, or not at all."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Any

from include.events.kafka.library import load_library, open_producer
from include.events.kafka.messages import Outgoing, headers_of, key_of, value_of
from include.events.kafka.resting import Rest
from include.failpoints import failpoint
from include.settings.intake import KafkaSettings

if TYPE_CHECKING:
    from confluent_kafka import Producer

SEND_MS = 3_000  # a device waits for its answer; after that the inbox is asked
LATE_SECONDS = 0.5  # for the report of a delivery that ran into its time limit
POLL_SECONDS = 1.0
ALL_DOWN = "_ALL_BROKERS_DOWN"
SENT = "kafka.sent"

logger = logging.getLogger(__name__)


class Sending:
    """The one producer of a process for one broker.

    Args:
        settings: how to reach the broker.

    Raises:
        ConfigError: the library is missing, or refuses a setting.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer = self._open()
        self._rest = Rest()
        self._failures = 0
        self._to_inbox = 0
        self._is_told = False  # the log says that events go to the inbox
        self._changing = threading.Lock()
        threading.Thread(target=self._report, name="kafka-reports", daemon=True).start()

    def send(self, message: Outgoing) -> bool:
        """Send one message and wait for its acknowledgement; see :func:`send`."""
        if not self._rest.may_ask():
            with self._changing:
                self._to_inbox += 1
            return False
        trouble = self._deliver(message)
        if not trouble:
            self._rest.end()
            self._is_told = False
            failpoint(SENT)
            return True
        self._note_failure(trouble)
        return False

    def _deliver(self, message: Outgoing) -> str:
        """Send; give the reason when it was not acknowledged in time, else an empty text."""
        done, errors = threading.Event(), list[Any]()

        def report(error: Any, _: Any) -> None:
            """Take the report of the delivery."""
            errors.append(error)
            done.set()

        try:
            self._producer.produce(
                self._settings.topic,
                key=key_of(message),
                value=value_of(message),
                headers=headers_of(message),
                on_delivery=report,
            )
        except (BufferError, load_library().KafkaException) as error:
            return str(error)
        if not done.wait(SEND_MS / 1000 + LATE_SECONDS):
            return "no answer in time"
        return str(errors[0].str()) if errors[0] is not None else ""

    def _note_failure(self, trouble: str) -> None:
        is_new_rest = self._rest.begin()  # perhaps the client library noticed first, and began one
        with self._changing:
            self._failures += 1
            self._to_inbox += 1
            is_news, self._is_told = is_new_rest or not self._is_told, True
        if is_news:
            logger.warning(
                "the broker did not acknowledge an event (%s); the inbox takes events for %.0f s; "
                "since this process started: %d failures, %d events to the inbox",
                trouble, self._rest.seconds, self._failures, self._to_inbox,
            )  # fmt: skip

    def _open(self) -> Producer:
        return open_producer(
            self._settings,
            **{
                "enable.idempotence": True,
                "acks": "all",
                "message.timeout.ms": SEND_MS,
                "request.timeout.ms": SEND_MS,
                "linger.ms": 1,
                "error_cb": self._note_error,
            },
        )

    def _note_error(self, error: Any) -> None:
        """A producer that lost its place in the order of a partition is of no use any more."""
        if error.name() == ALL_DOWN and self._rest.begin():
            logger.info("no broker can be reached (%s); the inbox takes events", error.str())
        if error.fatal():
            logger.warning("the producer cannot go on (%s); a new one is made", error.str())
            self._producer = self._open()

    def _report(self) -> None:
        while True:
            self._producer.poll(POLL_SECONDS)


_opened: dict[KafkaSettings, Sending] = {}
_inherited: list[dict[KafkaSettings, Sending]] = []
_opening = threading.Lock()


def send(settings: KafkaSettings, message: Outgoing) -> bool:
    """Send an event to the topic, and wait until all replicas have it.

    Args:
        settings: how to reach the broker.
        message: the event, with what the reader must know of its request.

    Returns:
        True: it is durable. False: the broker is away or slow; take the event, with the same id, into the inbox.
        It may still arrive in the topic; then it is a duplicate when it is read.

    Raises:
        ConfigError: the client library is missing, or refuses a setting.
    """
    with _opening:
        if settings not in _opened:
            _opened[settings] = Sending(settings)
        sending = _opened[settings]
    return sending.send(message)


def _forget_after_fork() -> None:
    """The threads of a producer stay in the parent; what was inherited must neither be used nor taken apart."""
    global _opened, _opening
    _inherited.append(_opened)
    _opened, _opening = {}, threading.Lock()


os.register_at_fork(after_in_child=_forget_after_fork)
