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
def topic(cluster: KafkaCluster, inbox: Inbox) -> KafkaTopic:
    return topic_on(cluster, inbox)
