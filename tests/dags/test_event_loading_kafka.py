"""The DAG that runs every minute when Kafka is the transport: the topic first, then the inbox."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from include.events.kafka import topic as topic_module
from tests.dags.rig import DagRig
from tests.event_inbox import opened_inbox
from tests.kafka_cluster import kafka_cluster
from tests.kafka_topic import KafkaTopic, topic_on


@pytest.fixture
def topic(rig: DagRig, monkeypatch: pytest.MonkeyPatch) -> Iterator[KafkaTopic]:
    with opened_inbox(rig.environ) as inbox, kafka_cluster() as cluster:
        inbox.clear()
        cluster.create()
        found = topic_on(cluster, replace(inbox))
        for name in ("EVENTS_TRANSPORT", "KAFKA_BOOTSTRAP_SERVERS"):
            monkeypatch.setenv(name, found.environ[name])
        yield found


def state_of(run: Any) -> tuple[str, str]:
    return str(run.state), str(run.get_task_instance("load_events").state)


def stored(topic: KafkaTopic) -> list[int]:
    return [event_id.int for (event_id,) in topic.inbox.rows("event_id", final=False)]


class TestEventLoadingKafka:
    def test_should_land_what_stands_in_the_topic_in_one_run(self, rig: DagRig, topic: KafkaTopic) -> None:
        topic.send(*range(1, 11))
        assert state_of(rig.run("event_loading")) == ("success", "success")
        assert stored(topic) == list(range(1, 11))

    def test_should_load_the_inbox_all_the_same_when_the_broker_is_away(
        self, rig: DagRig, topic: KafkaTopic, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        topic.send(1, 2)
        topic.consume()
        topic.send(3)
        topic.cluster.go_away()
        monkeypatch.setattr(topic_module, "ASK_SECONDS", 1.0)
        assert state_of(rig.run("event_loading")) == ("success", "success")
        assert stored(topic) == [1, 2]

    def test_should_fail_and_read_it_later_when_the_broker_is_away_and_nothing_else_waits(
        self, rig: DagRig, topic: KafkaTopic, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        topic.send(1)
        topic.cluster.go_away()
        monkeypatch.setattr(topic_module, "ASK_SECONDS", 1.0)
        assert state_of(rig.run("event_loading"))[0] == "failed"
        topic.cluster.come_back()
        assert state_of(rig.run("event_loading")) == ("success", "success")
        assert stored(topic) == [1]
