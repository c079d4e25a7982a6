"""E9: the reader of the topic killed at any step and run again: every event once, offsets with their events."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.events.kafka.consuming import CONSUME_FAILPOINTS
from include.events.kafka.sending import SENT
from include.services.engines.endpoints import Endpoints
from include.state.tables import event_quarantine, receipts
from tests.event_inbox import Inbox, own_inbox
from tests.kafka_cluster import kafka_cluster
from tests.kafka_process import consume_and_die, send_and_die
from tests.kafka_topic import KafkaTopic, topic_on

INTAKE_STEPS = (
    "intake.checked",
    "intake.locked",
    "intake.remembered",
    "intake.receipted",
    "intake.quarantined",
    "intake.spooled",
    "intake.joined",
    "intake.committed",
)
GOOD, BAD = 40, 3


@pytest.fixture(scope="module")
def inbox(endpoints: Endpoints) -> Iterator[Inbox]:
    with own_inbox(endpoints) as found:
        yield found


@pytest.fixture
def topic(inbox: Inbox) -> Iterator[KafkaTopic]:
    with kafka_cluster() as cluster:
        cluster.create(partitions=2)
        yield topic_on(cluster, inbox)


def fill(topic: KafkaTopic) -> None:
    """Events, messages that are none, and an offset without a message."""
    topic.send(*range(1, GOOD // 2 + 1))
    for number in range(BAD):
        topic.cluster.write(b"{%d" % number, partition=number % 2)
    topic.cluster.write_marker()
    topic.send(*range(GOOD // 2 + 1, GOOD + 1))


class TestReaderKilled:
    @pytest.mark.parametrize("point", CONSUME_FAILPOINTS + INTAKE_STEPS)
    def test_should_land_every_event_once_when_killed_at(self, topic: KafkaTopic, point: str) -> None:
        fill(topic)
        assert consume_and_die(topic.environ, point)
        offsets = sum(offset.next_offset for offset in topic.offsets())
        assert (offsets == 0) == (topic.inbox.count(receipts) == 0)
        topic.consume()
        assert topic.landed() == list(range(1, GOOD + 1))
        assert topic.inbox.count(event_quarantine) == BAD
        assert topic.inbox.count(receipts) == GOOD + BAD
        assert [offset.lag for offset in topic.offsets()] == [0, 0]

    def test_should_land_every_event_once_when_killed_again_and_again(self, topic: KafkaTopic) -> None:
        for start, point in enumerate(CONSUME_FAILPOINTS):
            topic.send(*range(start * 10 + 1, start * 10 + 11))
            assert consume_and_die(topic.environ, point)
        topic.consume()
        assert topic.landed() == list(range(1, len(CONSUME_FAILPOINTS) * 10 + 1))


class TestSenderKilled:
    def test_should_land_once_when_killed_before_its_answer_and_sent_again(self, topic: KafkaTopic) -> None:
        message = topic.outgoing(1)
        assert send_and_die(topic.environ, SENT, message)
        topic.send(1, envelope=message.envelope)
        taken = topic.consume().taken
        assert (taken.accepted, taken.duplicates) == (1, 1)
        assert topic.landed() == [1]
