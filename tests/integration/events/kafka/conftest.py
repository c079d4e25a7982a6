"""A broker for each test, and stores for each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.services.engines.endpoints import Endpoints
from tests.event_inbox import Inbox, own_inbox
from tests.kafka_cluster import KafkaCluster, kafka_cluster
from tests.kafka_topic import KafkaTopic, topic_on


@pytest.fixture(scope="module")
def inbox(endpoints: Endpoints) -> Iterator[Inbox]:
    with own_inbox(endpoints) as found:
        yield found


@pytest.fixture
def cluster() -> Iterator[KafkaCluster]:
    with kafka_cluster() as found:
        yield found


@pytest.fixture
def bare_topic(cluster: KafkaCluster, inbox: Inbox) -> KafkaTopic:
    """The broker does not have it yet."""
    return topic_on(cluster, inbox)


@pytest.fixture
def topic(bare_topic: KafkaTopic) -> KafkaTopic:
    """With one partition."""
    bare_topic.cluster.create()
    return bare_topic


@pytest.fixture
def wide_topic(bare_topic: KafkaTopic) -> KafkaTopic:
    """With four partitions."""
    bare_topic.cluster.create(partitions=4)
    return bare_topic
