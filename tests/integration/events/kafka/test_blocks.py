"""Reading ranges of a topic over the wire, without the stores."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing

import pytest

from include.errors import StoreUnavailable
from include.events.kafka import blocks
from include.events.kafka.blocks import Range, Reading
from include.events.kafka.topic import ask_topic, open_reader
from include.settings.intake import KafkaSettings
from tests.kafka_cluster import KafkaCluster, kafka_cluster


@pytest.fixture
def cluster() -> Iterator[KafkaCluster]:
    with kafka_cluster() as found:
        found.create(partitions=2)
        yield found


@pytest.fixture
def settings(cluster: KafkaCluster) -> KafkaSettings:
    return KafkaSettings(servers=cluster.servers)


def places(reading: Reading) -> list[tuple[int, int]]:
    found = [(one.place.partition, one.place.offset) for block in reading.blocks() for one in block.messages]
    return sorted(found)


class TestReading:
    def test_should_read_exactly_the_ranges_when_there_is_more(
        self, cluster: KafkaCluster, settings: KafkaSettings
    ) -> None:
        for number in range(6):
            cluster.write(b"%d" % number, partition=number % 2)
        with closing(open_reader(settings)) as reader:
            topic = ask_topic(settings, reader)
            assert places(Reading(settings, reader, topic, [Range(0, 1, 3), Range(1, 0, 2)])) == [
                (0, 1), (0, 2), (1, 0), (1, 1),
            ]  # fmt: skip

    def test_should_read_nothing_when_the_ranges_are_empty(
        self, cluster: KafkaCluster, settings: KafkaSettings
    ) -> None:
        cluster.write(b"1")
        with closing(open_reader(settings)) as reader:
            topic = ask_topic(settings, reader)
            assert places(Reading(settings, reader, topic, [Range(0, 1, 1)])) == []

    def test_should_leave_the_partition_to_the_next_run_when_an_offset_is_deleted_under_it(
        self, cluster: KafkaCluster, settings: KafkaSettings, caplog: pytest.LogCaptureFixture
    ) -> None:
        for number in range(4):
            cluster.write(b"%d" % number)
        cluster.write(b"x", partition=1)
        with closing(open_reader(settings)) as reader:
            topic = ask_topic(settings, reader)
            cluster.delete_before(2)
            with caplog.at_level(logging.WARNING):
                assert places(Reading(settings, reader, topic, [Range(0, 0, 4), Range(1, 0, 1)])) == [(1, 0)]
        assert "lost offset 0 while it was read" in caplog.text

    def test_should_say_that_the_broker_is_away_when_it_falls_silent(
        self, cluster: KafkaCluster, settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cluster.write(b"1")
        monkeypatch.setattr(blocks, "QUIET_SECONDS", 1.0)
        with closing(open_reader(settings)) as reader:
            topic = ask_topic(settings, reader)
            cluster.go_away()
            with pytest.raises(StoreUnavailable, match="the next run reads the rest"):
                places(Reading(settings, reader, topic, [Range(0, 0, 1)]))
